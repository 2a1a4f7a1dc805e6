// Where actors live: loads their classes, hands them their messages, stops them. One a thread, one a process.
// Has a single way out, `send`, and no idea whether a port or a socket is behind it.
import { loadActor, mailboxSpecOf, type StartReason } from "./actor.ts";
import { Caller } from "./caller.ts";
import { Cell, type CellReport, type MessageRecord, type SpawnSpec } from "./cell.ts";
import { type Clock, machineMs } from "./clock.ts";
import { packValue, unpackValue, type ValueHooks } from "./codec.ts";
import { type Answer, type Call, type Envelope, isLast, kinds, parseAddress } from "./envelope.ts";
import { ActorError } from "./errors.ts";
import { refuse } from "./exchange.ts";
import { addressIfHandle, makeHandle } from "./handle.ts";
import { type ActorShape, describeInstance, type EvaluateOptions, type Evaluation, evaluate } from "./inspect.ts";
import { Turn, turns } from "./turn.ts";

export interface HostOptions {
  /** Who calls when no actor does: `driver@node-a`. */
  name: string;
  clock: Clock;
  send: (envelope: Envelope) => void;
}

/** What a node asks of a host, over comlink into a thread and over the wire into a process; the same words for both. */
export interface HostControl {
  spawnActor(spec: SpawnSpec): Promise<void>;
  stopActor(name: string, reason: string, graceMs: number): Promise<void>;
  /** Nobody wants this start any more. Asked of hosts that several actors share; a host of its own is killed instead. */
  callOff(birth: number, reason: string): Promise<void>;
  reports(): Promise<CellReport[]>;
  recent(name: string): Promise<MessageRecord[]>;
  describe(name: string): Promise<ActorShape>;
  evaluate(name: string, expression: string, how: EvaluateOptions): Promise<Evaluation>;
  /** What runs there at this moment, innermost first; empty if nothing does. */
  stack(): Promise<string[]>;
}

/** Of so many that are no more it is known why. */
const maxStopped = 10_000;

export class Host {
  readonly caller: Caller;
  readonly #options: HostOptions;
  readonly #hooks: ValueHooks;
  readonly #cells = new Map<string, Cell>();
  /** Why an actor that lived here does not any more; calls may still be on their way to it. */
  readonly #stopped = new Map<string, string>();
  /** Starts under way that nobody wants any more, and why. */
  readonly #calledOff = new Map<number, string>();
  /** Calls that have come in and not been answered, so that a word to one of them finds its actor. */
  readonly #answering = new Map<number, Cell>();

