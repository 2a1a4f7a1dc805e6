// What can be seen of the curriculum: where episodes start, how deep they are, what the buffer holds.
// Knows draws and instances; draws nothing and changes nothing.
// Figures 5 to 7 and the dashboard are made of these numbers, live or from a run's records.
import type { ScoredInstance } from "./buffer.ts";
import type { Draw } from "./curriculum.ts";
import { type Mode, startTurn } from "./instance.ts";
import { mean } from "./learnability.ts";
import { effectiveSampleSize, softmax } from "./selection.ts";

/** Means over a set of prompts (section 8). NaN where the set is empty. */
export interface StartMeans {
  readonly promptCount: number;
  /** t_start; 0 for a base task. */
  readonly startTurn: number;
  /** Self-iteration depth + 1, so that a base task counts 1 (D12). */
  readonly depth: number;
  /** "Sample from iteration"; for a base task the iteration of the draw. */
  readonly createdIteration: number;
  /** Different start points: base task and the response that is shown, if one is. */
  readonly distinctStartCount: number;
}

/** The training-dynamics row of one set of draws, an iteration's for one. */
export interface DrawDynamics {
  /** Share of prompts started in each mode; they sum to 1. */
  readonly modeShares: Readonly<Record<Mode, number>>;
  readonly replayShare: number;
  /** Over draws from the buffer: the figures' numbers (D12). */
  readonly replays: StartMeans;
  readonly all: StartMeans;
  /** Mean of 1 / sum P^2 over the replays (D1). */
  readonly effectiveSampleSize: number;
}

/** Describes where a set of prompts started (section 8, training dynamics). */
export function describeDraws(draws: readonly Draw[]): DrawDynamics {
  const replays = draws.filter(({ isReplay }) => isReplay);
  const shareOf = (wanted: Mode) => draws.filter(({ mode }) => mode === wanted).length / draws.length;
  return {
    modeShares: { base: shareOf("base"), improve: shareOf("improve"), diverge: shareOf("diverge") },
    replayShare: replays.length / draws.length,
    replays: describeStarts(replays),
    all: describeStarts(draws),
    effectiveSampleSize: mean(replays.map((draw) => draw.effectiveSampleSize ?? Number.NaN)),
  };
}

/** Histogram bins of S over 0 to .25, the range of a population variance on [0, 1]. */
const SCORE_BIN_COUNT = 20;

/** What the buffer holds. */
export interface BufferDynamics {
  readonly size: number;
  /** Among how many instances the next draw is spread (D1). */
  readonly effectiveSampleSize: number;
  readonly meanScore: number;
  readonly lowestScore: number;
  readonly highestScore: number;
  /** Instances by S, 20 equal bins over 0 .. .25; higher scores count in the last. */
  readonly scoreBins: readonly number[];
  /** Self-iteration depth + 1, mean (D12). */
  readonly depth: number;
  readonly createdIteration: number;
  readonly visitCount: number;
}

/** Describes a buffer's content; means are NaN where it is empty. */
export function describeBuffer(instances: readonly ScoredInstance[], kappa: number): BufferDynamics {
  const scores = instances.map(({ score }) => score);
  const scoreBins = new Array<number>(SCORE_BIN_COUNT).fill(0);
  for (const score of scores) {
    const bin = Math.min(SCORE_BIN_COUNT - 1, Math.floor((score / 0.25) * SCORE_BIN_COUNT));
    scoreBins[bin]! += 1;
  }
  return {
    size: instances.length,
    effectiveSampleSize: instances.length === 0 ? 0 : effectiveSampleSize(softmax(scores, kappa)),
    meanScore: mean(scores),
    lowestScore: instances.length === 0 ? Number.NaN : Math.min(...scores),
    highestScore: instances.length === 0 ? Number.NaN : Math.max(...scores),
    scoreBins,
    depth: mean(instances.map(({ depth }) => depth + 1)),
    createdIteration: mean(instances.map(({ createdIteration }) => createdIteration)),
    visitCount: mean(instances.map(({ visitCount }) => visitCount)),
  };
}

function describeStarts(draws: readonly Draw[]): StartMeans {
  return {
    promptCount: draws.length,
    startTurn: mean(draws.map(({ instance }) => startTurn(instance))),
    depth: mean(draws.map(({ instance }) => instance.depth + 1)),
    createdIteration: mean(draws.map(({ instance }) => instance.createdIteration)),
    distinctStartCount: new Set(draws.map(startIdentity)).size,
  };
}

/** Two prompts start alike if they put the same task and show the same response (section 8; Fig. 7). */
function startIdentity({ instance, mode }: Draw): string {
  const shown = mode === "base" ? null : (instance.turns.at(-1)?.response ?? null);
  return JSON.stringify([instance.baseId, shown]);
}
