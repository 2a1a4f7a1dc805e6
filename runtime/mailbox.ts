// What waits before an actor, and whose turn is next: lanes with bounds, served by weight as far as there are free places.
// Weighted round robin: deterministic, no lane waits longer than the weights of the others, an idle lane saves up nothing.
// Knows nothing of what it holds; whoever takes a message says when it is done.
import { ActorError } from "./errors.ts";
import { type Bounds, Lane, type LaneSpec, type Message, type Offer } from "./lane.ts";

/** A mailbox as it is told to a host, every option filled in. */
export interface MailboxSpec extends Bounds {
  /** Messages that may run at the same time, over all lanes. */
  concurrency: number;
  /** The first one takes what names no lane. */
  lanes: LaneSpec[];
}

export interface MailboxOptions<M> {
  spec: MailboxSpec;
  /** A message that made room for another. Called from `offer`; must not block. */
  onDropped: (message: M) => void;
  /** The message of this id, parked before, may come again. Called from whatever made the room; must not block. */
  onRoom: (id: number) => void;
}

/** A message on its way to a lane; null names the first. */
export interface Addressed extends Message {
  lane: string | null;
}

export class Mailbox<M extends Addressed> {
  readonly #spec: MailboxSpec;
  readonly #lanes: Lane<M>[];
  readonly #named: Map<string, Lane<M>>;
  #running = 0;
  /** The lane whose turn it is, and how many more it may have before the next. */
  #at = 0;
  #turnsLeft: number;

  constructor({ spec, onDropped, onRoom }: MailboxOptions<M>) {
    this.#spec = spec;
    this.#lanes = spec.lanes.map((lane) => new Lane({ spec: lane, bounds: spec, onDropped, onRoom }));
    this.#named = new Map(this.#lanes.map((lane) => [lane.spec.name, lane]));
    this.#turnsLeft = spec.lanes[0]!.weight;
  }

  /** Messages that wait here to run. */
  get length(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.length, 0);
  }

  get bytes(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.bytes, 0);
  }

  /** Messages that their callers keep until there is room. */
  get parked(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.parked, 0);
  }

  get lanes(): readonly Lane<M>[] {
    return this.#lanes;
  }

  /** @throws ActorError `bad_option` if there is no such lane */
  offer(message: M): Offer {
    return this.#lane(message.lane).offer(message);
  }

  /** The message whose turn it is, if a place is free for it; the place is taken until `done`. */
  take(): M | undefined {
    if (this.#running >= this.#spec.concurrency) return undefined;
    // Once round, and the lane at which it began once more: with new turns.
    for (let looked = 0; looked <= this.#lanes.length; looked += 1) {
      const lane = this.#lanes[this.#at]!;
      if (this.#turnsLeft > 0 && lane.isReady) {
        this.#turnsLeft -= 1;
        this.#running += 1;
        lane.running += 1;
        return lane.take();
      }
      this.#at = (this.#at + 1) % this.#lanes.length;
      this.#turnsLeft = this.#lanes[this.#at]!.spec.weight;
    }
    return undefined;
  }

  /** The place of a message that was taken is free. */
  done(message: M): void {
    this.#running -= 1;
    this.#lane(message.lane).running -= 1;
  }

  /** Takes out a message that waits, or voids its ticket. */
  remove(id: number): M | "ticket" | undefined {
    for (const lane of this.#lanes) {
      const removed = lane.remove(id);
      if (removed !== undefined) return removed;
    }
    return undefined;
  }

  /** Takes out all messages, and the ids of all that are parked. */
  drain(): { messages: M[]; tickets: number[] } {
    const drained = this.#lanes.map((lane) => lane.drain());
    return {
      messages: drained.flatMap(({ messages }) => messages),
      tickets: drained.flatMap(({ tickets }) => tickets),
    };
  }

  /** How many messages of this lane can run at the same time at most. */
  places(name: string | null): number {
    return Math.min(this.#spec.concurrency, this.#lane(name).spec.concurrency);
  }

  #lane(name: string | null): Lane<M> {
    const lane = name === null ? this.#lanes[0] : this.#named.get(name);
    if (lane) return lane;
    throw new ActorError("bad_option", `there is no lane ${name}. There are: ${[...this.#named.keys()].join(", ")}.`);
  }
}
