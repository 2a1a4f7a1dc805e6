// The asking side: turns a method call into an envelope and settles it with what comes back.
// Knows no transport: envelopes leave through one function and come in through `deliver`.
import type { Clock } from "./clock.ts";
import { packValue, unpackValue, type ValueHooks } from "./codec.ts";
import { Window } from "./credit.ts";
import {
  type Call,
  type End,
  type Envelope,
  type Items,
  isLast,
  isSystemTarget,
  kinds,
  type Payload,
  type Result,
  statuses,
} from "./envelope.ts";
import { ActorError, type ErrorRecord, fromErrorRecord } from "./errors.ts";
import { Pending } from "./pending.ts";
import { turns } from "./turn.ts";

export interface CallOptions {
  /** How long to wait for the answer; 30 000 unless said, null for as long as it takes. */
  deadlineMs?: number | null;
  /** Aborting it rejects the call with `cancelled` and tells the actor. */
  signal?: AbortSignal;
  /** Stream items that may lie between producer and consumer; 64 unless said. */
  window?: number;
  /** The lane of the actor's mailbox; its first unless said. */
  lane?: string;
  /** A whole number: higher ones run first within their lane; 0 unless said. Equal ones run in the order of their sending. */
  priority?: number;
}

export const defaultDeadlineMs = 30_000;
const defaultWindow = 64;

/** What a call gives: a promise of its value that is also, for a method that generates, an iterable of its items. */
export class Reply<T = unknown> extends Promise<T> implements AsyncIterable<unknown> {
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    const stream = this.then((value) => {
      if (value instanceof RemoteStream) return value;
      throw new ActorError("bad_option", "this method gives a value, not a stream. Await it.");
    });
    stream.catch(() => {}); // the same error reaches the consumer through next()
    return {
      next: async () => (await stream).next(),
      return: async () => (await stream).return(),
    };
  }
}

interface PendingCall {
  target: string;
  method: string;
  sentAtMs: number;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  stream: RemoteStream | undefined;
  window: number;
  /** Undoes the listeners on signal and turn. */
  forget: (() => void) | undefined;
  deadlineMs: number | null;
  from: string;
  lane: string | null;
  priority: number;
  chain: string[] | null;
  /** The arguments, while the actor's mailbox has no room for them. */
  kept: Payload | undefined;
}

export interface CallerOptions {
  clock: Clock;
  /** Who calls when no actor does: `driver@node-a`. */
  name: string;
  send: (envelope: Envelope) => void;
  hooks: () => ValueHooks;
}

export class Caller {
  readonly #options: CallerOptions;
  readonly #pending: Pending<PendingCall>;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#pending = new Pending({ clock: options.clock, onDeadline: (call, id) => this.#expire(call, id) });
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  /**
   * Asks the actor and waits for its answer.
   * Rejects with an ActorError: `call_timeout`, `actor_down`, `not_serialisable`, `method_threw`, ….
   */
  call(target: string, method: string, args: readonly unknown[], options: CallOptions = {}): Reply {
    const turn = turns.getStore();
    const owner = turn && !turn.isOver ? turn : undefined;
    let call: PendingCall | undefined;
    const reply = new Reply((resolve, reject) => {
      call = {
        target,
        method,
        sentAtMs: this.#options.clock.nowMs(),
        resolve,
        reject,
        stream: undefined,
        window: options.window ?? defaultWindow,
        forget: undefined,
        deadlineMs: this.#deadline(options, owner?.deadlineAtMs ?? null),
        from: turn?.actor ?? this.#options.name,
        lane: options.lane ?? null,
        priority: options.priority ?? 0,
        chain: owner ? owner.ownChain : null,
        kept: undefined,
      };
    });
    const entry = call!;
    const { deadlineMs, window, from, lane, priority, chain } = entry;
    if (!Number.isSafeInteger(priority)) {
      entry.reject(
        new ActorError("bad_option", `priority is a whole number, not ${priority}; ${method} was not sent.`),
      );
      return reply;
    }
    const cancelled = options.signal?.aborted ? "the signal was aborted before the call" : undefined;
    if (cancelled || owner?.isCancelled) {
      entry.reject(this.#cancelled(entry, cancelled ?? "the call that it belongs to was called off"));
      return reply;
    }
    let packed: Call["args"];
    try {
      packed = packValue(args, this.#options.hooks());
    } catch (error) {
      entry.reject(error as Error);
      return reply;
    }
    const id = this.#pending.add(entry, { deadlineMs, control: isSystemTarget(target) });
    if (options.signal || owner) entry.forget = this.#listen(id, options.signal, owner);
    this.#options.send({
      kind: kinds.call,
      id,
      target,
      method,
      args: packed,
      deadlineMs,
      credit: window,
      from,
      lane,
      priority,
      chain,
      sentMs: null,
    });
    return reply;
  }

