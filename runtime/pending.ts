// Calls in flight.
// Knows ids, deadlines and what waits for each id; knows neither transports nor actors.
// Every entry is taken out exactly once: by its answer, its deadline, its abort, or the death of its peer.
import type { Clock } from "./clock.ts";
import { firstControlId } from "./envelope.ts";

/** Deadlines are looked at this often, so a call is late by at most as much. */
const tickMs = 20;

export interface PendingOptions<T> {
  clock: Clock;
  /** Called from the clock's timer with an entry already taken out; must not block. */
  onDeadline: (entry: T, id: number) => void;
}

export class Pending<T> {
  readonly #options: PendingOptions<T>;
  readonly #entries = new Map<number, T>();
  /** Deadline tick → ids due in it; an id that has settled since is skipped. */
  readonly #due = new Map<number, number[]>();
  #nextId = 1;
  #nextControlId = firstControlId;
  #isTicking = false;

  constructor(options: PendingOptions<T>) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Adds an entry and gives its id; ids wrap and are never reused while in flight. */
  add(entry: T, options: { deadlineMs?: number | null; control?: boolean } = {}): number {
    const id = options.control ? this.#freeControlId() : this.#freeId();
    this.#entries.set(id, entry);
    if (options.deadlineMs !== undefined && options.deadlineMs !== null) this.#watch(id, options.deadlineMs);
    return id;
  }

  get(id: number): T | undefined {
    return this.#entries.get(id);
  }

  /** All entries, in the order in which they were added. */
  values(): IterableIterator<T> {
    return this.#entries.values();
  }

  /** Takes the entry out; undefined if it has been taken before. */
  take(id: number): T | undefined {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#entries.delete(id);
    return entry;
  }

  /** Takes out every entry that matches, in the order in which they were added. */
  takeAll(matches: (entry: T) => boolean = () => true): [number, T][] {
    const taken = [...this.#entries].filter(([, entry]) => matches(entry));
    for (const [id] of taken) this.#entries.delete(id);
    return taken;
  }

  #freeId(): number {
    do {
      this.#nextId = this.#nextId + 1 >= firstControlId ? 1 : this.#nextId + 1;
    } while (this.#entries.has(this.#nextId));
    return this.#nextId;
  }

  #freeControlId(): number {
    do {
      this.#nextControlId = this.#nextControlId + 1 >= 2 ** 32 ? firstControlId : this.#nextControlId + 1;
    } while (this.#entries.has(this.#nextControlId));
    return this.#nextControlId;
  }

  #watch(id: number, deadlineMs: number): void {
    const tick = Math.ceil((this.#options.clock.nowMs() + Math.max(0, deadlineMs)) / tickMs);
    const ids = this.#due.get(tick);
    if (ids) ids.push(id);
    else this.#due.set(tick, [id]);
    this.#startTicking();
  }

  #startTicking(): void {
    if (this.#isTicking) return;
    this.#isTicking = true;
    this.#options.clock.after(tickMs, () => this.#tick());
  }

  #tick(): void {
    this.#isTicking = false;
    const nowTick = Math.floor(this.#options.clock.nowMs() / tickMs);
    for (const [tick, ids] of this.#due) {
      if (tick > nowTick) continue;
      this.#due.delete(tick);
      for (const id of ids) {
        const entry = this.take(id);
        if (entry !== undefined) this.#options.onDeadline(entry, id);
      }
    }
    if (this.#due.size > 0) this.#startTicking();
  }
}
