// A group: all rollouts of one prompt, and the credit each of them gets against the others.
// Pure. Knows rewards, advantages and masks; knows neither environments nor the learner's loss.
// The one place where credit is decided: S goes to the curriculum, advantages go to the batch.
import {
  centroidDistances,
  type Diversity,
  diversityCoefficients,
  type ExitOptions,
  type GroupOutcome,
  learnability,
  type Mode,
  rewardOf,
} from "./exit/index.ts";
import { mean, variance } from "./exit/learnability.ts";
import { checkRollout, type Rollout } from "./rollout.ts";

/** Why a scored group carries no gradient. */
export type FilterCause =
  /** Every reward is 0. */
  | "all-zero"
  /** Every reward is 1. */
  | "all-one"
  /** Every reward is the same, in between. */
  | "equal"
  /** All scored rollouts were cut off and masked; where masked ones are out of the statistics, all but one. */
  | "all-masked";

/** What becomes of a group: trained on, left out for a reason, or failed with fewer than two scored rollouts. */
export type Verdict =
  | { readonly kind: "trainable" }
  | { readonly kind: "filtered"; readonly cause: FilterCause }
  | { readonly kind: "failed" };

/** A group with its credit. Arrays are [G], in the order of the rollouts. */
export interface Group {
  readonly mode: Mode;
  readonly rollouts: readonly Rollout[];
  readonly verdict: Verdict;
  /** r_i (4.5); null where a rollout failed. */
  readonly rewards: readonly (number | null)[];
  /** A_i: constant over a rollout's tokens; 0 where a rollout failed, and in a group that is not trainable. */
  readonly advantages: readonly number[];
  /** S as the options take it (D6); null where fewer than two rollouts counted. */
  readonly score: number | null;
  /** var(r) and the variance of the absolute qualities, both as S would be; null where score is. */
  readonly rewardVariance: number | null;
  readonly qualityVariance: number | null;
  readonly meanReward: number | null;
  /** Rollouts whose mask is zeroed in the batch (3.6). */
  readonly isMasked: readonly boolean[];
  /** Rollouts cut off by the token limit, masked or not. */
  readonly overlongCount: number;
  /** Failed rollouts by cause. */
  readonly failureCounts: Readonly<Record<string, number>>;
  /** Eq. 6 over the scored rollouts, in order; null where the bonus is off or a scored rollout has no embedding. */
  readonly diversity: Diversity | null;
  /** Scored rollouts without embedding; above 0 the whole group goes without the bonus. */
  readonly missingEmbeddingCount: number;
}

/** What a group's rollouts had in common when they began. */
export interface GroupStart {
  readonly mode: Mode;
  /** q_{k-1}: quality of the episode the start point comes from; null for a base task. */
  readonly prevQuality: number | null;
}

interface Scored {
  readonly index: number;
  readonly rollout: Rollout;
  readonly quality: number;
  readonly reward: number;
}

/**
 * Rewards (4.5), S (4.6), advantages (Eq. 3, or Dr. GRPO 3.5), diversity bonus (Eq. 6), filters and masks of one group.
 *
 * Failed and unscored rollouts are left out of all statistics and counted by cause. Rollouts cut off by the token
 * limit stay in the statistics (D20) though their mask is zeroed. S is taken before the diversity bonus (D6).
 * Deviation in the advantages is the population's, whatever `varianceDdof` says of S.
 * @throws RangeError if a rollout that did not fail is malformed
 */
