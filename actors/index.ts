// The public words of the learning program.

export type { BlobRef } from "./blobs.ts";
export { defaultConfig, exitOptionsOf, type PartialConfig, type RunConfig, runConfigSchema } from "./config.ts";
export { groupSeed } from "./environment.ts";
export { type ChainRecord, type Evaluation, EvaluatorActor } from "./evaluator.ts";
export * from "./exit/index.ts";
export { assessGroup, type Group } from "./group.ts";
export { type EngineActor, type InferenceProxy, InferenceProxyActor, type Sampling } from "./inference-proxy.ts";
export type { CheckpointExtra, RunEnd } from "./learner-proxy.ts";
export type { LedgerCounts } from "./ledger.ts";
export { engineConfigOf, makeProgram, type RunPlan } from "./program.ts";
export {
  type EpisodeLine,
  evidencePlace,
  linesOf,
  type RecordedEpisode,
  type RecordedGroup,
  type RecordedStep,
  readEvidence,
  readGroup,
  readGroups,
  readIndex,
} from "./recorder.ts";
export { Run, type RunOptions, type RunOutcome, type RunSummary } from "./run.ts";
export type { EvaluationRow, IterationRow, LogRow, NoticeRow } from "./run-log.ts";
export * from "./search/index.ts";
export {
  competitionsOf,
  type OpenWorld,
  openGrader,
  openToolSuite,
  openWorld,
  selfIterationPrompts,
  type TaskCheck,
  type WorldConfig,
  worldConfigOf,
  worldPython,
} from "./worlds.ts";
