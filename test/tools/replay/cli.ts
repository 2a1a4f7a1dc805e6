// The command line as a person starts it: a process of its own, its two outputs and its exit code; or in a terminal.
import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { spawn } from "node-pty";
import { python } from "../../envs/python.ts";

export const cliFile = fileURLToPath(new URL("../../../tools/cli.js", import.meta.url));

export interface Ended {
  stdout: string;
  stderr: string;
  code: number | null;
}

const environment = { ...process.env, ITERANT_PYTHON: python.python, COLUMNS: "100" };

/** Runs `iterant` with these words. */
export function iterant(words: readonly string[], env: Record<string, string> = {}): Ended {
  const { stdout, stderr, status } = spawnSync(process.execPath, [cliFile, ...words], {
    encoding: "utf8",
    env: { ...environment, NO_COLOR: "1", ...env },
    maxBuffer: 2 ** 28,
  });
  return { stdout, stderr, code: status };
}

/** Runs a line of shell, with the runs in this folder. */
export function shell(line: string, runs: string): Ended {
  const { stdout, stderr, status } = spawnSync("/bin/sh", ["-c", line], {
    encoding: "utf8",
    env: { ...environment, ITERANT_RUNS: runs },
  });
  return { stdout, stderr, code: status };
}

/** What `iterant` shows in a terminal of so many columns: every byte, and the lines without their colours. */
export function inTerminal(
  words: readonly string[],
  columns: number,
  runs: string,
): Promise<{ raw: string; lines: string[] }> {
  const { NO_COLOR: _, ...coloured } = environment as Record<string, string>;
  const terminal = spawn(process.execPath, [cliFile, ...words], {
    name: "xterm-256color",
    cols: columns,
    rows: 200,
    env: { ...coloured, ITERANT_RUNS: runs },
  });
  // While the far end is held open, the tail of what a quickly ending program wrote is not lost.
  const farEnd = openSync((terminal as unknown as { _pty: string })._pty, constants.O_RDWR | constants.O_NOCTTY);
  let raw = "";
  terminal.onData((text) => {
    raw += text;
  });
  return new Promise((resolve) => {
    terminal.onExit(() => {
      setImmediate(() => {
        closeSync(farEnd);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
        const lines = raw.replace(/\u001b\[[\d;]*[A-Za-z]/g, "").split("\r\n");
        resolve({ raw, lines });
      });
    });
  });
}