export function assessGroup(start: GroupStart, rollouts: readonly Rollout[], options: ExitOptions): Group {
  const scored = scoreRollouts(start, rollouts, options);
  const isOverlong = rollouts.map(({ finish }) => finish === "length");
  const isMasked = isOverlong.map((overlong) => overlong && options.overlongFilter);
  const rewards: (number | null)[] = rollouts.map(() => null);
  for (const { index, reward } of scored) rewards[index] = reward;
  const common = {
    mode: start.mode,
    rollouts,
    rewards,
    isMasked,
    overlongCount: isOverlong.filter(Boolean).length,
    failureCounts: countFailures(rollouts),
  };
  const counted = options.overlongInStatistics ? scored : scored.filter(({ index }) => !isMasked[index]);
  if (counted.length < 2) {
    const verdict: Verdict = scored.length < 2 ? { kind: "failed" } : { kind: "filtered", cause: "all-masked" };
    return { ...common, ...nothing(rollouts), verdict };
  }
  const countedRewards = counted.map(({ reward }) => reward);
  const rewardVariance = learnability(countedRewards, options);
  const qualityVariance = learnability(
    counted.map(({ quality }) => quality),
    options,
  );
  const verdict = judge(
    countedRewards,
    scored.every(({ index }) => isMasked[index]),
    options,
  );
  const { diversity, missingEmbeddingCount } = measureDiversity(scored, options);
  const advantages = rollouts.map(() => 0);
  if (verdict.kind === "trainable") {
    const credit = advantagesOf(countedRewards, options);
    for (const [position, { index }] of counted.entries()) advantages[index] = credit[position]!;
    for (const [position, { index }] of scored.entries()) advantages[index]! *= diversity?.coefficients[position] ?? 1;
  }
  return {
    ...common,
    verdict,
    advantages,
    score: options.learnabilityOf === "reward" ? rewardVariance : qualityVariance,
    rewardVariance,
    qualityVariance,
    meanReward: mean(countedRewards),
    diversity,
    missingEmbeddingCount,
  };
}

/**
 * A_i of Eq. 3, (r_i - mean) / (std + epsilon) with the population deviation; or r_i - mean (Dr. GRPO, 3.5).
 * @param rewards [n], n >= 1
 * @returns [n], sums to 0 but for rounding
 */
export function advantagesOf(
  rewards: readonly number[],
  { advantage, advantageEpsilon }: Pick<ExitOptions, "advantage" | "advantageEpsilon">,
): number[] {
  const centre = mean(rewards);
  const scale = advantage === "standard" ? Math.sqrt(variance(rewards)) + advantageEpsilon : 1;
  return rewards.map((reward) => (reward === centre ? 0 : (reward - centre) / scale));
}

/** What the curriculum wants to know of a group: S and the histories of its scored rollouts. */
export function outcomeOf({ score, rollouts, rewards }: Group): GroupOutcome {
  return {
    score,
    episodes: rollouts
      .filter((_, index) => rewards[index] !== null)
      .map(({ id, turns, quality }) => ({
        rolloutId: id,
        turns: turns.map(({ start: _start, end: _end, ...turn }) => turn),
        quality,
      })),
  };
}

function scoreRollouts(start: GroupStart, rollouts: readonly Rollout[], options: ExitOptions): Scored[] {
  return rollouts.flatMap((rollout, index) => {
    const { quality, failure } = rollout;
    if (failure !== undefined || quality === null) return [];
    checkRollout(rollout);
    const reward = rewardOf(quality, start.mode, start.prevQuality, options.rewardKinds);
    return [{ index, rollout, quality, reward }];
  });
}

function countFailures(rollouts: readonly Rollout[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { failure, quality } of rollouts) {
    const cause = failure?.cause ?? (quality === null ? "unscored" : null);
    if (cause !== null) counts[cause] = (counts[cause] ?? 0) + 1;
  }
  return counts;
}

function judge(rewards: readonly number[], isAllMasked: boolean, options: ExitOptions): Verdict {
  const tolerance = options.zeroVarianceTolerance;
  const [least, most] = [Math.min(...rewards), Math.max(...rewards)];
  if (most - least <= tolerance) {
    const cause = least <= tolerance ? "all-zero" : most >= 1 - tolerance ? "all-one" : "equal";
    return { kind: "filtered", cause };
  }
  return isAllMasked ? { kind: "filtered", cause: "all-masked" } : { kind: "trainable" };
}

function measureDiversity(scored: readonly Scored[], options: ExitOptions) {
  if (!options.mechanisms.diversity) return { diversity: null, missingEmbeddingCount: 0 };
  const embeddings = scored.flatMap(({ rollout }) => rollout.embedding ?? []);
  const missingEmbeddingCount = scored.length - embeddings.length;
  const diversity = missingEmbeddingCount === 0 ? diversityCoefficients(centroidDistances(embeddings), options) : null;
  return { diversity, missingEmbeddingCount };
}

function nothing(rollouts: readonly Rollout[]) {
  return {
    advantages: rollouts.map(() => 0),
    score: null,
    rewardVariance: null,
    qualityVariance: null,
    meanReward: null,
    diversity: null,
    missingEmbeddingCount: 0,
  };
}
