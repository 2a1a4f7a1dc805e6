// One lane of a mailbox: what waits in it by priority, its bounds in messages and bytes, and what happens beyond them.
// Under `wait` a message beyond the bounds is given back for a ticket; when there is room, tickets are called in the
// order in which their messages would have run, and each keeps its room until its message comes again.
import { PriorityQueue } from "./queue.ts";

/** What a mailbox does with a message for which it has no room. */
export type WhenFull =
  /** The caller keeps it until there is room or its deadline passes. */
  | "wait"
  /** The caller hears `mailbox_full` at once. */
  | "fail"
  /** The message that has waited longest, of the lowest priority, makes room, and its caller hears `mailbox_full`. */
  | "drop-oldest";

/** What a mailbox needs to know of a message. */
export interface Message {
  /** 0 for one that nobody waits for; it gets no ticket. */
  id: number;
  /** Higher ones run first within their lane. */
  priority: number;
  bytes: number;
}

interface Ticket {
  id: number;
  priority: number;
  bytes: number;
}

export interface LaneSpec {
  name: string;
  /** Its share of the actor's turns while others wait too: a whole number from 1. */
  weight: number;
  /** Messages of it that may run at the same time. */
  concurrency: number;
}

export interface Bounds {
  /** Messages that may wait in a lane. */
  capacity: number;
  /** Bytes of arguments that may wait in a lane; one message alone may be larger. */
  maxBytes: number;
  whenFull: WhenFull;
}

/** What became of a message: it waits to run; its caller keeps it until told; there was no room. */
export type Offer = "kept" | "parked" | "full";

export interface LaneOptions<M> {
  spec: LaneSpec;
  bounds: Bounds;
  /** A message that made room for another. Called from `offer`; must not block. */
  onDropped: (message: M) => void;
  /** The message of this id may come again: its room is kept. Called from whatever made the room; must not block. */
  onRoom: (id: number) => void;
}

export class Lane<M extends Message> {
  readonly spec: LaneSpec;
  /** How many of its messages run. */
  running = 0;
  readonly #options: LaneOptions<M>;
  readonly #queue = new PriorityQueue<M>();
  readonly #parked = new PriorityQueue<Ticket>();
  /** Tickets whose room is kept: id → bytes. */
  readonly #called = new Map<number, number>();
  #calledBytes = 0;
  #bytes = 0;

  constructor(options: LaneOptions<M>) {
    this.#options = options;
    this.spec = options.spec;
  }

  get length(): number {
    return this.#queue.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Callers that keep a message for this lane. */
  get parked(): number {
    return this.#parked.length + this.#called.size;
  }

  get isReady(): boolean {
    return this.#queue.length > 0 && this.running < this.spec.concurrency;
  }

  offer(message: M): Offer {
    if (this.#redeem(message.id)) return this.#keep(message);
    const { whenFull } = this.#options.bounds;
    // Whoever has a ticket was here before: nobody passes it, or the order of one caller's messages would be lost.
    if (this.parked === 0 && this.#hasRoom(message.bytes)) return this.#keep(message);
    if (whenFull === "drop-oldest") return this.#makeRoom(message) ? this.#keep(message) : "full";
    if (whenFull === "fail" || message.id === 0) return "full";
    this.#parked.push({ id: message.id, priority: message.priority, bytes: message.bytes });
    return "parked";
  }

  take(): M | undefined {
    const message = this.#queue.take();
    if (message) this.#left(message);
    return message;
  }

  /** Takes out the message of this id; a ticket of it is void. */
  remove(id: number): M | "ticket" | undefined {
    const message = this.#queue.remove((other) => other.id === id);
    if (message) {
      this.#left(message);
      return message;
    }
    if (!this.#redeem(id) && !this.#parked.remove((ticket) => ticket.id === id)) return undefined;
    this.#callTickets();
    return "ticket";
  }

  /** Takes out all messages, and the ids of all tickets. */
  drain(): { messages: M[]; tickets: number[] } {
    const tickets = [...this.#called.keys(), ...this.#parked.drain().map(({ id }) => id)];
    this.#called.clear();
    this.#calledBytes = 0;
    this.#bytes = 0;
    return { messages: this.#queue.drain(), tickets };
  }

  #keep(message: M): "kept" {
    this.#queue.push(message);
    this.#bytes += message.bytes;
    return "kept";
  }

  #left(message: M): void {
    this.#bytes -= message.bytes;
    if (this.#parked.length > 0) this.#callTickets();
  }

  #hasRoom(bytes: number): boolean {
    const { capacity, maxBytes } = this.#options.bounds;
    const count = this.#queue.length + this.#called.size;
    return count < capacity && (count === 0 || this.#bytes + this.#calledBytes + bytes <= maxBytes);
  }

  #makeRoom(message: M): boolean {
    while (!this.#hasRoom(message.bytes)) {
      if (this.#queue.lowestPriority! > message.priority) return false;
      const oldest = this.#queue.takeOldestOfLowest()!;
      this.#bytes -= oldest.bytes;
      this.#options.onDropped(oldest);
    }
    return true;
  }

  #redeem(id: number): boolean {
    const bytes = this.#called.get(id);
    if (bytes === undefined) return false;
    this.#called.delete(id);
    this.#calledBytes -= bytes;
    return true;
  }

  #callTickets(): void {
    for (let next = this.#parked.peek(); next && this.#hasRoom(next.bytes); next = this.#parked.peek()) {
      this.#parked.take();
      this.#called.set(next.id, next.bytes);
      this.#calledBytes += next.bytes;
      this.#options.onRoom(next.id);
    }
  }
}
