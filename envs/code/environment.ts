// The world of competitions: a response holds a program, the program is run, what it leaves behind is graded.
// Knows what an outcome is worth; where programs run the executor knows, what is right the grader.
// A program's run and its grade never meet: the grader is asked once nothing of the program is left.
import { createHash } from "node:crypto";
import type { Environment, Evidence, Info } from "../environment.ts";
import { EnvironmentError } from "../errors.ts";
import { visibleText } from "../reasoning.ts";
import { createEnvironment, type SessionOptions } from "../session.ts";
import { asciicastOf } from "../terminal/asciicast.ts";
import type { World } from "../world.ts";
import { type CompetitionTask, taskHashOf } from "./competition.ts";
import { defaultExecutionLimits, type Execution, type ExecutionLimits, type Executor } from "./executor.ts";
import type { CompetitionGrader, Grade } from "./grader.ts";
import { invalidSubmission, type Misfortune, misfortuneOf, noCode, type ProgramOutcome } from "./outcome.ts";
import { outputText } from "./output.ts";
import { programIn, programName } from "./program.ts";
import { qualityOf, type ScoreRange, type ScoreRanges, scoreRangeOf } from "./range.ts";
import { submissionName } from "./submission.ts";
import { dataVariable, type MleWording, programWording } from "./wording.ts";

export interface MleOptions {
  executor: Pick<Executor, "tier" | "run">;
  grader: Pick<CompetitionGrader, "open" | "grade">;
  /** `programWording` unless said. */
  wording?: MleWording;
  /** Which scores are worst and best; `full` unless said. */
  scoreRanges?: ScoreRanges;
  /** For competitions without a known range: the range of each. Goes before `scoreRanges`. */
  scoreRangeOf?: (competitionId: string) => ScoreRange | undefined;
  /** What differs from `defaultExecutionLimits`. */
  limits?: Partial<ExecutionLimits>;
  /** `pipe` unless said. */
  stdio?: "pipe" | "pty";
  /** Programs in one episode, each told what came of the one before; its quality is the last one's. 1 unless said. */
  programCount?: number;
  /** How much of a trace is told; 2 000 characters unless said. */
  traceCharacters?: number;
  /** What the evidence holds of a program's output with its times, as asciicast; nothing unless said. */
  terminalBytes?: number;
}

type MleState = { task: CompetitionTask; publicFolder: string; range: ScoreRange; runs: Run[] };

/** What came of one response. */
type Run = { outcome: ProgramOutcome; quality: number };

/** Options of the world apart from those of a session: both have limits, of an episode and of a program. */
export type MleEnvironmentOptions = Omit<SessionOptions<CompetitionTask>, "prompts"> & {
  mle: MleOptions;
  /** Those of the wording unless said. */
  prompts?: SessionOptions<CompetitionTask>["prompts"];
};

/** An environment of competitions. Single turn unless said; a second attempt earns its improvement. */
export function mleEnvironment({ mle, ...options }: MleEnvironmentOptions): Environment<CompetitionTask> {
  const { prompts } = mle.wording ?? programWording;
  return createEnvironment(mleWorld(mle), { prompts, ...options });
}

