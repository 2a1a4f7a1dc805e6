// The bounded buffer of the most informative task instances seen so far.
// Knows scores, capacity and who goes first; knows neither how instances are made nor why one is drawn.
// Between episodes: finished groups insert and refresh here, selection draws from here.
import type { TaskInstance } from "./instance.ts";

/** How the buffer keeps its bound. */
export interface BufferOptions {
  /** N. */
  readonly bufferCapacity: number;
  /** D8: who leaves among those of lowest score. Further ties fall to the oldest by the other age, then by position. */
  readonly evictionTie: "oldest-scored" | "oldest-created";
}

/** A buffered instance has always been scored. */
export type ScoredInstance = TaskInstance & { readonly score: number };

/** What became of an instance offered for insertion. */
export type Insertion =
  | { readonly kind: "inserted"; readonly key: string }
  | { readonly kind: "replaced"; readonly key: string; readonly evicted: ScoredInstance }
  | { readonly kind: "refreshed"; readonly key: string; readonly scoreBefore: number }
  | { readonly kind: "rejected"; readonly key: string; readonly lowestScore: number };

/** B of section 4.7. An eviction scans the buffer: 7 microseconds at N = 512, 0.1 ms at N = 10 000 (measured). */
export class InstanceBuffer {
  readonly #options: BufferOptions;
  readonly #instances = new Map<string, ScoredInstance>();
  #revision = 0;

  /** @param instances the buffer's content, in order, as `instances()` gave it */
  constructor(options: BufferOptions, instances: readonly ScoredInstance[] = [], revision = 0) {
    this.#options = options;
    for (const instance of instances) this.#instances.set(instance.key, instance);
    this.#revision = revision;
    if (this.size > options.bufferCapacity) {
      throw new RangeError(
        `${this.size} instances do not fit a buffer of ${options.bufferCapacity} — in InstanceBuffer — resume with ` +
          "the capacity the run was saved with, or a larger one.",
      );
    }
  }

  /** |B|. */
  get size(): number {
    return this.#instances.size;
  }

  /** Counts changes of content and score: two draws at the same revision chose among the same instances. */
  get revision(): number {
    return this.#revision;
  }

  get(key: string): ScoredInstance | undefined {
    return this.#instances.get(key);
  }

  /** All instances in a stable order, which a buffer made from them keeps. */
  instances(): ScoredInstance[] {
    return [...this.#instances.values()];
  }

  /** Counts one more draw of an instance; nothing happens for a key that is gone. */
  visit(key: string): void {
    const instance = this.#instances.get(key);
    if (instance !== undefined) this.#instances.set(key, { ...instance, visitCount: instance.visitCount + 1 });
  }

  /**
   * Gives an instance that is present the score just measured for it (Algorithm 1's update of m').
   * @returns the score before, or null if the key is not (or no longer) in the buffer, which changes nothing
   */
  refresh(key: string, score: number, iteration: number): number | null {
    const instance = this.#instances.get(key);
    if (instance === undefined) return null;
    this.#set({ ...instance, score, lastScoredIteration: iteration });
    return instance.score;
  }

  /**
   * Offers an instance (section 4.7). One with a known key refreshes the instance already there. Below capacity it
   * always enters. At capacity it enters if its score is at least the lowest (a tie replaces), in place of that one.
   */
  insert(instance: ScoredInstance): Insertion {
    const { key } = instance;
    const scoreBefore = this.refresh(key, instance.score, instance.lastScoredIteration);
    if (scoreBefore !== null) return { kind: "refreshed", key, scoreBefore };
    if (this.size < this.#options.bufferCapacity) {
      this.#set(instance);
      return { kind: "inserted", key };
    }
    const evicted = this.#firstToLeave();
    if (evicted === undefined || instance.score < evicted.score) {
      return { kind: "rejected", key, lowestScore: evicted?.score ?? Number.POSITIVE_INFINITY };
    }
    this.#instances.delete(evicted.key);
    this.#set(instance);
    return { kind: "replaced", key, evicted };
  }

  #set(instance: ScoredInstance): void {
    this.#revision += 1;
    this.#instances.set(instance.key, instance); // a known key keeps its position
  }

  #firstToLeave(): ScoredInstance | undefined {
    let first: ScoredInstance | undefined;
    for (const instance of this.#instances.values()) {
      if (first === undefined || this.#leavesBefore(instance, first)) first = instance;
    }
    return first;
  }

  #leavesBefore(one: ScoredInstance, other: ScoredInstance): boolean {
    if (one.score !== other.score) return one.score < other.score;
    const scored = one.lastScoredIteration - other.lastScoredIteration;
    const created = one.createdIteration - other.createdIteration;
    return (this.#options.evictionTie === "oldest-scored" ? scored || created : created || scored) < 0;
  }
}
