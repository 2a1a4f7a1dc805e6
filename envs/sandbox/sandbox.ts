// The seam: a place where an untrusted program runs once and a verdict comes back.
// Whoever runs programs knows this file; walls of this machine, a container or a remote machine can stand behind it.
// Knows no task and no score, and of Python only that the program is a text.
import type { Attestation, Guarantee, Tier } from "./guarantees.ts";
import type { Verdict } from "./verdict.ts";

export interface Sandbox extends AsyncDisposable {
  readonly tier: Tier;
  /** What was tried and held when it was opened, and what this machine lacks. */
  readonly attestation: Attestation;
  /** The guarantees that hold; a task may require some of them. */
  readonly guarantees: ReadonlySet<Guarantee>;
  /**
   * Runs the program to its end or its first limit, in a fresh workspace. Resolves when every process of it is dead,
   * what was asked for has been taken out and the workspace is gone. As many run at once as were allowed at opening.
   * What goes wrong is in the verdict, `sandbox_error` included: that is never the program's fault.
   * Rejects at once with the signal's reason when it aborts; the program is then taken down.
   */
  run(job: SandboxJob, options?: { signal?: AbortSignal }): Promise<Verdict>;
  /** Resolves when all that are being made ready for the next jobs are, or have failed; at once where none are. */
  warmed(): Promise<void>;
  /** Takes down what runs, and waits for it. Twice is fine. */
  close(): Promise<void>;
}

/** One program, run once. */
export interface SandboxJob {
  /** The text of a Python program; it is `main.py` in the workspace, which is also its working directory. */
  program: string;
  /** A folder on this machine that it may read, at `$DATA_DIR`. Files in it must be readable for everybody. */
  dataFolder?: string;
  /** The variable that says where that folder is; `DATA_DIR` unless said. */
  dataVariable?: string;
  /** `pipe` unless said; `pty` needs a sandbox that was given a terminal. */
  stdio?: "pipe" | "pty";
  limits?: Partial<SandboxLimits>;
  /** Added to the few variables that every program gets. */
  env?: Readonly<Record<string, string>>;
  /** Decides hash order; programs read it as `$SEED`. 0 unless said. */
  seed?: number;
  /** Files of the workspace to take out afterwards, by plain name. */
  outputs?: readonly WantedFile[];
  /** Called with each piece of output as it comes. May not block. */
  onOutput?: (piece: Buffer) => void;
}

export interface WantedFile {
  name: string;
  /** A larger one is refused unread; 64 MiB unless said. */
  maxBytes?: number;
}

/** Bounds on one program and everything it starts. */
export interface SandboxLimits {
  /** From its first instruction to its end. */
  wallMs: number;
  /** Of the whole tree together; where nobody counts a tree, of each process, in whole seconds. */
  cpuMs: number;
  /** Of the whole tree; where nobody counts a tree, address space of each process. Files have room of their own. */
  memoryBytes: number;
  /** Processes and threads. */
  processes: number;
  /** The largest file. */
  fileBytes: number;
  /** All files in the workspace. */
  workspaceBytes: number;
  /** All files in /tmp, and again in /dev/shm. */
  temporaryBytes: number;
  /** Files and folders in the workspace, and again in /tmp and /dev/shm. */
  inodes: number;
  /** Of stdout and stderr together; more ends the program. */
  outputBytes: number;
  /** Line feeds in the output; more ends the program. */
  outputLines: number;
}

/** Enough for a Kaggle-style script of a few minutes. */
export const defaultLimits: SandboxLimits = {
  wallMs: 300_000,
  cpuMs: 600_000,
  memoryBytes: 2 * 2 ** 30,
  processes: 64,
  fileBytes: 256 * 2 ** 20,
  workspaceBytes: 512 * 2 ** 20,
  temporaryBytes: 64 * 2 ** 20,
  inodes: 10_000,
  outputBytes: 4 * 2 ** 20,
  outputLines: 100_000,
};
