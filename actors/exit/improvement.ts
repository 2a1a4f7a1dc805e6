// Rewards of an episode: the quality that was reached, or how much of the possible improvement was made.
// Knows qualities in [0, 1] and raw scores of Table 3; knows neither worlds nor graders.
// Stands between a world's quality and the group's statistics.
import type { Mode } from "./instance.ts";

/** `absolute`: the quality itself. `improvement`: the share of the possible improvement over the parent's quality. */
export type RewardKind = "absolute" | "improvement";

/** Which reward an episode earns, by the mode it was started in (the table of section 4.5; D28). */
export type RewardKinds = Readonly<Record<Mode, RewardKind>>;

/** D7: a parent this close to perfect leaves nothing to improve. */
const CEILING_SLACK = 1e-6;

/**
 * The self-iteration reward max(0, Delta / Delta_max) (section 4.5): Delta = q_k - q_{k-1}, Delta_max = 1 - q_{k-1}.
 * A regression earns 0, never less. A perfect parent earns 0 (D7), which leaves its group without variance.
 * @param quality q_k in [0, 1]
 * @param prevQuality q_{k-1} in [0, 1]; a parent that failed to run has 0
 * @returns in [0, 1]
 */
export function improvementReward(quality: number, prevQuality: number): number {
  if (prevQuality >= 1 - CEILING_SLACK) return 0;
  return Math.max(0, (quality - prevQuality) / (1 - prevQuality));
}

/**
 * The reward r_i of one rollout (section 4.5).
 * @param quality of the episode, in [0, 1]
 * @param prevQuality of the parent's episode; read only where the kind is `improvement`
 * @throws RangeError if an improvement is asked of a parent whose quality was never measured
 */
export function rewardOf(quality: number, mode: Mode, prevQuality: number | null, kinds: RewardKinds): number {
  if (kinds[mode] === "absolute") return quality;
  if (prevQuality === null) {
    throw new RangeError(
      `no improvement can be measured over a parent of unknown quality — mode ${mode}, reward kind improvement — ` +
        "have the world report quality (0 for a failed run), or choose reward kind absolute.",
    );
  }
  return improvementReward(quality, prevQuality);
}

/** The raw scores between which a competition's quality is measured; `worst` may be the larger one, as in a loss. */
export interface ScoreRange {
  readonly worst: number;
  readonly best: number;
}

const auc: ScoreRange = { worst: 0, best: 1 };

const full = {
  "random-acts-of-pizza": auc,
  "spooky-author-identification": { worst: 1.5, best: 0 },
  "detecting-insults-in-social-commentary": auc,
  "nomad2018-predict-transparent-conductors": { worst: 1, best: 0 },
  "jigsaw-toxic-comment-classification-challenge": auc,
  "aerial-cactus-identification": auc,
} as const satisfies Record<string, ScoreRange>;

/**
 * Table 3. `paper` as printed; `full` with the whole way to a perfect score, which differs in spooky's best log loss
 * (0 instead of 1): the printed one would put ordinary models above quality 1 (section 6.3, D24).
 */
export const SCORE_RANGES = {
  full,
  paper: { ...full, "spooky-author-identification": { worst: 1.5, best: 1 } },
} as const satisfies Record<string, Record<keyof typeof full, ScoreRange>>;

/**
 * r_norm = (r - r_worst) / (r_best - r_worst), clipped to [0, 1] (section 4.5).
 * @param raw the grader's metric; null where the program failed or the submission was invalid, which is quality 0
 */
export function normaliseScore(raw: number | null, { worst, best }: ScoreRange): number {
  if (raw === null || Number.isNaN(raw)) return 0;
  return Math.min(1, Math.max(0, (raw - worst) / (best - worst)));
}
