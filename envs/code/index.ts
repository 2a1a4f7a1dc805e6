// Kaggle-style competitions: a program in a response is run, and what it leaves behind is graded.
export {
  defaultExecutionLimits,
  type Execution,
  type ExecutionLimits,
  type Executor,
  type Program,
  type ProgramEnd,
} from "./executor.ts";
export { emptyOutput, type KeptOutput, OutputKeeper, outputText } from "./output.ts";
export { programEnvironment, programIn, programName } from "./program.ts";
export { ingestSubmission, type RefusalReason, type Submission, submissionName } from "./submission.ts";
export { type UnsafeLocalOptions, unsafeLocalExecutor } from "./unsafe-local.ts";
