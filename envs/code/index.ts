// Kaggle-style competitions: a program in a response is run, and what it leaves behind is graded.
export {
  type CheckedCompetition,
  type CompetitionSplit,
  type CompetitionTask,
  checkCompetitions,
  competitionTaskOf,
  competitionTaskSet,
  mlebenchSplit,
  syntheticSplit,
} from "./competition.ts";
export { type MleEnvironmentOptions, type MleOptions, mleEnvironment, mleWorld, terminalName } from "./environment.ts";
export {
  defaultExecutionLimits,
  type Execution,
  type ExecutionLimits,
  type Executor,
  type Program,
  type ProgramEnd,
  type ProgramPaths,
} from "./executor.ts";
export {
  type Competition,
  type CompetitionCheck,
  CompetitionGrader,
  type CompetitionGraderOptions,
  type CompetitionPrograms,
  type CompetitionReport,
  type Grade,
} from "./grader.ts";
export type { ProgramOutcome } from "./outcome.ts";
export { outputText, type ProgramOutput } from "./output.ts";
export { scriptedPolicy, type TextPolicy, templatePolicy } from "./policy.ts";
export { programEnvironment, programIn, programName, programShownIn } from "./program.ts";
export { qualityOf, type ScoreRange, type ScoreRanges, scoreRangeOf } from "./range.ts";
export { reusingExecutor } from "./reuse.ts";
export { sandboxExecutor } from "./sandboxed.ts";
export { ingestSubmission, type RefusalReason, type Submission, submissionName } from "./submission.ts";
export { choicesIn, type TemplateChoices, templateOf, templateWording, wordsOf } from "./template.ts";
export { type UnsafeLocalOptions, unsafeLocalExecutor } from "./unsafe-local.ts";
export { dataVariable, type MleWording, programWording, startingProgram } from "./wording.ts";