  constructor(options: HostOptions) {
    this.#options = options;
    this.#hooks = {
      addressOf: addressIfHandle,
      makeHandle: (address) => makeHandle(address, this.caller),
    };
    this.caller = new Caller({
      name: options.name,
      clock: options.clock,
      send: options.send,
      hooks: () => this.#hooks,
    });
  }

  /**
   * Loads the class, constructs it, runs its `start` hook; the actor takes messages once this has resolved.
   * Rejects with `start_failed`, its cause what the constructor or the hook threw.
   */
  async spawn(spec: SpawnSpec): Promise<void> {
    try {
      await this.#bear(spec, await loadActor(spec.module, spec.className));
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw new ActorError("start_failed", `${spec.address} (${spec.className}) did not start: ${what}`, {
        actor: spec.address,
        cause: error,
      });
    } finally {
      this.#calledOff.delete(spec.birth);
    }
  }

  async #bear(spec: SpawnSpec, actorClass: new (...args: unknown[]) => object): Promise<void> {
    const turn = new Turn({
      actor: spec.address,
      incarnation: spec.incarnation,
      from: this.#options.name,
      method: "start",
      deadlineAtMs: null,
      chain: null,
      clock: this.#options.clock,
      caller: this.caller,
    });
    const args = unpackValue(spec.args, this.#hooks) as unknown[];
    const instance = await turns.run(turn, async () => {
      const made = new actorClass(...args);
      await (made as { start?(reason: StartReason): unknown }).start?.(startReason(spec));
      return made;
    });
    turn.end();
    const reason = this.#calledOff.get(spec.birth);
    if (reason !== undefined) {
      await (instance as { stop?(reason: string): unknown }).stop?.(reason);
      throw new Error(reason);
    }
    this.#settle(spec, instance);
  }

  #settle(spec: SpawnSpec, instance: object): void {
    const { clock } = this.#options;
    const send = (answer: Answer) => this.#sendAnswer(answer);
    this.#cells.set(spec.name, new Cell({ spec, instance, caller: this.caller, clock, send, hooks: this.#hooks }));
  }

  /** Makes an object of the runtime itself callable under a name: a node, a head, a host. Its calls run side by side. */
  serve(name: string, node: string, instance: object): void {
    const spec: SpawnSpec = {
      name,
      address: `${name}@${node}`,
      module: "",
      className: instance.constructor.name,
      args: packValue([]),
      birth: 0,
      incarnation: 1,
      restartOf: null,
      mailbox: mailboxSpecOf({
        concurrency: Number.POSITIVE_INFINITY,
        mailboxCapacity: Number.POSITIVE_INFINITY,
        mailboxBytes: Number.POSITIVE_INFINITY,
      }),
      reentrancy: "always",
    };
    this.#settle(spec, instance);
  }

  /** Lets running calls end for `graceMs`, then runs the `stop` hook. A name that is not here is fine. */
  async stop(name: string, reason: string, graceMs: number): Promise<void> {
    const cell = this.#cells.get(name);
    if (!cell) return;
    await cell.drain(reason, graceMs);
    try {
      await (cell.instance as { stop?(reason: string): unknown }).stop?.(reason);
    } finally {
      this.#cells.delete(name);
      this.#stopped.set(name, reason);
      for (const oldest of this.#stopped.keys()) {
        if (this.#stopped.size <= maxStopped) break;
        this.#stopped.delete(oldest);
      }
    }
  }

  /** Ends one start: as soon as it is done, without anybody having met the actor; or at once where it is done already. */
  async callOff(birth: number, reason: string): Promise<void> {
    const cell = [...this.#cells.values()].find(({ spec }) => spec.birth === birth);
    if (cell) await this.stop(cell.spec.name, reason, 0);
    else this.#calledOff.set(birth, reason);
  }

  /** Every envelope that comes in. */
  deliver(envelope: Envelope): void {
    switch (envelope.kind) {
      case kinds.call: {
        const { name } = parseAddress(envelope.target);
        const cell = this.#cells.get(name);
        if (!cell) {
          this.#refuse(envelope.id, envelope.target, envelope.method);
          break;
        }
        if (envelope.id !== 0) this.#answering.set(envelope.id, cell);
        takeOffWay(envelope);
        cell.accept(envelope);
        break;
      }
      case kinds.cancel:
        this.#answering.get(envelope.id)?.cancel(envelope.id, envelope.reason);
        break;
      case kinds.credit:
        this.#answering.get(envelope.id)?.grant(envelope.id, envelope.items);
        break;
      case kinds.result:
      case kinds.items:
      case kinds.end:
        this.caller.deliver(envelope);
        break;
      default:
        break; // signs of life and greetings end at the link
    }
  }

  /** The words by which a node commands this host. */
  control(): HostControl {
    return {
      spawnActor: (spec) => this.spawn(spec),
      stopActor: (name, reason, graceMs) => this.stop(name, reason, graceMs),
      callOff: (birth, reason) => this.callOff(birth, reason),
      reports: async () => [...this.#cells.values()].map((cell) => cell.report()),
      recent: async (name) => this.#cells.get(name)?.recent() ?? [],
      describe: async (name) => describeInstance(this.#instance(name)),
      evaluate: async (name, expression, how) => evaluate(this.#instance(name), expression, how),
      stack: async () => [], // whoever can answer this is not busy
    };
  }

  #instance(name: string): object {
    const cell = this.#cells.get(name);
    if (!cell)
      throw new ActorError("no_such_actor", `${name} does not live on ${this.#options.name}.`, { actor: name });
    return cell.instance;
  }

  #sendAnswer(answer: Answer): void {
    if (isLast(answer)) this.#answering.delete(answer.id);
    this.#options.send(answer);
  }

  #refuse(id: number, target: string, method: string): void {
    const reason = this.#stopped.get(parseAddress(target).name);
    const what = reason === undefined ? "does not live here" : `was stopped: ${reason}`;
    const code = reason === undefined ? "no_such_actor" : "stopped";
    const error = new ActorError(code, `${target} ${what}; ${method} did not run.`, { actor: target, method });
    refuse({ label: this.#options.name, send: this.#options.send, close() {} }, id, error);
  }
}

/** What a call has lain before a host that was busy is gone from its deadline: it must not run late for that. */
function takeOffWay(call: Call): void {
  if (call.sentMs === null || call.deadlineMs === null) return;
  call.deadlineMs -= Math.max(0, machineMs() - call.sentMs);
}

function startReason(spec: SpawnSpec): StartReason {
  if (spec.restartOf === null) return { kind: "first" };
  return { kind: "restart", after: spec.restartOf, restarts: spec.incarnation - 1 };
}
