// The command line as a person starts it: a process of its own, its two outputs and its exit code.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { python } from "../../envs/python.ts";

const cli = fileURLToPath(new URL("../../../tools/cli.js", import.meta.url));

export interface Ended {
  stdout: string;
  stderr: string;
  code: number | null;
}

/** Runs `iterant` with these words. */
export function iterant(words: readonly string[], env: Record<string, string> = {}): Ended {
  const { stdout, stderr, status } = spawnSync(process.execPath, [cli, ...words], {
    encoding: "utf8",
    env: { ...process.env, ITERANT_PYTHON: python.python, NO_COLOR: "1", COLUMNS: "100", ...env },
    maxBuffer: 2 ** 28,
  });
  return { stdout, stderr, code: status };
}
