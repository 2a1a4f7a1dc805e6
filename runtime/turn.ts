// One running call, as its method and everything that it awaits can see it: who called, until when, stop or go on.
// Carried by AsyncLocalStorage, so that calls made inside inherit deadline and cancellation without being told.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Caller } from "./caller.ts";
import type { Clock } from "./clock.ts";
import { ActorError } from "./errors.ts";

export interface TurnFields {
  /** The actor that runs, as `name@node`. */
  actor: string;
  incarnation: number;
  /** Who called. */
  from: string;
  method: string;
  /** On the host's clock; null without a deadline. */
  deadlineAtMs: number | null;
  /** The calls within which this one was made, outermost first, each `name@node method`; null outside of any. */
  chain: string[] | null;
  clock: Clock;
  /** What runs in this turn calls out through here. */
  caller: Caller;
}

/** The caller says itself that its deadline passed; only if its word is late or lost is it noticed here. */
const callerFirstMs = 100;

export class Turn {
  readonly actor: string;
  readonly incarnation: number;
  readonly from: string;
  readonly method: string;
  readonly deadlineAtMs: number | null;
  readonly caller: Caller;
  readonly #clock: Clock;
  readonly #chain: string[] | null;
  #isOver = false;
  #forgetDeadline: (() => void) | undefined;
  #controller: AbortController | undefined;
  #cancelReason: string | undefined;
  #onCancel: Set<(reason: string) => void> | undefined;

  constructor(fields: TurnFields) {
    this.actor = fields.actor;
    this.incarnation = fields.incarnation;
    this.from = fields.from;
    this.method = fields.method;
    this.deadlineAtMs = fields.deadlineAtMs;
    this.caller = fields.caller;
    this.#clock = fields.clock;
    this.#chain = fields.chain;
  }

  /** Aborts when the caller gives up, its deadline passes, or the actor is stopped. Made when first asked for. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#cancelReason !== undefined) this.#controller.abort(this.#abortError());
      else if (this.deadlineAtMs !== null && !this.#isOver) {
        const leftMs = Math.max(0, this.deadlineAtMs - this.#clock.nowMs()) + callerFirstMs;
        this.#forgetDeadline = this.#clock.after(leftMs, () => this.cancel("its deadline passed"));
      }
    }
    return this.#controller.signal;
  }

  /** True once the method has answered: what it left running inherits neither deadline nor cancellation. */
  get isOver(): boolean {
    return this.#isOver;
  }

  end(): void {
    this.#isOver = true;
    this.#forgetDeadline?.();
  }

  /** What calls made within this one carry: its own chain and itself. */
  get ownChain(): string[] {
    const self = `${this.actor} ${this.method}`;
    return this.#chain === null ? [self] : [...this.#chain, self];
  }

  get isCancelled(): boolean {
    return this.#cancelReason !== undefined;
  }

  cancel(reason: string): void {
    if (this.#cancelReason !== undefined) return;
    this.#cancelReason = reason;
    this.#forgetDeadline?.();
    this.#controller?.abort(this.#abortError());
    for (const callback of this.#onCancel ?? []) callback(reason);
  }

  /** Called at once from `cancel`, so it must not block; the returned function forgets it. */
  onCancel(callback: (reason: string) => void): () => void {
    this.#onCancel ??= new Set();
    this.#onCancel.add(callback);
    return () => this.#onCancel?.delete(callback);
  }

  #abortError(): ActorError {
    return new ActorError("cancelled", `${this.method} was called off: ${this.#cancelReason}.`, {
      actor: this.actor,
      method: this.method,
    });
  }
}

export const turns = new AsyncLocalStorage<Turn>();

/**
 * The call that is being answered.
 * @throws ActorError `bad_option` outside an actor
 */
export function currentTurn(): Turn {
  const turn = turns.getStore();
  if (!turn) throw new ActorError("bad_option", "only a running call of an actor has a turn. Ask inside a method.");
  return turn;
}

/** Aborts when whoever waits for the running call gives up. */
export function callSignal(): AbortSignal {
  return currentTurn().signal;
}
