// What came of a response, in one word, and what whoever tries again is told of it.
// Pure: an execution in, words out. Knows no score: a program that was graded well is told nothing.
import { InfrastructureError } from "../errors.ts";
import type { Execution, ExecutionLimits } from "./executor.ts";
import { outputText } from "./output.ts";
import { programName } from "./program.ts";
import { submissionName } from "./submission.ts";
import { scrubbedTrace } from "./trace.ts";

/**
 * - `ok`: it was graded
 * - `no_code`: the response held no program
 * - `syntax_error`, `runtime_error`: it could not be read, or ended with an error
 * - `timeout`, `oom`: it took too long, or too much memory
 * - `killed`: a signal, or another limit, ended it
 * - `no_submission`, `invalid_submission`: it left nothing behind, or nothing that can be graded
 *
 * All but the first are of quality 0. A grader that failed is none of these: the episode fails with `grader_failed`.
 */
export type ProgramOutcome =
  | "ok"
  | "no_code"
  | "syntax_error"
  | "runtime_error"
  | "timeout"
  | "oom"
  | "killed"
  | "no_submission"
  | "invalid_submission";

/** An outcome other than `ok`, and what is said of it. */
export type Misfortune = { readonly outcome: Exclude<ProgramOutcome, "ok">; readonly feedback: string };

export const noCode: Misfortune = {
  outcome: "no_code",
  feedback: `The response held no complete program. Write all of ${programName} in one fenced block.`,
};

/**
 * What went wrong, or null if there is a submission to grade.
 * @throws InfrastructureError `sandbox_error` if nothing is known of the program
 */
export function misfortuneOf(
  execution: Execution,
  limits: ExecutionLimits,
  options: { dataVariable: string; tier: string; traceCharacters: number },
): Misfortune | null {
  switch (execution.end) {
    case "ok":
      return misfortuneOfSubmission(execution);
    case "nonzero":
      return error(execution, options);
    case "wall":
      return stopped("timeout", `it ran for longer than ${limits.wallMs / 1000} s`);
    case "cpu":
      return stopped("timeout", `it used more than ${limits.cpuMs / 1000} s of processor time`);
    case "oom":
      return stopped("oom", `it used more than ${Math.round(limits.memoryBytes / 1024 ** 2)} MiB of memory`);
    case "pids":
      return stopped("killed", `it had more than ${limits.processCount} processes and threads`);
    case "output":
      return stopped("killed", `it printed more than ${limits.outputBytes} bytes`);
    case "disk":
      return stopped("killed", `it wrote more than ${Math.round(limits.diskBytes / 1024 ** 2)} MiB to disk`);
    case "signal":
      return stopped("killed", `it was ended by ${execution.signal}`);
    case "setup":
    case "sandbox_error":
      throw new InfrastructureError("sandbox_error", `${execution.message || execution.end} - ${options.tier}`);
  }
}

/** A submission that the grader found invalid. */
export function invalidSubmission(reason: string): Misfortune {
  return { outcome: "invalid_submission", feedback: `${submissionName} was not accepted: ${reason}` };
}

function misfortuneOfSubmission({ submission }: Execution): Misfortune | null {
  switch (submission.kind) {
    case "file":
      return null;
    case "missing": {
      const feedback = `The program ended without an error, but left no ${submissionName} in its working directory.`;
      return { outcome: "no_submission", feedback };
    }
    case "refused":
      return invalidSubmission(submission.message);
  }
}

function error(
  { output, exitCode, paths }: Execution,
  { dataVariable, traceCharacters }: { dataVariable: string; traceCharacters: number },
): Misfortune {
  const trace = scrubbedTrace(outputText(output), paths, { dataVariable, maxCharacters: traceCharacters });
  const outcome = isSyntaxError(trace) ? "syntax_error" : "runtime_error";
  return { outcome, feedback: trace === "" ? `The program ended with exit code ${exitCode} and no output.` : trace };
}

/** Python's last line says so, and the last place it names is the program's own file rather than a text it evaluated. */
function isSyntaxError(trace: string): boolean {
  const places = [...trace.matchAll(/^ +File "([^"]+)", line \d+/gm)];
  const lastLine = trace.slice(trace.lastIndexOf("\n") + 1);
  return /^(SyntaxError|IndentationError|TabError)\b/.test(lastLine) && places.at(-1)?.[1] === programName;
}

function stopped(outcome: "timeout" | "oom" | "killed", why: string): Misfortune {
  return { outcome, feedback: `The program was stopped: ${why}.` };
}
