// Scores as qualities: where between the worst and the best that is counted a score stands.
// Knows competitions by their ids and nothing else of them.
import { EnvironmentError } from "../errors.ts";

/** The scores of quality 0 and 1; `worst` is the greater one where less is better. */
export type ScoreRange = { readonly worst: number; readonly best: number };

/**
 * `paper`: the table of arXiv 2509.04575 as printed, where a log loss of 1.0 is already perfect for the authors' task
 * and even guessing earns 0.8. `full`: the same with a perfect log loss at 0.
 */
export type ScoreRanges = "paper" | "full";

const area: ScoreRange = { worst: 0, best: 1 };
const logError: ScoreRange = { worst: 1, best: 0 };
const logLoss: Record<ScoreRanges, ScoreRange> = { paper: { worst: 1.5, best: 1 }, full: { worst: 1.5, best: 0 } };

/** A synthetic competition has the range of the one it takes after. */
const rangesOf: Record<string, ScoreRange | Record<ScoreRanges, ScoreRange>> = {
  "detecting-insults-in-social-commentary": area,
  "spooky-author-identification": logLoss,
  "random-acts-of-pizza": area,
  "nomad2018-predict-transparent-conductors": logError,
  "jigsaw-toxic-comment-classification-challenge": area,
  "aerial-cactus-identification": area,
  "synth-insults": area,
  "synth-authors": logLoss,
  "synth-pizza": area,
  "synth-conductors": logError,
  "synth-toxic": area,
  "synth-glyphs": area,
};

/** The range of a competition. @throws EnvironmentError `bad_data` if none is known */
export function scoreRangeOf(competitionId: string, ranges: ScoreRanges): ScoreRange {
  const known = rangesOf[competitionId];
  if (known) return "worst" in known ? known : known[ranges];
  const advice = "hand in its worst and best score as scoreRangeOf";
  throw new EnvironmentError("bad_data", `no score range is known - competition ${competitionId} - ${advice}`);
}

/** Where the score stands in its range, clipped to [0, 1]. */
export function qualityOf(score: number, { worst, best }: ScoreRange): number {
  return Math.min(1, Math.max(0, (score - worst) / (best - worst)));
}
