// The program of a response: the fenced block it is in, and what it finds around itself when it runs.
// Knows no executor: every one of them gives a program this name and this environment.
import type { Program } from "./executor.ts";

/** What the program's file is called, in the prompt, in its working folder and in its traces. */
export const programName = "solution.py";

const pythonWords = new Set(["python", "python3", "py", ""]);
const fence = /^ {0,3}(`{3,}|~{3,})[ \t]*(.*)\r?$/;

/**
 * The program in a response: its last fenced block that says it is Python or says nothing, since an answer often
 * quotes before it writes. A block that was never closed is none: it was cut off. Null if there is no program.
 */
export function programIn(visibleResponse: string): string | null {
  let program: string | null = null;
  let open: { mark: string; word: string; lines: string[] } | undefined;
  for (const line of visibleResponse.split("\n")) {
    const [, mark, rest] = line.match(fence) ?? [];
    if (open && mark?.startsWith(open.mark) && rest!.trim() === "") {
      const text = open.lines.map((one) => `${one}\n`).join("");
      if (pythonWords.has(open.word) && text.trim() !== "") program = text;
      open = undefined;
    } else if (open) open.lines.push(line);
    else if (mark) open = { mark, word: rest!.match(/^[^\s`]*/)![0].toLowerCase(), lines: [] };
  }
  return program;
}

/** All of a program's environment: where the data is, one set of seeds, and nothing of ours. */
export function programEnvironment(
  { dataVariable, limits }: Program,
  folders: { work: string; data: string },
): Record<string, string> {
  const threadCount = String(limits.threadCount);
  return {
    [dataVariable]: folders.data,
    HOME: folders.work,
    TMPDIR: folders.work,
    PATH: "/usr/local/bin:/usr/bin:/bin",
    LC_ALL: "C.UTF-8",
    TZ: "UTC",
    PYTHONHASHSEED: "0",
    PYTHONDONTWRITEBYTECODE: "1",
    OMP_NUM_THREADS: threadCount,
    OPENBLAS_NUM_THREADS: threadCount,
    MKL_NUM_THREADS: threadCount,
    LOKY_MAX_CPU_COUNT: threadCount,
  };
}
