// Where a program of the policy runs: the seam between the world and whatever confines the program.
// Knows no competition and no grade. An executor takes a program, keeps it within limits, waits until nothing of it is
// left alive, and only then reads the one file it may leave behind (submission.ts).
import type { Transcript } from "../terminal/transcript.ts";
import type { ProgramOutput } from "./output.ts";
import type { Submission } from "./submission.ts";

/** What to run, and within what. */
export type Program = {
  /** Python source; it is told neither by argument nor by environment. */
  readonly text: string;
  /** A folder on this machine that the program may read and never write. */
  readonly dataFolder: string;
  /** The environment variable that tells the program where that folder is. */
  readonly dataVariable: string;
  readonly limits: ExecutionLimits;
  /** What its stdin, stdout and stderr are. Outcome and score are the same with either. */
  readonly stdio: "pipe" | "pty";
  /** What is kept of its output with the times, half from either end; nothing unless said. */
  readonly transcriptBytes?: number;
};

/** Every executor obeys the wall, output and submission limits; a weak tier says which others it cannot hold. */
export type ExecutionLimits = {
  /** From the program's first instruction to its end. */
  readonly wallMs: number;
  /** Processor time of all its processes together. */
  readonly cpuMs: number;
  /** Memory of all its processes together. */
  readonly memoryBytes: number;
  /** Processes and threads at a time. */
  readonly processCount: number;
  /** What it may write to disk. */
  readonly diskBytes: number;
  /** What it may print, stdout and stderr together. */
  readonly outputBytes: number;
  /** The largest submission that is read. */
  readonly submissionBytes: number;
  /** What numerical libraries are told to use: more than the machine has makes them slower by an order of magnitude. */
  readonly threadCount: number;
};

/** The paper's 300 s, and room enough for tables in memory. */
export const defaultExecutionLimits: ExecutionLimits = {
  wallMs: 300_000,
  cpuMs: 600_000,
  memoryBytes: 4 * 1024 ** 3,
  processCount: 256,
  diskBytes: 256 * 1024 ** 2,
  outputBytes: 8 * 1024 ** 2,
  submissionBytes: 64 * 1024 ** 2,
  threadCount: 1,
};

/**
 * How a program ended.
 * - `ok`: exit code 0
 * - `nonzero`: another exit code; `signal`: a signal that was not ours
 * - `wall`, `cpu`, `oom`, `pids`, `output`, `disk`: the limit of that name ended it
 * - `setup`: it never ran, because its surroundings could not be made
 * - `sandbox_error`: what confined it failed, so nothing is known of the program
 */
export type ProgramEnd =
  | "ok"
  | "nonzero"
  | "signal"
  | "wall"
  | "cpu"
  | "oom"
  | "pids"
  | "output"
  | "disk"
  | "setup"
  | "sandbox_error";

/** What came of a program. */
export type Execution = {
  readonly end: ProgramEnd;
  readonly exitCode: number | null;
  /** The signal that ended it, `SIGSEGV`; null if none did. */
  readonly signal: string | null;
  /** For `setup` and `sandbox_error`: what happened and what to do. Empty otherwise. */
  readonly message: string;
  readonly output: ProgramOutput;
  /** The output with its times, as far as `transcriptBytes` asked for it. */
  readonly transcript?: Transcript;
  readonly submission: Submission;
  readonly wallMs: number;
  /** Where things were as the program saw them, to be taken out of its traces. Empty if it never ran. */
  readonly paths: ProgramPaths;
};

/** Absolute paths: the program's file, its working folder, and the folder of the data. */
export type ProgramPaths = { readonly program: string; readonly work: string; readonly data: string };

/** A place to run programs. Many may run at a time; they share nothing. */
export interface Executor extends AsyncDisposable {
  /** What confines the programs: `unsafe-local` for nothing at all. Recorded with every execution. */
  readonly tier: string;
  /**
   * Runs a program to its end and resolves when nothing of it is left: no process, no file.
   * Whatever the program does is an {@link Execution}; only an abort rejects, with the signal's reason.
   */
  run(program: Program, options?: { signal?: AbortSignal }): Promise<Execution>;
  /** Ends what runs. Closing twice is fine. */
  close(): Promise<void>;
}
