// What a zygote is started with, and where: directly here, or inside a sandbox that is handed in as a launcher.
// Knows the command and its environment; descriptors and what is said over them are `zygote.ts`.
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";

/** The command that is to be run, wherever; its descriptors are those of `stdio`, by number. */
export interface ZygoteCommand {
  file: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

/**
 * Starts the command with these descriptors: directly, or inside a sandbox that lets them through. The process that is
 * returned ends when the zygote does, and takes everything inside along when it is killed.
 */
export type ZygoteLauncher = (command: ZygoteCommand, stdio: StdioOptions) => ChildProcess;

/** No sandbox: our own user's rights. For tests, and as the floor of a measurement. */
export const launchUnconfined: ZygoteLauncher = ({ file, args, env }, stdio) =>
  spawn(file, args, { env: { ...env }, stdio, detached: true });

export interface ZygoteOptions {
  python: string;
  /** Where the package `iterant` is, and others besides. */
  pythonPath?: readonly string[];
  /** Loaded before the first fork; numpy, pandas and scikit-learn unless said. */
  modules?: readonly string[];
  /** A Python function of one argument, `module:function`, that confines each job's process further, before its program. */
  confine?: string;
  launch?: ZygoteLauncher;
  /** What a job writes to; `pty` unless said. */
  terminal?: "pty" | "pipe";
  /** Jobs until it is rotated: each has a terminal of its own, made before the zygote starts. 32 unless said. */
  jobCount?: number;
  /** Of each terminal. */
  columns?: number;
  rows?: number;
  /** Until its imports are done; 180 000 unless said, since a slow machine took 40 s. */
  startDeadlineMs?: number;
  /** From SIGKILL to a job's end, and for clearing up behind it; then the zygote itself is killed. 10 000 unless said. */
  killDeadlineMs?: number;
  /** Milliseconds that only grow. */
  now?: () => number;
}

export const zygoteDefaults = {
  modules: ["numpy", "pandas", "sklearn"],
  launch: launchUnconfined,
  terminal: "pty",
  jobCount: 32,
  columns: 80,
  rows: 24,
  startDeadlineMs: 180_000,
  killDeadlineMs: 10_000,
} as const;

/** Of the zygote; a job gets its own. One thread, since what is forked from several could hang. */
export function environmentOf({ pythonPath = [] }: ZygoteOptions): Record<string, string> {
  return {
    PATH: "/usr/bin:/bin",
    PYTHONPATH: pythonPath.join(":"),
    PYTHONHASHSEED: "0",
    PYTHONDONTWRITEBYTECODE: "1",
    LC_ALL: "C.UTF-8",
    TZ: "UTC",
    OMP_NUM_THREADS: "1",
    OPENBLAS_NUM_THREADS: "1",
    MKL_NUM_THREADS: "1",
  };
}
