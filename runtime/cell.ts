// One living actor inside a host: its instance, its mailbox, the calls that run, and what it remembers of them.
// Runs messages when it is their turn in the mailbox; those of a circle of calls inside, or not at all.
import type { Reentrancy } from "./actor.ts";
import type { Caller } from "./caller.ts";
import type { Clock } from "./clock.ts";
import { packValue, unpackValue, type ValueHooks } from "./codec.ts";
import { Grants } from "./credit.ts";
import { type Answer, type Call, kinds, type Payload, payloadBytes, type Status, statuses } from "./envelope.ts";
import { ActorError, type ErrorCode, toErrorRecord } from "./errors.ts";
import { isPublicName, publicMethods } from "./inspect.ts";
import type { Offer } from "./lane.ts";
import { type Addressed, Mailbox, type MailboxSpec } from "./mailbox.ts";
import { Turn, turns } from "./turn.ts";

/** Everything that a host needs to bring an actor to life. */
export interface SpawnSpec {
  name: string;
  /** `name@node`. */
  address: string;
  module: string;
  className: string;
  args: Payload;
  /** Which start of its node this is: another one may have the same name. */
  birth: number;
  /** Counts the lives of this actor, from 1. */
  incarnation: number;
  /** Null for the first start; else what ended the life before. */
  restartOf: string | null;
  mailbox: MailboxSpec;
  reentrancy: Reentrancy;
}

/** One line of the flight recorder. */
export interface MessageRecord {
  /** Wall clock, milliseconds since 1970. */
  atMs: number;
  from: string;
  method: string;
  outcome: "ok" | "error" | "cancelled" | "late" | "running" | "cast";
  queueMs: number;
  runMs: number;
  bytes: number;
}

/** What an actor shows of itself without any code of its own. */
export interface CellReport {
  address: string;
  className: string;
  incarnation: number;
  mailboxLength: number;
  mailboxCapacity: number;
  mailboxBytes: number;
  /** Calls that their callers keep until there is room. */
  parked: number;
  lanes: LaneReport[];
  running: number;
  handled: number;
  failed: number;
  /** Milliseconds with at least one call running since the start; its growth is the busy share. */
  busyMs: number;
  ageMs: number;
}

/** One lane of its mailbox. */
export interface LaneReport {
  name: string;
  weight: number;
  /** Calls that wait, that their callers keep, and that run. */
  waiting: number;
  parked: number;
  running: number;
}

interface Waiting extends Addressed {
  call: Call;
  arrivedMs: number;
}

/** A call that has begun and not ended. */
interface Running {
  call: Call;
  /** What holds its place among those that may run; undefined for one that runs inside another. */
  place: Waiting | undefined;
  turn: Turn;
  record: MessageRecord;
  arrivedMs: number;
  startedMs: number;
  /** Its place in the map: the call's id, or a number of our own for a cast. */
  key: number;
  /** Set while it streams. */
  grants: Grants | undefined;
  /** A call that was given up while it ran may still come to an end of its own, which nobody hears. */
  isEnded: boolean;
}

export interface CellOptions {
  spec: SpawnSpec;
  instance: object;
  caller: Caller;
  clock: Clock;
  send: (answer: Answer) => void;
  hooks: ValueHooks;
}

const maxRemembered = 256;
const nothing = packValue(null);

export class Cell {
  readonly spec: SpawnSpec;
  readonly instance: object;
  readonly #options: CellOptions;
  readonly #mailbox: Mailbox<Waiting>;
  readonly #running = new Map<number, Running>();
  readonly #recent: MessageRecord[] = [];
  readonly #bornMs: number;
  #runningCount = 0;
  #handled = 0;
  #failed = 0;
  #busyMs = 0;
  #busySinceMs = 0;
  #isPumping = false;
  #isStopping = false;
  #onIdle: (() => void) | undefined;
  #castKey = 0;