  /**
   * Tells the actor without waiting. Throws only `not_serialisable`: whether it arrives is not known.
   * A mailbox without room drops it, because nobody is there to wait.
   */
  cast(target: string, method: string, args: readonly unknown[], options: CallOptions = {}): void {
    this.#options.send({
      kind: kinds.call,
      id: 0,
      target,
      method,
      args: packValue(args, this.#options.hooks()),
      deadlineMs: null,
      credit: 0,
      from: turns.getStore()?.actor ?? this.#options.name,
      lane: options.lane ?? null,
      priority: options.priority ?? 0,
      chain: null, // who does not wait closes no circle
      sentMs: null,
    });
  }

  /** Takes an answer; one to a call that has settled before is dropped. */
  deliver(envelope: Result | Items | End): void {
    switch (envelope.kind) {
      case kinds.result:
        this.#deliverResult(envelope);
        break;
      case kinds.items:
        this.#pending.get(envelope.id)?.stream?.push(this.#unpack<unknown[]>(envelope.values));
        break;
      case kinds.end: {
        const call = this.#pending.take(envelope.id);
        const record = this.#unpack<ErrorRecord | null>(envelope.error);
        call?.forget?.();
        call?.stream?.end(record === null ? undefined : fromErrorRecord(record));
      }
    }
  }

  /** Settles every call in flight with this error: its peer is gone. */
  failAll(error: (target: string, method: string) => Error): void {
    for (const [, call] of this.#pending.takeAll()) this.#fail(call, error(call.target, call.method));
  }

  #deliverResult(result: Result): void {
    if (!isLast(result)) {
      const call = this.#pending.get(result.id);
      if (call) this.#goOn(call, result);
      return;
    }
    const call = this.#pending.take(result.id);
    if (!call) return;
    call.forget?.();
    if (result.status === statuses.ok) {
      try {
        call.resolve(this.#unpack(result.value));
      } catch (error) {
        call.reject(error as Error);
      }
    } else call.reject(fromErrorRecord(this.#unpack<ErrorRecord>(result.value)));
  }

  /** A stream begins, or the mailbox has no room, or has room again. */
  #goOn(call: PendingCall, result: Result): void {
    if (result.status === statuses.full) call.kept = result.value;
    else if (result.status === statuses.room) this.#sendAgain(call, result.id);
    else if (result.status === statuses.stream) {
      call.stream = new RemoteStream({
        window: call.window,
        grant: (items) => this.#options.send({ kind: kinds.credit, id: result.id, items }),
        cancel: () => this.#abort(result.id, "its consumer stopped reading"),
      });
      call.resolve(call.stream);
    }
  }

  #sendAgain(call: PendingCall, id: number): void {
    if (!call.kept) return;
    const { target, method, kept: args, deadlineMs: givenMs, sentAtMs, window, from, lane, priority, chain } = call;
    call.kept = undefined;
    const deadlineMs = givenMs === null ? null : Math.max(0, sentAtMs + givenMs - this.#options.clock.nowMs());
    this.#options.send({
      kind: kinds.call,
      id,
      target,
      method,
      args,
      deadlineMs,
      credit: window,
      from,
      lane,
      priority,
      chain,
      sentMs: null,
    });
  }

  #unpack<T>(payload: Result["value"]): T {
    return unpackValue(payload, this.#options.hooks()) as T;
  }

  #deadline(options: CallOptions, inheritedAtMs: number | null): number | null {
    const asked = options.deadlineMs === undefined ? defaultDeadlineMs : options.deadlineMs;
    if (inheritedAtMs === null) return asked;
    const left = Math.max(0, inheritedAtMs - this.#options.clock.nowMs());
    return asked === null ? left : Math.min(asked, left);
  }

  #listen(
    id: number,
    signal: AbortSignal | undefined,
    turn: { onCancel: (f: (r: string) => void) => () => void } | undefined,
  ) {
    const onAbort = () => this.#abort(id, "its signal was aborted");
    signal?.addEventListener("abort", onAbort, { once: true });
    const forgetTurn = turn?.onCancel(() => this.#abort(id, "the call that it belongs to was called off"));
    return () => {
      signal?.removeEventListener("abort", onAbort);
      forgetTurn?.();
    };
  }

  #abort(id: number, reason: string): void {
    const call = this.#pending.take(id);
    if (!call) return;
    this.#options.send({ kind: kinds.cancel, id, reason });
    this.#fail(call, this.#cancelled(call, reason));
  }

  #expire(call: PendingCall, id: number): void {
    this.#options.send({ kind: kinds.cancel, id, reason: "its deadline passed" });
    const elapsedMs = Math.round(this.#options.clock.nowMs() - call.sentAtMs);
    const what = `${call.target} gave no answer to ${call.method} within ${elapsedMs} ms.`;
    const advice = call.kept
      ? "Its mailbox had no room all that time, so it did not run: send less, or raise mailboxCapacity or mailboxBytes."
      : "Look at it with attach, or give the call more deadlineMs.";
    const fields = { actor: call.target, method: call.method, elapsedMs };
    this.#fail(call, new ActorError("call_timeout", `${what} ${advice}`, fields));
  }

  #fail(call: PendingCall, error: Error): void {
    call.forget?.();
    if (call.stream) call.stream.end(error);
    else call.reject(error);
  }

  #cancelled(call: PendingCall, reason: string): ActorError {
    const { target, method } = call;
    return new ActorError("cancelled", `${method} of ${target} was called off: ${reason}.`, { actor: target, method });
  }
}

