// The program of a response: the fenced block it is in, and what it finds around itself when it runs.
// Knows no executor: every one of them gives a program this name and this environment.
import type { Program } from "./executor.ts";

/** What the program's file is called, in the prompt, in its working folder and in its traces. */
export const programName = "solution.py";

const pythonWords = new Set(["python", "python3", "py"]);
const fence = /^ {0,3}(`{3,}|~{3,})[ \t]*(.*)\r?$/;

/**
 * The program in a response: its last fenced block that says it is Python, since an answer often quotes before it
 * writes; if none says so, the last that says nothing. A block that was never closed is none: it was cut off.
 * Null if there is no program.
 */
export function programIn(visibleResponse: string): string | null {
  const blocks = blocksIn(visibleResponse);
  const program =
    blocks.findLast(({ language }) => pythonWords.has(language)) ?? blocks.findLast(({ language }) => language === "");
  return program?.text ?? null;
}

/** The program that a request shows: its first block that says it is Python. Null if it shows none. */
export function programShownIn(request: string): string | null {
  return blocksIn(request).find(({ language }) => pythonWords.has(language))?.text ?? null;
}

/** All closed blocks with something in them, in one pass over the lines. */
function blocksIn(text: string): { language: string; text: string }[] {
  const blocks: { language: string; text: string }[] = [];
  let open: { mark: string; language: string; lines: string[] } | undefined;
  for (const line of text.split("\n")) {
    const [, mark, rest] = line.match(fence) ?? [];
    if (open && mark?.startsWith(open.mark) && rest!.trim() === "") {
      const inside = open.lines.map((one) => `${one}\n`).join("");
      if (inside.trim() !== "") blocks.push({ language: open.language, text: inside });
      open = undefined;
    } else if (open) open.lines.push(line);
    else if (mark) open = { mark, language: rest!.match(/^[^\s`]*/)![0].toLowerCase(), lines: [] };
  }
  return blocks;
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
