// What can be asked of a node and of the head by anybody who may call them: `$node@name` and `$head@name`.
// Only words and their meaning; the work is done where the state is.
import type { MessageRecord } from "./cell.ts";
import type { Clock } from "./clock.ts";
import { parseAddress } from "./envelope.ts";
import { ActorError } from "./errors.ts";
import type { CallInFlight, Exchange } from "./exchange.ts";
import type { ActorShape, EvaluateOptions, Evaluation } from "./inspect.ts";
import type { Node } from "./node.ts";
import type { NodeInfo, Registry } from "./registry.ts";
import type { ActorReport, Residents, SpawnRequest } from "./residents.ts";
import type { Down } from "./supervisor.ts";
import { currentTurn } from "./turn.ts";

export interface NodeControl {
  spawn(request: SpawnRequest): Promise<string>;
  stopActor(address: string, reason: string, graceMs: number): Promise<void>;
  /** Resolves when the present life of the actor ends. */
  awaitDown(address: string): Promise<Down>;
  /** The full address of a name. */
  resolve(name: string): Promise<string>;
  info(): Promise<NodeReport>;
  /** The nodes that this one knows: itself, and if it is the head all members. */
  nodes(): Promise<NodeInfo[]>;
  /** Brief reports come at once and have no `cell`; others wait up to two seconds for hosts that are busy. */
  actors(options?: { isBrief?: boolean }): Promise<ActorReport[]>;
  /** What the actor has been asked and has not answered, the oldest first. The node knows even if the actor hangs. */
  inFlight(address: string): Promise<CallInFlight[]>;
  /** The flight recorder: the last messages, newest last. */
  recent(address: string): Promise<MessageRecord[]>;
  describe(address: string): Promise<ActorShape>;
  evaluate(address: string, expression: string, how: EvaluateOptions): Promise<Evaluation>;
  /** What the actor's host runs at this moment, innermost first; of a thread and of Python even if it hangs. */
  stack(address: string): Promise<string[]>;
}

export interface NodeReport {
  name: string;
  pid: number;
  actorCount: number;
  /** Calls that pass through it and wait for an answer; the one that asked for this report is one of them. */
  inFlightCount: number;
  rssBytes: number;
  /** Its actors are being stopped; it will say goodbye. */
  isStopping: boolean;
}

export interface HeadControl {
  join(node: NodeInfo): Promise<void>;
  node(name: string): Promise<NodeInfo | null>;
  nodes(): Promise<NodeInfo[]>;
  claim(name: string, node: string): Promise<void>;
  release(name: string, node: string): Promise<void>;
  /** The node on which a name lives; null if nobody has it. */
  resolve(name: string): Promise<string | null>;
}

export function makeNodeControl(parts: {
  node: Node;
  residents: Residents;
  exchange: Exchange;
  clock: Clock;
  resolve: (name: string) => Promise<string>;
}): NodeControl {
  const { node, residents, exchange, clock, resolve } = parts;
  const nameOf = (address: string) => {
    const { name, node: where } = parseAddress(address);
    if (where !== undefined && where !== node.name)
      throw new ActorError("no_such_actor", `${address} does not live on ${node.name}.`);
    return name;
  };
  return {
    spawn: (request) => residents.spawn(request),
    stopActor: (address, reason, graceMs) => residents.stop(nameOf(address), reason, graceMs),
    awaitDown: (address) => residents.awaitDown(nameOf(address)),
    resolve,
    info: async () => ({
      name: node.name,
      pid: process.pid,
      actorCount: residents.size,
      inFlightCount: exchange.inFlight,
      rssBytes: process.memoryUsage.rss(),
      isStopping: node.isStopping,
    }),
    nodes: async () => node.nodes(),
    actors: ({ isBrief = false } = {}) => residents.reports(isBrief),
    inFlight: async (address) => exchange.towards(`${nameOf(address)}@${node.name}`),
    recent: async (address) => residents.host(nameOf(address)).control.recent(nameOf(address)),
    describe: async (address) => residents.host(nameOf(address)).control.describe(nameOf(address)),
    stack: async (address) => residents.host(nameOf(address)).control.stack(),
    evaluate: async (address, expression, how) => {
      const { deadlineAtMs } = currentTurn();
      // The host may be busy until after the asker has gone; by the wall clock, which threads and processes share.
      const notAfterMs = deadlineAtMs === null ? undefined : Date.now() + deadlineAtMs - clock.nowMs();
      const name = nameOf(address);
      return residents.host(name).control.evaluate(name, expression, { ...how, notAfterMs });
    },
  };
}

export function makeHeadControl(registry: Registry, onJoin: (node: NodeInfo) => void): HeadControl {
  return {
    join: async (node) => {
      registry.join(node);
      onJoin(node);
    },
    node: async (name) => registry.node(name) ?? null,
    nodes: async () => registry.nodes(),
    claim: async (name, node) => registry.claim(name, node),
    release: async (name, node) => registry.release(name, node),
    resolve: async (name) => registry.resolve(name) ?? null,
  };
}
