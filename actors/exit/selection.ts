// Selection: whether the next prompt comes from the buffer, which instance it is, and in which mode it starts.
// Knows scores and probabilities; knows neither the buffer's keeping nor the episode that follows.
// Called once a prompt, so that all rollouts of a group share task and mode (D3).
import type { RandomStream } from "../random.ts";
import type { Mode } from "./instance.ts";
import type { Mechanisms } from "./strategies.ts";

/** What selection needs to know; the values for each domain and strategy are in `domains.ts`. */
export interface SelectionOptions {
  /** B_min: the buffer is not drawn from while it holds fewer instances. */
  readonly minBufferSize: number;
  /** p: probability that a prompt comes from the buffer once it is large enough. */
  readonly selfIterationProbability: number;
  /** p_div: probability that a self-iteration step is a divergence step; 0 where divergence is off (D29). */
  readonly divergenceProbability: number;
  /** D1: inverse temperature of the softmax over S; 0 draws uniformly. */
  readonly kappa: number;
}

/** Episode start (4.3): the buffer if |B| >= B_min and U(0,1) < p, otherwise a base task. */
export function isReplayDrawn(
  bufferSize: number,
  { minBufferSize, selfIterationProbability }: SelectionOptions,
  random: RandomStream,
): boolean {
  return bufferSize > 0 && bufferSize >= minBufferSize && random.isDrawn(selfIterationProbability);
}

/**
 * P(i) = exp(kappa S_i) / sum_j exp(kappa S_j) (section 4.7), without overflow for any kappa.
 * @param scores [n] float64
 * @returns [n] float64, sums to 1
 */
export function softmax(scores: ArrayLike<number>, kappa: number): Float64Array {
  let highest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < scores.length; index += 1) highest = Math.max(highest, scores[index]!);
  let total = 0;
  const weights = Float64Array.from(scores, (score) => {
    const weight = Math.exp(kappa * (score - highest));
    total += weight;
    return weight;
  });
  return weights.map((weight) => weight / total);
}

/** 1 / sum P^2 (D1): among how many instances the draws are effectively spread; from 1 to n. */
export function effectiveSampleSize(probabilities: ArrayLike<number>): number {
  let squares = 0;
  for (let index = 0; index < probabilities.length; index += 1) squares += probabilities[index]! ** 2;
  return 1 / squares;
}

/**
 * The mode of one prompt (4.8, 4.11): a drawn instance that has a response is improved, with probability p_div
 * diverged from; base tasks are attempted plainly, as is everything where expansion is off.
 * @param isReplay whether the instance was drawn from the buffer
 * @param startTurn t_start of the instance; 0 is a base task
 */
export function drawMode(
  isReplay: boolean,
  startTurn: number,
  mechanisms: Mechanisms,
  { divergenceProbability }: SelectionOptions,
  random: RandomStream,
): Mode {
  if (!isReplay || startTurn === 0 || !mechanisms.expansion) return "base";
  return mechanisms.divergence && random.isDrawn(divergenceProbability) ? "diverge" : "improve";
}
