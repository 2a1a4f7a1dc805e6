// Draws from a seed and a name, the same in every process. Slow and plain: a hash for each number.
import { hashFraction } from "../task.ts";

/** Whatever a template draws. Two with other names draw independently. */
export class Draws {
  readonly #seed: number;
  readonly #name: string;
  #count = 0;

  constructor(seed: number, name: string) {
    this.#seed = seed;
    this.#name = name;
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    this.#count += 1;
    return least + Math.floor(hashFraction(this.#seed, `${this.#name} ${this.#count}`) * (most - least + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)]!;
  }
}
