// The actors that live on a node: brings them up, delivers to them, starts them again, stops them.
// Between two lives of an actor its calls wait; after the last they are told why.
import { type ActorOptions, mailboxSpecOf, reentrancyOf } from "./actor.ts";
import { bringUp, defaultStartDeadlineMs } from "./birth.ts";
import type { CalledOffCall } from "./called-off.ts";
import type { CellReport } from "./cell.ts";
import type { Channel } from "./channel.ts";
import { type Clock, machineMs } from "./clock.ts";
import { packValue } from "./codec.ts";
import { type Call, parseAddress } from "./envelope.ts";
import { ActorError, isActorError } from "./errors.ts";
import { type Exchange, refuse } from "./exchange.ts";
import { addressIfHandle } from "./handle.ts";
import type { HostLink } from "./host-link.ts";
import type { Hosts } from "./hosts.ts";
import { Queue } from "./queue.ts";
import { Child, type ChildState, type Down, defaultRestartPolicy, type RestartPolicy } from "./supervisor.ts";

export interface SpawnOptions extends ActorOptions, Partial<RestartPolicy> {
  /** Unique in the cluster; without it the actor gets a name of its class and a number. */
  name?: string;
  /** Where it shall live; here unless said. */
  node?: string;
}

/** A spawn as it travels between nodes. */
export interface SpawnRequest extends Omit<SpawnOptions, "node"> {
  module: string;
  className: string;
  args: readonly unknown[];
}

/** One line of `actors()`: what its host reports and what its supervisor knows. */
export interface ActorReport {
  address: string;
  className: string;
  placement: string;
  host: string;
  state: ChildState;
  restarts: number;
  /** Undefined while its host does not answer or it is not up, and in a brief report. */
  cell?: CellReport;
}

interface Resident {
  name: string;
  address: string;
  request: SpawnRequest;
  child: Child<HostLink>;
  /** Calls that came while it was not up. */
  waiting: Queue<{ call: Call; from: Channel; sinceMs: number }>;
  capacity: number;
  /** Aborted when it shall not start any more. */
  calledOff: AbortController;
  monitors: ((down: Down) => void)[];
}

export interface ResidentsOptions {
  node: string;
  clock: Clock;
  hosts: Hosts;
  exchange: Exchange;
  /** Takes a name in the cluster; rejects with `name_taken`. */
  claim: (name: string) => Promise<void>;
  release: (name: string) => Promise<void>;
  /** A line for people. */
  say: (line: string) => void;
}

const defaultCancelGraceMs = 60_000;
const reportDeadlineMs = 2000;
/** Of so many that are no more it is known why. */
const maxEpitaphs = 10_000;

export class Residents {
  readonly #options: ResidentsOptions;
  readonly #residents = new Map<string, Resident>();
  /** Why the last of this name is no more: a better answer than "no such actor". */
  readonly #epitaphs = new Map<string, ActorError>();
  #counts = new Map<string, number>();
  #isStopping = false;
  #birthCount = 0;

  constructor(options: ResidentsOptions) {
    this.#options = options;
  }

  has(name: string): boolean {
    return this.#residents.has(name);
  }

  get size(): number {
    return this.#residents.size;
  }

  /** Brings an actor up and gives its address. */
  async spawn(request: SpawnRequest): Promise<string> {
    if (this.#isStopping) throw new ActorError("stopped", `${this.#options.node} is stopping and starts no actors.`);
    const name = request.name ?? this.#freshName(request.className);
    if (name === "" || /[@/$\s]/.test(name))
      throw new ActorError("bad_option", `'${name}' is no name for an actor: leave out @, /, $ and blanks.`);
    const mailbox = mailboxSpecOf(request);
    const reentrancy = reentrancyOf(request);
    if (request.name !== undefined) await this.#options.claim(name);
    const address = `${name}@${this.#options.node}`;
    const args = packValue(request.args, { addressOf: addressIfHandle });
    const calledOff = new AbortController();
    const child = new Child<HostLink>({
      address,
      policy: restartPolicyOf(request),
      clock: this.#options.clock,
      bringUp: (incarnation, restartOf) =>
        bringUp(this.#options.hosts, this.#options.clock, {
          placement: request.placement ?? "shared",
          deadlineMs: request.startDeadlineMs ?? defaultStartDeadlineMs,
          calledOff: calledOff.signal,
          spec: {
            name,
            address,
            module: request.module,
            className: request.className,
            args,
            birth: ++this.#birthCount,
            incarnation,
            restartOf,
            mailbox,
            reentrancy,
          },
        }),
      onUp: () => this.#flush(resident),
      onDown: (down, error) => this.#down(resident, down, error),
    });
    const waiting: Resident["waiting"] = new Queue();
    const { capacity } = mailbox;
    const resident: Resident = { name, address, request, child, waiting, capacity, calledOff, monitors: [] };
    this.#residents.set(name, resident);
    try {
      await child.begin();
    } catch (error) {
      const failure = asStartFailure(error, address);
      this.#bury(resident, failure);
      throw failure;
    }
    return address;
  }