  constructor(options: CellOptions) {
    this.#options = options;
    this.spec = options.spec;
    this.instance = options.instance;
    this.#mailbox = new Mailbox({
      spec: options.spec.mailbox,
      onDropped: ({ call }) =>
        this.#refuse(
          call,
          "mailbox_full",
          `dropped ${call.method} from its mailbox for a newer call. It lives but is behind: send less, or raise mailboxCapacity.`,
        ),
      onRoom: (id) => this.#tell(id, statuses.room, nothing),
    });
    this.#bornMs = options.clock.nowMs();
  }

  /** Puts a call into the mailbox, gives it back until there is room, or answers it at once with why not. */
  accept(call: Call): void {
    if (this.#isStopping) {
      this.#refuse(call, "stopped", `is stopping and takes no more calls; ${call.method} did not run.`);
      return;
    }
    const { id, lane, priority } = call;
    const arrivedMs = this.#options.clock.nowMs();
    const waiting: Waiting = { id, lane, priority, bytes: payloadBytes(call.args), call, arrivedMs };
    if (call.chain !== null && closesCircle(call.chain, this.spec.address)) {
      if (this.spec.reentrancy === "never") this.#refuseCircle(call, call.chain);
      else this.#run(waiting, undefined);
      return;
    }
    let outcome: Offer;
    try {
      outcome = this.#mailbox.offer(waiting);
    } catch (error) {
      this.#refuseWith(call, error as ActorError); // no such lane
      return;
    }
    if (outcome === "kept") this.#pump();
    else if (outcome === "parked") this.#tell(id, statuses.full, call.args);
    else
      this.#refuse(
        call,
        "mailbox_full",
        `refused ${call.method}: ${this.#fullness()}. It lives but is behind: send less, or raise mailboxCapacity or mailboxBytes.`,
      );
  }

  /** Removes a waiting call or tells a running one. */
  cancel(id: number, reason: string): void {
    const waiting = this.#mailbox.remove(id);
    if (waiting === "ticket") {
      this.#tell(id, statuses.error, this.#lostTicket("cancelled", "called off", reason));
      return;
    }
    if (waiting) {
      this.#refuse(waiting.call, "cancelled", `did not run ${waiting.call.method}: ${reason}.`);
      return;
    }
    const running = this.#running.get(id);
    running?.turn.cancel(reason);
    running?.grants?.release();
  }

  grant(id: number, items: number): void {
    this.#running.get(id)?.grants?.grant(items);
  }

  /** Refuses what waits, calls off what runs and gives it time to end; resolves when nothing runs or time is up. */
  async drain(reason: string, graceMs: number): Promise<void> {
    this.#isStopping = true;
    const { messages, tickets } = this.#mailbox.drain();
    for (const { call } of messages) {
      this.#refuse(call, "stopped", `was stopped before ${call.method} could run: ${reason}.`);
    }
    for (const id of tickets) this.#tell(id, statuses.error, this.#lostTicket("stopped", "stopped", reason));
    for (const { turn, grants } of this.#running.values()) {
      turn.cancel(reason);
      grants?.release();
    }
    if (this.#runningCount === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(graceMs, resolve);
      this.#onIdle = () => {
        cancel();
        resolve();
      };
    });
    for (const running of [...this.#running.values()]) {
      const { address } = this.spec;
      const { method } = running.call;
      const what = `${address} was stopped while ${method} ran, and it did not end within ${graceMs} ms: ${reason}.`;
      this.#fail(running, new ActorError("stopped", what, { actor: address, method }));
    }
  }

  report(): CellReport {
    const { spec } = this;
    const nowMs = this.#options.clock.nowMs();
    return {
      address: spec.address,
      className: spec.className,
      incarnation: spec.incarnation,
      mailboxLength: this.#mailbox.length,
      mailboxCapacity: spec.mailbox.capacity,
      mailboxBytes: this.#mailbox.bytes,
      parked: this.#mailbox.parked,
      lanes: this.#mailbox.lanes.map(({ spec: { name, weight }, length, parked, running }) => ({
        name,
        weight,
        waiting: length,
        parked,
        running,
      })),
      running: this.#runningCount,
      handled: this.#handled,
      failed: this.#failed,
      busyMs: this.#busyMs + (this.#runningCount > 0 ? nowMs - this.#busySinceMs : 0),
      ageMs: nowMs - this.#bornMs,
    };
  }

  /** The last messages, newest last; at most 256. */
  recent(): MessageRecord[] {
    return [...this.#recent];
  }

  /** Starts what may run. A call that ends at once comes back here, so only the outermost pump loops. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    for (let waiting = this.#mailbox.take(); waiting; waiting = this.#mailbox.take()) this.#run(waiting, waiting);
    this.#isPumping = false;
  }

  #run({ call, arrivedMs }: Waiting, place: Waiting | undefined): void {
    const startedMs = this.#options.clock.nowMs();
    const record = this.#remember(call, startedMs - arrivedMs);
    if (call.deadlineMs !== null && startedMs - arrivedMs > call.deadlineMs) {
      record.outcome = "late";
      if (place) this.#mailbox.done(place);
      this.#refuse(
        call,
        "call_timeout",
        `did not run ${call.method}: its deadline passed in the mailbox. Send less, or give more deadlineMs.`,
      );
      return;
    }
    const turn = new Turn({
      actor: this.spec.address,
      incarnation: this.spec.incarnation,
      from: call.from,
      method: call.method,
      deadlineAtMs: call.deadlineMs === null ? null : arrivedMs + call.deadlineMs,
      chain: call.chain,
      clock: this.#options.clock,
      caller: this.#options.caller,
    });
    const key = call.id === 0 ? --this.#castKey : call.id;
    const running: Running = {
      call,
      place,
      turn,
      record,
      arrivedMs,
      startedMs,
      key,
      grants: undefined,
      isEnded: false,
    };
    this.#begin(running);
    try {
      const args = unpackValue(call.args, this.#options.hooks) as unknown[];
      const method = this.#method(call.method);
      this.#settle(
        running,
        turns.run(turn, () => method.apply(this.instance, args)),
      );
    } catch (error) {
      this.#fail(running, error);
    }
  }

  #settle(running: Running, result: unknown): void {
    if (running.isEnded) return;
    if (isThenable(result)) {
      result.then(
        (value) => this.#settle(running, value),
        (error) => this.#fail(running, error),
      );
    } else if (isStream(result)) {
      this.#stream(running, result).catch((error) => this.#failStream(running, error));
    } else this.#succeed(running, result);
  }

  #succeed(running: Running, value: unknown): void {
    if (running.call.id === 0) {
      this.#end(running, "cast");
      return;
    }
    try {
      const packed = packValue(value, this.#options.hooks);
      this.#answer(running, statuses.ok, packed);
      this.#end(running, running.turn.isCancelled ? "cancelled" : "ok");
    } catch (error) {
      this.#fail(running, error); // a result that cannot travel
    }
  }

  #fail(running: Running, thrown: unknown): void {
    if (running.isEnded) return;
    if (running.grants) {
      this.#failStream(running, thrown);
      return;
    }
    this.#failed += 1;
    this.#answer(running, statuses.error, this.#packError(running, thrown));
    this.#end(running, running.turn.isCancelled ? "cancelled" : "error");
  }

  /** Sends items while the consumer is ready for them; stops the generator when the consumer stops. */
  async #stream(running: Running, source: StreamSource): Promise<void> {
    const { call, turn } = running;
    const grants = new Grants(call.credit);
    running.grants = grants;
    const iterator: Iterator<unknown> | AsyncIterator<unknown> =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#answer(running, statuses.stream, packValue(null));
    for (;;) {
      await grants.ready();
      if (turn.isCancelled) {
        await iterator.return?.();
        break;
      }
      const { done, value } = await turns.run(turn, () => iterator.next());
      if (done) break;
      const firstSeq = grants.sent;
      grants.spend();
      const values = packValue([value], this.#options.hooks);
      this.#options.send({ kind: kinds.items, id: call.id, firstSeq, values });
    }
    if (running.isEnded) return;
    this.#options.send({ kind: kinds.end, id: call.id, count: grants.sent, error: packValue(null) });
    this.#end(running, turn.isCancelled ? "cancelled" : "ok");
  }

  #failStream(running: Running, thrown: unknown): void {
    if (running.isEnded) return;
    this.#failed += 1;
    const error = this.#packError(running, thrown);
    this.#options.send({ kind: kinds.end, id: running.call.id, count: running.grants?.sent ?? 0, error });
    this.#end(running, "error");
  }

  #begin(running: Running): void {
    if (this.#runningCount === 0) this.#busySinceMs = running.startedMs;
    this.#runningCount += 1;
    this.#running.set(running.key, running);
  }

  #end(running: Running, outcome: MessageRecord["outcome"]): void {
    const nowMs = this.#options.clock.nowMs();
    running.record.outcome = outcome;
    running.record.runMs = nowMs - running.startedMs;
    running.turn.end();
    running.isEnded = true;
    if (running.place) this.#mailbox.done(running.place);
    this.#running.delete(running.key);
    this.#handled += 1;
    this.#runningCount -= 1;
    if (this.#runningCount === 0) {
      this.#busyMs += nowMs - this.#busySinceMs;
      this.#onIdle?.();
    }
    this.#pump();
  }

  #answer(running: Running, status: Status, value: Payload): void {
    const { call, arrivedMs, startedMs } = running;
    if (call.id === 0) return;
    const queueUs = Math.round((startedMs - arrivedMs) * 1000);
    const runUs = Math.round((this.#options.clock.nowMs() - startedMs) * 1000);
    this.#options.send({ kind: kinds.result, id: call.id, status, value, queueUs, runUs });
  }

  /** What a method threw, as its caller will see it: our own errors pass through with us on their path. */
  #packError({ call }: Running, thrown: unknown): Payload {
    const { address } = this.spec;
    if (thrown instanceof ActorError) {
      thrown.path.push(address);
      return packValue(toErrorRecord(thrown));
    }
    const name = thrown instanceof Error ? thrown.name : "a value that is no error";
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const fields = { actor: address, method: call.method, cause: thrown, path: [address] };
    return packValue(
      toErrorRecord(new ActorError("method_threw", `${address} threw ${name} in ${call.method}: ${message}`, fields)),
    );
  }

  #refuse(call: Call, code: ErrorCode, message: string): void {
    const { address } = this.spec;
    this.#refuseWith(call, new ActorError(code, `${address} ${message}`, { actor: address, method: call.method }));
  }

  #refuseWith(call: Call, error: ActorError): void {
    this.#failed += 1;
    if (call.id !== 0) this.#tell(call.id, statuses.error, packValue(toErrorRecord(error)));
  }

  #refuseCircle(call: Call, chain: string[]): void {
    const { address } = this.spec;
    const circle = [...chain, `${address} ${call.method}`].map((entry) => entry.replace(" ", ".")).join(" → ");
    this.#refuse(
      call,
      "call_cycle",
      `would wait for itself: ${circle}. ${call.method} did not run. Cast it, or give the actor reentrancy callchain.`,
    );
  }

  /** For a call that its caller keeps. */
  #lostTicket(code: ErrorCode, what: string, reason: string): Payload {
    const { address } = this.spec;
    const message = `${address} had no room for this call before it was ${what}: ${reason}.`;
    return packValue(toErrorRecord(new ActorError(code, message, { actor: address })));
  }

  #fullness(): string {
    const { capacity, maxBytes } = this.spec.mailbox;
    const { length, bytes } = this.#mailbox;
    return `mailbox ${length} of ${capacity}, ${bytes} of ${maxBytes} bytes`;
  }

  /** An answer about a call that does not run. */
  #tell(id: number, status: Status, value: Payload): void {
    this.#options.send({ kind: kinds.result, id, status, value, queueUs: 0, runUs: 0 });
  }

  #method(name: string): (...args: unknown[]) => unknown {
    const method = isPublicName(name) ? (this.instance as Record<string, unknown>)[name] : undefined;
    if (typeof method === "function" && !Object.hasOwn(Object.prototype, name)) return method as () => unknown;
    const { address, className } = this.spec;
    const known = publicMethods(this.instance).join(", ") || "none";
    throw new ActorError("no_such_method", `${address} has no method ${name}. A ${className} has: ${known}.`, {
      actor: address,
      method: name,
    });
  }

  #remember(call: Call, queueMs: number): MessageRecord {
    const bytes = payloadBytes(call.args);
    const { from, method } = call;
    const record: MessageRecord = { atMs: Date.now(), from, method, outcome: "running", queueMs, runMs: 0, bytes };
    this.#recent.push(record);
    if (this.#recent.length > maxRemembered) this.#recent.shift();
    return record;
  }
}

function closesCircle(chain: string[], address: string): boolean {
  return chain.some((entry) => entry.startsWith(address) && entry[address.length] === " ");
}

type StreamSource = AsyncIterable<unknown> | Generator<unknown, unknown, unknown>;

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** Async iterables and running generators stream; a list is a value. */
function isStream(value: unknown): value is StreamSource {
  if (typeof value !== "object" || value === null) return false;
  return Symbol.asyncIterator in value || (Symbol.iterator in value && "next" in value && "return" in value);
}