/** The rules alone, for a session of another make. */
export function mleWorld(options: MleOptions): World<CompetitionTask, MleState> {
  const { executor, grader, wording = programWording, scoreRanges = "full", programCount = 1 } = options;
  const { stdio = "pipe", traceCharacters = 2_000, terminalBytes = 0 } = options;
  const limits = { ...defaultExecutionLimits, ...options.limits };
  const reading = { dataVariable, tier: executor.tier, traceCharacters };

  async function attempt(state: MleState, response: string, signal: AbortSignal): Promise<Attempted> {
    const { task, publicFolder, range } = state;
    const text = wording.programOf(visibleText(response), task);
    if (text === null) return failed(noCode, {});
    const program = { text, dataFolder: publicFolder, dataVariable, limits, stdio, transcriptBytes: terminalBytes };
    const execution = await executor.run(program, { signal });
    const facts = { program: sha256(text), execution: { stdio, ...factsOf(execution, executor.tier) } };
    const evidence = evidenceOf(text, execution);
    const misfortune = misfortuneOf(execution, limits, reading);
    if (misfortune || execution.submission.kind !== "file") return failed(misfortune!, facts, evidence);
    const grade = await grader.grade(task.id, execution.submission.bytes, { signal });
    const graded = { ...facts, grade: { ...grade } };
    const { score } = grade.report;
    if (score === null) return failed(invalidSubmission(grade.reason ?? "it has no score"), graded, evidence);
    return { outcome: "ok", quality: qualityOf(score, range), info: { ...graded, ...metricsOf(grade) }, evidence };
  }

  return {
    id: "mle",
    version: ["1", wording.id, scoreRanges, programCount].join("-"),
    rewardKind: "improvement",
    async open(task, _seed, { signal }) {
      const range = options.scoreRangeOf?.(task.id) ?? scoreRangeOf(task.id, scoreRanges);
      const competition = await grader.open(task.id, { signal });
      if (taskHashOf(competition) !== task.hash) {
        const advice = "share the folder of the competitions, or give every machine one salt and seed";
        throw new EnvironmentError("bad_data", `the files here are not the task's - mle, task ${task.id} - ${advice}`);
      }
      return { task, publicFolder: competition.publicFolder, range, runs: [] };
    },
    opening: ({ task }) => [{ role: "user", content: wording.opening(task, limits) }],
    async respond(state, response, { signal }) {
      const { outcome, quality, feedback, info, evidence } = await attempt(state, response, signal);
      state.runs.push({ outcome, quality });
      const terminated = state.runs.length >= programCount;
      const told = feedback ?? "The program ended without an error, and its submission was accepted.";
      return {
        messages: terminated ? [] : [{ role: "user", content: told }],
        terminated,
        responseKind: outcome === "no_code" ? "none" : "code",
        info: { outcome, isValid: outcome === "ok", quality, ...info },
        ...(evidence && { evidence }),
        ...(feedback === undefined ? {} : { feedback }),
      };
    },
    quality: ({ runs }) => runs.at(-1)?.quality ?? null,
    // Not the scores: one program run twice may differ in the last digits. They are in the info, to be compared with a
    // tolerance by whoever replays.
    digest: ({ runs }) => runs.map(({ outcome }) => outcome),
    instruction: ({ task }) => wording.opening(task, limits),
    solutionText(turns) {
      const shown = visibleText(turns.at(-1)?.response ?? "");
      return programIn(shown) ?? shown;
    },
  };
}

type Attempted = Run & { info: Info; feedback?: string; evidence?: Evidence };

function failed({ outcome, feedback }: Misfortune, info: Info, evidence?: Evidence): Attempted {
  return { outcome, quality: 0, feedback, info, ...(evidence && { evidence }) };
}

/** The evidence of what a program's terminal or pipe carried. */
export const terminalName = "terminal.cast";

function evidenceOf(text: string, { transcript, submission }: Execution): Evidence {
  return {
    [programName]: Buffer.from(text),
    ...(transcript && { [terminalName]: Buffer.from(asciicastOf(transcript)) }),
    ...(submission.kind === "file" && { [submissionName]: submission.bytes }),
  };
}

function metricsOf({ report, isSampleCopy }: Grade): Info {
  return { score: report.score, isSampleCopy };
}

/** What a record keeps of an execution: bytes by their hash. */
function factsOf({ end, exitCode, signal, wallMs, output, transcript, submission }: Execution, tier: string): Info {
  const left =
    submission.kind === "file" ? { sha256: submission.sha256, byteCount: submission.bytes.length } : submission;
  return {
    tier,
    end,
    exitCode,
    signal,
    wallMs,
    ...(transcript === undefined && { output: outputText(output) }), // else the evidence has it
    outputByteCount: output.byteCount,
    submission: left,
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
