// The worlds: the contract, what an author needs to write a world, and the worlds that are here. In reading order.

export * from "./adapters/index.ts";
export * from "./code/index.ts";
export { canonicalJson, contentHash } from "./digest.ts";
export type {
  CallOptions,
  Environment,
  Evidence,
  Info,
  Limits,
  Observation,
  SelfIterationParts,
  SelfIterationPrompts,
  Snapshot,
  Step,
} from "./environment.ts";
export { isOver, replay } from "./environment.ts";
export type { Episode, EpisodeMode, EpisodeStart, Message, Outcome, StopReason, Turn } from "./episode.ts";
export { prefixesOf } from "./episode.ts";
export type { EnvironmentErrorCode, Failure, FailureCause } from "./errors.ts";
export { EnvironmentError, InfrastructureError } from "./errors.ts";
export { cacheFolder, type HubOptions, type HubSplit, hubFiles } from "./hub.ts";
export * from "./math/index.ts";
export { visibleText } from "./reasoning.ts";
export type { RewardFunction, RewardPart, Rubric, Score } from "./reward.ts";
export { rubricOf } from "./reward.ts";
export * from "./sandbox/index.ts";
export { createEnvironment, type SessionOptions } from "./session.ts";
export { type SessionCallOptions, SessionWorker, type SessionWorkerOptions } from "./session-worker.ts";
export type { Split, Task, TaskSet } from "./task.ts";
export { hashFraction, shuffledByHash, taskSetOf } from "./task.ts";
export * from "./terminal/index.ts";
export * from "./tools/index.ts";
export { type Hello, type PythonOptions, pythonWorker, type WorkerCommand } from "./worker.ts";
export { type WorkerCallOptions, WorkerPool, type WorkerPoolOptions } from "./worker-pool.ts";
export type { Quality, Reply, World } from "./world.ts";
