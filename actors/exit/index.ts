// The public words of Exploratory Iteration; README.md gives the reading order.

export { type BaseOrder, BaseTasks, type BaseTasksState } from "./base-tasks.ts";
export { type BufferOptions, type Insertion, InstanceBuffer, type ScoredInstance } from "./buffer.ts";
export {
  type Completion,
  Curriculum,
  type CurriculumState,
  type Draw,
  type FinishedEpisode,
  type GroupOutcome,
} from "./curriculum.ts";
export {
  centroidDistances,
  type Diversity,
  type DiversityOptions,
  diversityCoefficients,
  meanPairwiseDistances,
  type PairwiseDistances,
} from "./diversity.ts";
export { type DomainName, type EvaluationPreset, type Preset, presetFor, type TrainingPreset } from "./domains.ts";
export {
  type BufferDynamics,
  type DrawDynamics,
  describeBuffer,
  describeDraws,
  type StartMeans,
} from "./dynamics.ts";
export {
  accuracyAt,
  bestSoFar,
  type Chain,
  type Chains,
  type Corrections,
  correctionsAt,
  deltaAt,
  macroMean,
  netCorrections,
  overRuns,
  type RunStatistics,
} from "./evaluation.ts";
export {
  improvementReward,
  normaliseScore,
  type RewardKind,
  type RewardKinds,
  rewardOf,
  SCORE_RANGES,
  type ScoreRange,
} from "./improvement.ts";
export {
  baseInstance,
  type EpisodeTurn,
  expand,
  instanceKey,
  type KeyVariant,
  type Mode,
  type Origin,
  prefixInstances,
  startTurn,
  type TaskInstance,
  type Turn,
} from "./instance.ts";
export { type LearnabilityOptions, learnability } from "./learnability.ts";
export {
  type CreditOptions,
  checkOptions,
  DEFAULT_OPTIONS,
  type ExitOptions,
  type InsertionOptions,
  scoreRangeOf,
} from "./options.ts";
export { divergePrompt, improvePrompt, phrases, promptFor, type SelfIteration, visibleResponse } from "./prompts.ts";
export { drawMode, effectiveSampleSize, isReplayDrawn, type SelectionOptions, softmax } from "./selection.ts";
export { checkMechanisms, type Mechanisms, STRATEGIES, STRATEGY_LABELS, type StrategyName } from "./strategies.ts";
