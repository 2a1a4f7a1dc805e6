// The stream of base tasks: the set M in shuffled epochs, or drawn uniformly.
// Knows ids and a count; knows neither what a task holds nor the buffer.
// Its whole state is how many were drawn: the n-th task is a function of the seed and n.
import { createHash } from "node:crypto";
import type { RandomStream } from "../random.ts";

/** D21: `epochs` shuffles the whole set anew each time it is through; `uniform` draws with replacement. */
export type BaseOrder = "epochs" | "uniform";

/** A stream of base tasks at rest. */
export interface BaseTasksState {
  readonly drawCount: number;
  /** Digest of the ids in order: a stream continues only over the set it began with. */
  readonly fingerprint: string;
}

/** Draws base tasks m ~ M without end. */
export class BaseTasks {
  readonly #ids: readonly string[];
  readonly #order: BaseOrder;
  readonly #random: RandomStream;
  readonly #fingerprint: string;
  #drawCount = 0;
  #epoch = -1;
  #shuffled: readonly string[] = [];

  /**
   * @param random only forked, never moved
   * @throws RangeError if there are no ids, or one comes twice
   */
  constructor(ids: readonly string[], order: BaseOrder, random: RandomStream) {
    if (ids.length === 0 || new Set(ids).size < ids.length) {
      throw new RangeError(
        `the base tasks must be at least one and all different, but there are ${ids.length} with ` +
          `${new Set(ids).size} different ids — in BaseTasks — give every task of the set an id of its own.`,
      );
    }
    this.#ids = ids;
    this.#order = order;
    this.#random = random;
    this.#fingerprint = createHash("sha256").update(JSON.stringify(ids)).digest("hex").slice(0, 32);
  }

  /** The number of different base tasks. */
  get size(): number {
    return this.#ids.length;
  }

  /** The id of the next base task. */
  next(): string {
    const index = this.#drawCount;
    this.#drawCount += 1;
    if (this.#order === "uniform") return this.#ids[this.#random.fork(`draw ${index}`).below(this.size)]!;
    const epoch = Math.floor(index / this.size);
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#shuffled = this.#random.fork(`epoch ${epoch}`).shuffle(this.#ids);
    }
    return this.#shuffled[index % this.size]!;
  }

  save(): BaseTasksState {
    return { drawCount: this.#drawCount, fingerprint: this.#fingerprint };
  }

  /**
   * Continues where `save` was called. Seed and order are the constructor's to repeat.
   * @throws RangeError if the state belongs to another set of tasks
   */
  restore(state: BaseTasksState): void {
    if (state.fingerprint !== this.#fingerprint) {
      throw new RangeError(
        `the saved stream of base tasks is of another set (${state.fingerprint}) than this run's ${this.size} tasks ` +
          `(${this.#fingerprint}) — in BaseTasks.restore — resume with the same task set in the same order.`,
      );
    }
    this.#drawCount = state.drawCount;
  }
}
