// Calls passing through a node: remembers who asked, so that answers find their way back.
// When an actor, a host or an asker dies, everything that waits for it here is settled.
// Knows channels and ids; opens no payload.
import type { CalledOff } from "./called-off.ts";
import type { Channel } from "./channel.ts";
import type { Clock } from "./clock.ts";
import { packValue } from "./codec.ts";
import {
  type Call,
  type Cancel,
  type Credit,
  type End,
  firstControlId,
  type Items,
  isLast,
  kinds,
  type Result,
  statuses,
} from "./envelope.ts";
import { toErrorRecord } from "./errors.ts";
import { Pending } from "./pending.ts";

/** A call that was handed on and has not been answered. */
export interface CallInFlight {
  /** Who called: an actor, or a program that embeds a node. */
  from: string;
  method: string;
  /** Milliseconds since it was handed on: it runs, or waits in the mailbox. */
  sinceMs: number;
}

interface Passage {
  from: Channel;
  fromId: number;
  to: Channel;
  target: string;
  method: string;
  asker: string;
  beganMs: number;
  isStream: boolean;
}

export class Exchange {
  readonly #clock: Clock;
  readonly #calledOff: CalledOff;
  readonly #passages: Pending<Passage>;
  /** Who asked under which id → the id under which it was passed on; for CANCEL and CREDIT, which go that way. */
  readonly #onward = new Map<Channel, Map<number, number>>();

  constructor(clock: Clock, calledOff: CalledOff) {
    this.#clock = clock;
    this.#calledOff = calledOff;
    this.#passages = new Pending({ clock, onDeadline: () => {} });
  }

  get inFlight(): number {
    return this.#passages.size;
  }

  /** What a target has not answered, the oldest first; casts leave no trace here. */
  towards(target: string): CallInFlight[] {
    const nowMs = this.#clock.nowMs();
    return [...this.#passages.values()]
      .filter((passage) => passage.target === target)
      .map(({ asker, method, beganMs }) => ({ from: asker, method, sinceMs: nowMs - beganMs }));
  }

  /** Passes a call on under an id of our own. */
  forward(call: Call, from: Channel, to: Channel): void {
    if (call.id === 0) {
      to.send(call);
      return;
    }
    const known = this.#onward.get(from)?.get(call.id);
    if (known !== undefined) {
      to.send({ ...call, id: known }); // its mailbox had no room, and has it now
      return;
    }
    const passage: Passage = {
      from,
      fromId: call.id,
      to,
      target: call.target,
      method: call.method,
      asker: call.from,
      beganMs: this.#clock.nowMs(),
      isStream: false,
    };
    const id = this.#passages.add(passage, { control: call.id >= firstControlId });
    const ids = this.#onward.get(from) ?? new Map<number, number>();
    this.#onward.set(from, ids.set(call.id, id));
    to.send({ ...call, id });
  }

  /** Passes an answer back to whoever asked; one that nobody waits for any more is dropped. */
  back(answer: Result | Items | End): void {
    const passage = isLast(answer) ? this.#take(answer.id) : this.#passages.get(answer.id);
    if (!passage) {
      if (isLast(answer)) this.#calledOff.ended(answer.id);
      return;
    }
    if (answer.kind === kinds.result && answer.status === statuses.stream) passage.isStream = true;
    passage.from.send({ ...answer, id: passage.fromId });
  }

  /**
   * Passes the asker's word on to whoever answers; false if no call of this id is under way.
   * A cancelled call is settled at the asker's already.
   */
  ahead(word: Cancel | Credit, from: Channel): boolean {
    const id = this.#onward.get(from)?.get(word.id);
    if (id === undefined) return false;
    if (word.kind === kinds.credit) {
      this.#passages.get(id)?.to.send({ ...word, id });
      return true;
    }
    const passage = this.#take(id);
    if (passage) this.#callOff(id, passage, word.reason);
    return true;
  }

  /** Settles with an error everything that waits for these targets or through this channel. */
  fail(
    isLost: (passage: { to: Channel; target: string }) => boolean,
    error: (target: string, method: string) => Error,
  ): void {
    for (const [, passage] of this.#passages.takeAll(isLost)) {
      this.#onward.get(passage.from)?.delete(passage.fromId);
      this.#answer(passage, error(passage.target, passage.method));
    }
  }

  /** The asker is gone: tells those who still work for it to stop. */
  forget(from: Channel): void {
    for (const [id, passage] of this.#passages.takeAll((other) => other.from === from)) {
      this.#callOff(id, passage, `${from.label}, which asked, is gone`);
    }
    this.#onward.delete(from);
  }

  #callOff(id: number, { to, target, method }: Passage, reason: string): void {
    to.send({ kind: kinds.cancel, id, reason });
    this.#calledOff.add(id, { target, method, reason, to });
  }

  #take(id: number): Passage | undefined {
    const passage = this.#passages.take(id);
    if (passage) this.#onward.get(passage.from)?.delete(passage.fromId);
    return passage;
  }

  #answer(passage: Passage, error: Error): void {
    const value = packValue(toErrorRecord(error));
    if (passage.isStream) passage.from.send({ kind: kinds.end, id: passage.fromId, count: 0, error: value });
    else refuse(passage.from, passage.fromId, error);
  }
}

/** Answers a call with an error without passing it on. A cast (id 0) is dropped. */
export function refuse(from: Channel, id: number, error: Error): void {
  if (id === 0) return;
  const value = packValue(toErrorRecord(error));
  from.send({ kind: kinds.result, id, status: statuses.error, value, queueUs: 0, runUs: 0 });
}
