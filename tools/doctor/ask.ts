// Asks a program of this machine for what it says of itself, with a deadline: a file that exists may still hang.
import { execFile } from "node:child_process";

export interface Answer {
  /** Undefined if there is no such program, or it may not be run. */
  code: number | undefined;
  stdout: string;
  stderr: string;
  /** Killed at the deadline. */
  isLate: boolean;
}

const deadlineMs = 10_000;

/** Runs the program to its end. Never rejects. */
export function ask(file: string, args: readonly string[], options: AskOptions = {}): Promise<Answer> {
  const { timeoutMs = deadlineMs, env = {} } = options;
  return new Promise((resolve) => {
    const settings = { timeout: timeoutMs, killSignal: "SIGKILL", env: { ...process.env, ...env } } as const;
    const child = execFile(file, args, settings, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : undefined;
      resolve({ code, stdout, stderr, isLate: error?.killed === true });
    });
    child.stdin?.end();
  });
}

export interface AskOptions {
  /** 10 000 unless said. */
  timeoutMs?: number;
  /** On top of our own. */
  env?: Record<string, string>;
}

/** The answer of the first of these programs that there is. */
export async function askFirst(
  files: readonly string[],
  args: readonly string[],
): Promise<{ file: string; answer: Answer } | null> {
  for (const file of files) {
    const answer = await ask(file, args);
    if (answer.code !== undefined || answer.isLate) return { file, answer };
  }
  return null;
}

/** What went wrong, in the program's own last line. */
export function complaintOf({ isLate, stderr, stdout, code }: Answer): string {
  if (isLate) return "gives no answer";
  const said = stderr.trim() || stdout.trim();
  return said.split("\n").at(-1) || `ends with code ${code}`;
}
