// Every choice the paper leaves open, and every number its tables give, as one record that is written with the run.
// Knows names, defaults and bounds; the meaning of an option stands with the code that reads it.
// Filled from a preset (`domains.ts`), overridden by the run's configuration, checked once here, believed afterwards.
import type { BaseOrder } from "./base-tasks.ts";
import type { BufferOptions } from "./buffer.ts";
import type { DiversityOptions } from "./diversity.ts";
import { type RewardKinds, SCORE_RANGES } from "./improvement.ts";
import type { LearnabilityOptions } from "./learnability.ts";
import type { SelectionOptions } from "./selection.ts";
import { checkMechanisms, type Mechanisms, STRATEGIES } from "./strategies.ts";

/** How a finished group enters the buffer. */
export interface InsertionOptions {
  /** D2: whose prefixes enter: one rollout drawn uniformly, all of them, or one of highest quality. */
  readonly insertPerGroup: "one" | "all" | "best";
  /** D11: base tasks enter the buffer too. Curriculum keeps its start points either way. */
  readonly bufferBase: boolean;
  /** D14: keep think blocks in the responses that are shown again. */
  readonly keepReasoning: boolean;
}

/** How a group's rewards become advantages. */
export interface CreditOptions {
  /** D28, D30: which reward each mode earns (4.5). */
  readonly rewardKinds: RewardKinds;
  /** D6: S is taken on the training reward, or on the absolute quality. Both are reported. */
  readonly learnabilityOf: "reward" | "quality";
  /** D17: (r - mean) / (std + epsilon), Eq. 3; or r - mean, Dr. GRPO (3.5). */
  readonly advantage: "standard" | "centred";
  /** Added to the standard deviation (3.4). */
  readonly advantageEpsilon: number;
  /** Rewards that differ by no more than this are equal: their group carries no gradient and is filtered. */
  readonly zeroVarianceTolerance: number;
  /** Rollouts cut off by the token limit are masked (3.6). */
  readonly overlongFilter: boolean;
  /** D20: masked rollouts still count in the group's mean, deviation and S. */
  readonly overlongInStatistics: boolean;
}

/** All options of the learning program. */
export interface ExitOptions
  extends SelectionOptions,
    BufferOptions,
    InsertionOptions,
    LearnabilityOptions,
    CreditOptions,
    DiversityOptions {
  readonly mechanisms: Mechanisms;
  /** D21. */
  readonly baseOrder: BaseOrder;
  /** D24: which best scores measure the quality of competition submissions. */
  readonly scoreRanges: keyof typeof SCORE_RANGES;
}

/** The defaults of sections 9 and 13: plain GRPO, with what a buffer would need once a strategy switches it on. */
export const DEFAULT_OPTIONS: ExitOptions = {
  mechanisms: STRATEGIES.grpo,
  minBufferSize: 0,
  selfIterationProbability: 0,
  divergenceProbability: 0, // D29
  kappa: 20, // D1
  baseOrder: "epochs", // D21
  bufferCapacity: 0,
  evictionTie: "oldest-scored", // D8
  insertPerGroup: "one", // D2
  bufferBase: false, // D11
  keepReasoning: false, // D14
  varianceDdof: 0, // D5
  rewardKinds: { base: "absolute", improve: "absolute", diverge: "absolute" }, // D28, D30
  learnabilityOf: "reward", // D6
  advantage: "standard", // D17
  advantageEpsilon: 1e-8,
  zeroVarianceTolerance: 1e-6,
  overlongFilter: false,
  overlongInStatistics: true, // D20
  diversityMode: "paper", // D9, D31
  diversityRangeGuard: 1e-8, // D9
  diversityCap: 10, // D9
  scoreRanges: "full", // D24
};

/**
 * Returns the options as they are, if they can run.
 * @throws RangeError naming the first option that cannot
 */
export function checkOptions(options: ExitOptions): ExitOptions {
  checkMechanisms(options.mechanisms);
  for (const name of ["selfIterationProbability", "divergenceProbability"] as const) {
    need(options[name] >= 0 && options[name] <= 1, name, options[name], "a probability from 0 to 1");
  }
  for (const name of ["bufferCapacity", "minBufferSize"] as const) {
    need(Number.isSafeInteger(options[name]) && options[name] >= 0, name, options[name], "a count, 0 or more");
  }
  const atLeastZero = ["kappa", "advantageEpsilon", "zeroVarianceTolerance", "diversityRangeGuard"] as const;
  for (const name of atLeastZero) {
    need(options[name] >= 0 && Number.isFinite(options[name]), name, options[name], "a finite number, 0 or more");
  }
  need(options.diversityCap > 0, "diversityCap", options.diversityCap, "a number above 0");
  const { minBufferSize, bufferCapacity, mechanisms } = options;
  if (mechanisms.selection) {
    need(bufferCapacity > 0, "bufferCapacity", bufferCapacity, "at least 1 where selection is on");
    need(minBufferSize <= bufferCapacity, "minBufferSize", minBufferSize, `at most bufferCapacity, ${bufferCapacity}`);
  }
  return options;
}

function need(isRight: boolean, name: string, got: unknown, wanted: string): void {
  if (!isRight) {
    throw new RangeError(`${name} is ${got} — in the learning options — it must be ${wanted}.`);
  }
}

/** The score range of a competition under the options. @throws RangeError for a competition Table 3 does not list */
export function scoreRangeOf(competition: string, { scoreRanges }: Pick<ExitOptions, "scoreRanges">) {
  const ranges = SCORE_RANGES[scoreRanges];
  if (!Object.hasOwn(ranges, competition)) {
    throw new RangeError(
      `no score range is known for ${competition} — in Table 3 (${scoreRanges}) — give the world a range of its own ` +
        `or use one of ${Object.keys(ranges).join(", ")}.`,
    );
  }
  return ranges[competition as keyof typeof ranges];
}
