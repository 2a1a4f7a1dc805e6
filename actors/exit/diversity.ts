// The multiplicative diversity bonus: rollouts whose solutions stand far from their group's centre weigh more.
// Knows embedding vectors and distances; knows neither the embedder nor what was embedded.
// Applied to a group's advantages after its statistics are taken, so it never changes S.
import { mean } from "./learnability.ts";

/** How distances become coefficients. */
export interface DiversityOptions {
  /**
   * `paper`: d / (max - min), as printed: the minimum is not subtracted above the line, so coefficients exceed 1.
   * `minmax`: (d - min) / (max - min). `mean1`: minmax rescaled to mean 1 within the group, after Chung et al. 2025
   * (whose distance is the mean to all others, not that to the centroid).
   */
  readonly diversityMode: "paper" | "minmax" | "mean1";
  /** D9: below this range of distances all coefficients are 1. */
  readonly diversityRangeGuard: number;
  /** D9: no coefficient exceeds this. */
  readonly diversityCap: number;
}

/** Coefficients of one group, [n] each. */
export interface Diversity {
  /** ||e_i - e_bar||, L2. */
  readonly distances: readonly number[];
  /** The formula's values before the cap. */
  readonly raw: readonly number[];
  /** What the advantages are multiplied by. */
  readonly coefficients: readonly number[];
}

/**
 * ||e_i - e_bar|| for each rollout, e_bar the group's mean embedding (Eq. 6).
 * @param embeddings [n] vectors of one length; not normalised here
 * @throws RangeError if lengths differ or a value is not finite
 */
export function centroidDistances(embeddings: readonly Float32Array[]): number[] {
  checkEmbeddings(embeddings);
  const width = embeddings[0]?.length ?? 0;
  const centroid = Float64Array.from({ length: width }, (_, axis) => mean(embeddings.map((vector) => vector[axis]!)));
  return embeddings.map((vector) => distance(vector, centroid));
}

/**
 * d_i of Eq. 6, with guard and cap (D9): d_i = ||e_i - e_bar|| / (max_j ||e_j - e_bar|| - min_j ||e_j - e_bar||).
 * @param distances [n] from `centroidDistances`
 */
export function diversityCoefficients(distances: readonly number[], options: DiversityOptions): Diversity {
  const raw = rawCoefficients(distances, options);
  return { distances, raw, coefficients: raw.map((value) => Math.min(value, options.diversityCap)) };
}

function rawCoefficients(distances: readonly number[], options: DiversityOptions): number[] {
  const nearest = Math.min(...distances);
  const range = Math.max(...distances) - nearest;
  if (!(range >= options.diversityRangeGuard) || range === 0) return distances.map(() => 1);
  switch (options.diversityMode) {
    case "paper":
      return distances.map((value) => value / range);
    case "minmax":
      return distances.map((value) => (value - nearest) / range);
    case "mean1": {
      const stretched = distances.map((value) => (value - nearest) / range);
      const centre = mean(stretched);
      return stretched.map((value) => value / centre);
    }
  }
}

/** Mean distances over all pairs of a set (Tables 2 and 7). */
export interface PairwiseDistances {
  readonly pairCount: number;
  /** 1 - cosine similarity. */
  readonly cosine: number;
  /** Of the vectors as the embedder gives them (D13). */
  readonly l2: number;
  /** Of the vectors scaled to length 1 (D13). */
  readonly l2UnitNorm: number;
}

/**
 * Mean pairwise distances of distinct instances in embedding space (section 8), raw and unit-norm (D13).
 * @param embeddings [n] vectors of one length, none of them zero
 * @returns NaN means where there are fewer than two vectors
 */
export function meanPairwiseDistances(embeddings: readonly Float32Array[]): PairwiseDistances {
  checkEmbeddings(embeddings);
  const units = embeddings.map((vector) => {
    const length = Math.hypot(...vector);
    return Float64Array.from(vector, (value) => value / length);
  });
  let pairCount = 0;
  const sums = { cosine: 0, l2: 0, l2UnitNorm: 0 };
  for (let one = 0; one < embeddings.length; one += 1) {
    for (let other = 0; other < one; other += 1) {
      pairCount += 1;
      sums.cosine += 1 - dot(units[one]!, units[other]!);
      sums.l2 += distance(embeddings[one]!, embeddings[other]!);
      sums.l2UnitNorm += distance(units[one]!, units[other]!);
    }
  }
  return {
    pairCount,
    cosine: sums.cosine / pairCount,
    l2: sums.l2 / pairCount,
    l2UnitNorm: sums.l2UnitNorm / pairCount,
  };
}

function distance(one: ArrayLike<number>, other: ArrayLike<number>): number {
  let squares = 0;
  for (let axis = 0; axis < one.length; axis += 1) squares += (one[axis]! - other[axis]!) ** 2;
  return Math.sqrt(squares);
}

function dot(one: ArrayLike<number>, other: ArrayLike<number>): number {
  let sum = 0;
  for (let axis = 0; axis < one.length; axis += 1) sum += one[axis]! * other[axis]!;
  return sum;
}

function checkEmbeddings(embeddings: readonly Float32Array[]): void {
  const width = embeddings[0]?.length ?? 0;
  embeddings.forEach((vector, index) => {
    if (vector.length !== width || !vector.every(Number.isFinite)) {
      throw new RangeError(
        `embedding ${index} cannot be compared: ${vector.length} values where the first has ${width}, all of them ` +
          "finite numbers — in diversity — embed all solutions of a group with one model.",
      );
    }
  });
}