/** The consumer's end of a stream: items as they come, more asked for as they are used, `return` stops the producer. */
export class RemoteStream implements AsyncIterableIterator<unknown> {
  readonly #window: Window;
  readonly #grant: (items: number) => void;
  readonly #cancel: () => void;
  #items: unknown[] = [];
  #waiting: { resolve: (result: IteratorResult<unknown>) => void; reject: (error: Error) => void }[] = [];
  #ended: { error: Error | undefined } | undefined;

  constructor(options: { window: number; grant: (items: number) => void; cancel: () => void }) {
    this.#window = new Window(options.window);
    this.#grant = options.grant;
    this.#cancel = options.cancel;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  push(values: unknown[]): void {
    this.#items.push(...values);
    this.#serve();
  }

  end(error: Error | undefined): void {
    this.#ended ??= { error };
    this.#serve();
  }

  next(): Promise<IteratorResult<unknown>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#serve();
    });
  }

  return(): Promise<IteratorResult<unknown>> {
    if (!this.#ended) {
      this.#ended = { error: undefined };
      this.#cancel();
    }
    this.#items = [];
    this.#serve();
    return Promise.resolve({ done: true, value: undefined });
  }

  #serve(): void {
    while (this.#waiting.length > 0 && (this.#items.length > 0 || this.#ended)) {
      const { resolve, reject } = this.#waiting.shift()!;
      if (this.#items.length > 0) {
        resolve({ done: false, value: this.#items.shift() });
        const total = this.#window.consume();
        if (total !== undefined && !this.#ended) this.#grant(total);
      } else if (this.#ended?.error) {
        reject(this.#ended.error);
        this.#ended = { error: undefined };
      } else resolve({ done: true, value: undefined });
    }
  }
}
