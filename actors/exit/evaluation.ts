// How well a policy improves its own answers: accuracy after k steps, corrections made and undone, means over runs.
// Knows scored chains only; knows neither prompts nor which checkpoint played them.
// Fed by the evaluator; the tables and figures are made of these numbers.
import { mean, variance } from "./learnability.ts";

/**
 * One chain of iterates of one sample of one problem: the score at step k is `chain[k]`, from k = 0 on.
 * Scores are 0 or 1 for correctness, or a quality in [0, 1]; null where an iterate could not be scored.
 */
export type Chain = readonly (number | null)[];

/** All chains of one evaluation, by problem and then by sample; problems may differ in their number of samples. */
export type Chains = readonly (readonly Chain[])[];

/**
 * accuracy@k (section 8): the mean score of iterate k over problems x samples. With n samples a problem this is
 * average@n. Unscored iterates are left out.
 * @returns in [0, 1]; NaN if no chain reaches k
 */
export function accuracyAt(chains: Chains, k: number): number {
  return mean(chains.flat().flatMap((chain) => chain[k] ?? []));
}

/** Delta_K (section 8): accuracy@K - accuracy@0, in percentage points. */
export function deltaAt(chains: Chains, budget: number): number {
  return 100 * (accuracyAt(chains, budget) - accuracyAt(chains, 0));
}

/**
 * Net corrections(k) (section 8): the sum over problems and samples of [correct at k] - [correct at 0], which is
 * wrong-to-right minus right-to-wrong, and equals samples x problems x (accuracy@k - accuracy@0).
 * Chains unscored at either end are left out.
 */
export function netCorrections(chains: Chains, k: number): number {
  return bothEnds(chains, k).reduce((sum, [before, after]) => sum + after - before, 0);
}

/** What k steps did to right and wrong answers, of 0/1 chains. */
export interface Corrections {
  readonly repairedCount: number;
  readonly brokenCount: number;
  /** Of the answers wrong at 0, the share right at k. NaN if none was wrong. */
  readonly repairedShare: number;
  /** Of the answers right at 0, the share wrong at k. NaN if none was right. */
  readonly brokenShare: number;
}

/**
 * Repaired and broken answers after k steps. Improving gains exactly where repairedShare / (repairedShare +
 * brokenShare) exceeds the accuracy at 0.
 */
export function correctionsAt(chains: Chains, k: number): Corrections {
  const ends = bothEnds(chains, k);
  const wrong = ends.filter(([before]) => before < 0.5);
  const right = ends.filter(([before]) => before >= 0.5);
  const repairedCount = wrong.filter(([, after]) => after >= 0.5).length;
  const brokenCount = right.filter(([, after]) => after < 0.5).length;
  return {
    repairedCount,
    brokenCount,
    repairedShare: repairedCount / wrong.length,
    brokenShare: brokenCount / right.length,
  };
}

/** The best score so far at each step of a greedy search (section 8): never falls. An unscored step keeps the best. */
export function bestSoFar(chain: Chain): Chain {
  let best: number | null = null;
  return chain.map((score) => {
    if (score !== null && (best === null || score > best)) best = score;
    return best;
  });
}

/** The unweighted mean over test splits or competitions, whatever their sizes ("Math - All", section 6.1). */
export function macroMean(splitMeans: readonly number[]): number {
  return mean(splitMeans);
}

/** Mean and deviation over training runs. */
export interface RunStatistics {
  readonly runCount: number;
  readonly mean: number;
  readonly std: number;
}

/**
 * Mean and standard deviation of one figure over runs (section 8).
 * @param ddof 0 is the population deviation, numpy's default; the paper does not say which it prints
 */
export function overRuns(values: readonly number[], ddof: 0 | 1 = 0): RunStatistics {
  return { runCount: values.length, mean: mean(values), std: Math.sqrt(variance(values, ddof)) };
}

/** Scores at 0 and at k of the chains that have both. */
function bothEnds(chains: Chains, k: number): [number, number][] {
  return chains.flat().flatMap((chain) => {
    const [before, after] = [chain[0] ?? null, chain[k] ?? null];
    return before === null || after === null ? [] : [[before, after]];
  });
}