  /** Passes a call on to where the actor lives, or keeps it until it lives again. */
  deliver(call: Call, name: string, from: Channel): void {
    const resident = this.#residents.get(name);
    if (!resident) {
      refuse(from, call.id, this.#epitaphs.get(name) ?? noSuchActor(name, this.#options.node, call.method));
      return;
    }
    const { child, address, waiting, capacity } = resident;
    const home = child.home;
    if (home) this.#options.exchange.forward({ ...call, target: address, sentMs: machineMs() }, from, home.channel);
    else if (waiting.length < capacity) waiting.push({ call, from, sinceMs: this.#options.clock.nowMs() });
    else {
      const full = `refused ${call.method}: ${waiting.length} calls wait already for it to start.`;
      refuse(from, call.id, new ActorError("mailbox_full", `${address} ${full} Send less.`, { actor: address }));
    }
  }

  /** A call that was called off while its actor was not up does not reach it; false if none waits here. */
  cancel(id: number, from: Channel): boolean {
    for (const { waiting } of this.#residents.values()) {
      if (waiting.remove((other) => other.from === from && other.call.id === id)) return true;
    }
    return false;
  }

  /** How long a call may run on after it was called off; null for one that is not of this node, or not bounded. */
  cancelGraceMs(address: string): number | null {
    const { name, node } = parseAddress(address);
    const resident = node === this.#options.node ? this.#residents.get(name) : undefined;
    const { cancelGraceMs = defaultCancelGraceMs } = resident?.request ?? { cancelGraceMs: null };
    return cancelGraceMs;
  }

  /** A call runs on though it was called off: its actor's own thread or process is killed, a shared one is not. */
  ignored({ target, method, reason, to, graceMs }: CalledOffCall): void {
    const home = this.#residents.get(parseAddress(target).name)?.child.home;
    if (home?.channel !== to) return; // another life, or none
    const what = `${target} went on with ${method} for ${graceMs} ms after it was called off (${reason})`;
    if (!this.#options.hosts.isShared(home)) home.kill(what);
    else {
      const advice = "Let it look at callSignal(), or give it a thread of its own.";
      this.#options.say(`${what}; it shares its thread, so nobody ends it. ${advice}`);
    }
  }

  /** Resolves when the present life of the actor ends; at once if there is none. */
  awaitDown(name: string): Promise<Down> {
    const resident = this.#residents.get(name);
    const address = `${name}@${this.#options.node}`;
    if (!resident) {
      const reason = this.#epitaphs.get(name)?.message ?? `there is no ${address}`;
      return Promise.resolve({ address, incarnation: 0, reason, isRestarting: false });
    }
    return new Promise((resolve) => resident.monitors.push(resolve));
  }

  async stop(name: string, reason: string, graceMs: number): Promise<void> {
    const resident = this.#residents.get(name);
    if (!resident) return;
    const { child, calledOff, address } = resident;
    child.beginStop();
    calledOff.abort(
      new ActorError("stopped", `${address} was stopped while it started: ${reason}.`, { actor: address }),
    );
    await child.settled();
    if (child.home) await this.#evict(child.home, resident, reason, graceMs);
    child.ended(reason);
  }

  async #evict(home: HostLink, { name, address }: Resident, reason: string, graceMs: number): Promise<void> {
    const { hosts } = this.#options;
    try {
      await home.control.stopActor(name, reason, graceMs);
    } catch (error) {
      // The host died instead of answering: it has stopped too. Or the actor blocks it, and everybody there.
      if (isActorError(error, "call_timeout")) await hosts.endIfHung(home, `${address} never yielded`);
    }
    await hosts.release(home);
  }

  /** In reverse order of their start. */
  async stopAll(reason: string): Promise<void> {
    this.#isStopping = true;
    for (const name of [...this.#residents.keys()].reverse()) await this.stop(name, reason, 2000);
  }

  hostEnded(host: HostLink, reason: string): void {
    for (const { child } of [...this.#residents.values()]) if (child.home === host) child.crashed(reason);
  }

  host(name: string): HostLink {
    const home = this.#residents.get(name)?.child.home;
    if (!home) throw noSuchActor(name, this.#options.node, "inspection");
    return home;
  }

  /** What is known here of every actor and, unless brief, what its host says of it. */
  async reports(isBrief = false): Promise<ActorReport[]> {
    const cells = isBrief ? new Map<string, CellReport>() : await this.#cells();
    return [...this.#residents.values()].map(({ address, request, child }) => ({
      address,
      className: request.className,
      placement: request.placement ?? "shared",
      host: child.home?.label ?? "none",
      state: child.state,
      restarts: child.restarts,
      ...(cells.has(address) ? { cell: cells.get(address)! } : {}),
    }));
  }

  async #cells(): Promise<Map<string, CellReport>> {
    const homes = new Set(
      [...this.#residents.values()].map(({ child }) => child.home).filter((home) => home !== undefined),
    );
    const reports = await Promise.all([...homes].map((home) => inTime(home.control.reports())));
    return new Map(reports.flat().map((cell) => [cell.address, cell]));
  }

  #flush({ waiting, child, address }: Resident): void {
    const nowMs = this.#options.clock.nowMs();
    for (const { call, from, sinceMs } of waiting.drain()) {
      const deadlineMs = call.deadlineMs === null ? null : call.deadlineMs - (nowMs - sinceMs);
      const late = { ...call, deadlineMs, target: address, sentMs: machineMs() };
      this.#options.exchange.forward(late, from, child.home!.channel);
    }
  }

  #down(resident: Resident, down: Down, error: ActorError): void {
    for (const tell of resident.monitors.splice(0)) tell(down);
    if (!down.isRestarting) this.#bury(resident, error);
  }

  #bury(resident: Resident, error: ActorError): void {
    if (this.#residents.get(resident.name) !== resident) return;
    const { address, child } = resident;
    const { incarnation } = child;
    for (const tell of resident.monitors.splice(0)) {
      tell({ address, incarnation, reason: error.message, isRestarting: false });
    }
    this.#residents.delete(resident.name);
    this.#epitaphs.set(resident.name, error);
    for (const oldest of this.#epitaphs.keys()) {
      if (this.#epitaphs.size <= maxEpitaphs) break;
      this.#epitaphs.delete(oldest);
    }
    for (const { call, from } of resident.waiting.drain()) refuse(from, call.id, error);
    if (resident.request.name !== undefined) this.#options.release(resident.name).catch(() => {}); // the head is gone too
  }

  #freshName(className: string): string {
    const stem = className.replace(/([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])/g, "$1$3-$2$4").toLowerCase();
    const number = (this.#counts.get(stem) ?? 0) + 1;
    this.#counts.set(stem, number);
    return `${stem}-${number}`;
  }
}

function restartPolicyOf(request: SpawnRequest): RestartPolicy {
  const { restart, maxRestarts, withinMs, firstBackoffMs, lastBackoffMs } = request;
  const given = { restart, maxRestarts, withinMs, firstBackoffMs, lastBackoffMs };
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...defaultRestartPolicy, ...said };
}

function noSuchActor(name: string, node: string, what: string): ActorError {
  const address = `${name}@${node}`;
  return new ActorError("no_such_actor", `there is no ${address}; ${what} did not run. Check the name, or spawn it.`, {
    actor: address,
  });
}

function asStartFailure(error: unknown, address: string): ActorError {
  if (isActorError(error, "start_failed", "stopped")) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ActorError("start_failed", `${address} did not start: ${message}`, { actor: address, cause: error });
}

/** A host that hangs must not hide the others. */
async function inTime(answer: Promise<CellReport[]>): Promise<CellReport[]> {
  const late = new Promise<CellReport[]>((resolve) => setTimeout(() => resolve([]), reportDeadlineMs).unref());
  return Promise.race([answer.catch(() => []), late]);
}
