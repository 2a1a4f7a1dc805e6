// Random numbers: a seeded stream that can be written down and taken up again.
// The one door to pure-rand. Knows nothing of what is drawn with it.
// Every choice of the learning program (which task, which mode, which rollout) comes from such a stream, so a run
// with the same seed and the same order of events repeats itself.
import { createHash } from "node:crypto";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";

/** A stream at rest, as plain JSON. */
export interface RandomState {
  /** Who the stream is: 64 hex digits, the same for its whole life. `fork` derives from it. */
  readonly key: string;
  /** Where the stream stands: the generator's four 32-bit words. */
  readonly words: readonly number[];
}

/** Uniform, integer and weighted draws from one seeded sequence (xoroshiro128+). */
export class RandomStream {
  readonly #key: string;
  readonly #generator: ReturnType<typeof xoroshiro128plusFromState>;

  private constructor({ key, words }: RandomState) {
    this.#key = key;
    this.#generator = xoroshiro128plusFromState(words);
  }

  /** The stream of a seed. Neighbouring seeds give unrelated streams: the seed is hashed, not used as state. */
  static seeded(seed: number | string): RandomStream {
    return new RandomStream(stateOf(createHash("sha256").update(`seed ${seed}`).digest()));
  }

  /**
   * The stream as it was when `save` was called.
   * @throws RangeError if the state is not one that `save` wrote
   */
  static restored(state: RandomState): RandomStream {
    const isWord = (word: unknown) => Number.isInteger(word) && word === (word as number) >> 0;
    if (!/^[0-9a-f]{64}$/.test(state.key) || state.words.length !== 4 || !state.words.every(isWord)) {
      throw new RangeError(
        `a random stream cannot be restored from ${JSON.stringify(state)} — it needs a key of 64 hex digits and ` +
          "four 32-bit words — give it what save() returned.",
      );
    }
    return new RandomStream(state);
  }

  /** The stream's identity and position; a stream restored from it continues identically. */
  save(): RandomState {
    return { key: this.#key, words: [...this.#generator.getState()] };
  }

  /**
   * An independent stream named by a label. It depends on this stream's identity, not on its position, and does not
   * move it: the same label gives the same stream whenever it is asked for.
   */
  fork(label: string): RandomStream {
    return new RandomStream(stateOf(createHash("sha256").update(`fork ${this.#key} ${label}`).digest()));
  }

  /** A number in [0, 1), a multiple of 2^-53. */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** True with the given probability; 0 is never, 1 is always. */
  isDrawn(probability: number): boolean {
    return this.uniform() < probability;
  }

  /**
   * An integer in 0 .. bound-1, each equally likely.
   * @throws RangeError if bound is not a positive safe integer
   */
  below(bound: number): number {
    if (!Number.isSafeInteger(bound) || bound < 1) {
      throw new RangeError(`no integer lies below ${bound} — in RandomStream.below — ask with a bound of at least 1.`);
    }
    return uniformInt(this.#generator, 0, bound - 1);
  }

  /** A shuffled copy (Fisher-Yates), every order equally likely. */
  shuffle<Item>(items: ArrayLike<Item>): Item[] {
    const shuffled = Array.from(items);
    for (let index = shuffled.length - 1; index > 0; index -= 1) {
      const other = this.below(index + 1);
      [shuffled[index], shuffled[other]] = [shuffled[other]!, shuffled[index]!];
    }
    return shuffled;
  }

  /**
   * An index drawn in proportion to its weight; an index of weight 0 is never drawn.
   * @throws RangeError if a weight is negative or not finite, or if all are 0
   */
  categorical(weights: ArrayLike<number>): number {
    let total = 0;
    let last = -1;
    for (let index = 0; index < weights.length; index += 1) {
      const weight = weights[index]!;
      if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) throw badWeights(`weight ${index} is ${weight}`);
      if (weight > 0) last = index;
      total += weight;
    }
    if (last < 0) throw badWeights(`none of ${weights.length} weights is positive`);
    let rest = this.uniform() * total;
    for (let index = 0; index < last; index += 1) {
      rest -= weights[index]!;
      if (rest < 0) return index;
    }
    return last; // also where rounding in the running difference would end
  }
}

function stateOf(digest: Buffer): RandomState {
  return { key: digest.toString("hex"), words: [0, 4, 8, 12].map((offset) => digest.readInt32LE(offset)) };
}

function badWeights(what: string): RangeError {
  return new RangeError(`no index can be drawn: ${what} — in RandomStream.categorical — give finite weights above 0.`);
}
