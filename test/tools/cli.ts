// The command line as a person runs it: a process of its own, its lines, its exit code, and who is left behind.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LogRow } from "../../actors/index.ts";

const entry = fileURLToPath(new URL("../../tools/cli.js", import.meta.url));

export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  env?: Record<string, string>;
  cwd?: string;
}

/** Runs a command to its end. */
export function runCli(args: string[], options: CliOptions = {}): Promise<Outcome> {
  return new LiveCommand(args, options).ended;
}

/** A folder for runs that goes away with the test. */
export function makeRunsFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "iterant-runs-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** A command that is going on. */
export class LiveCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  stdout = "";
  stderr = "";

  constructor(args: string[], { env, cwd }: CliOptions = {}) {
    this.child = spawn(process.execPath, [entry, ...args], {
      cwd,
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.child.on("close", (code, signal) => resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Every process below this one, however deep. */
  descendants(): number[] {
    return descendantsOf(this.child.pid!);
  }

  /** Resolves when the file holds what is looked for; rejects with the command's last words if it ends before. */
  async until<T>(file: string, find: (text: string) => T | undefined): Promise<T> {
    const ended = this.ended.then(({ code, stderr }) => {
      throw new Error(`the command ended with ${code} before that happened; it said:\n${stderr}`);
    });
    ended.catch(() => {});
    return Promise.race([appears(file, find), ended]);
  }
}

/** Rows of a run's log, as far as they are written whole. */
export function rowsOf(text: string): LogRow[] {
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as LogRow);
}

export function readRows(folder: string): LogRow[] {
  return rowsOf(readFileSync(join(folder, "metrics.jsonl"), "utf8"));
}

/** The run has done so many iterations. */
export function iterationsDone(count: number): (text: string) => true | undefined {
  return (text) =>
    rowsOf(text).filter((row) => row.kind === "iteration" && row.iteration >= count).length > 0 ? true : undefined;
}

/** Processes of a list that still live; zombies do not count. */
export function survivors(pids: number[]): number[] {
  return pids.filter((pid) => {
    const file = `/proc/${pid}/stat`;
    return existsSync(file) && readFileSync(file, "utf8").split(") ")[1]?.[0] !== "Z";
  });
}

/** Resolves when none of them lives any more. */
export async function allGone(pids: number[]): Promise<void> {
  while (survivors(pids).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
}

function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parent = Number(readFileSync(`/proc/${name}/stat`, "utf8").split(") ")[1]!.split(" ")[1]);
      parents.set(parent, [...(parents.get(parent) ?? []), Number(name)]);
    } catch {
      // it ended while we looked
    }
  }
  const children = parents.get(pid) ?? [];
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Looks at a file whenever something changes in its folder, and now and then besides: events can be missed. */
function appears<T>(file: string, find: (text: string) => T | undefined): Promise<T> {
  return new Promise((resolve) => {
    const look = () => {
      if (!existsSync(file)) return;
      const found = find(readFileSync(file, "utf8"));
      if (found === undefined) return;
      watcher.close();
      clearInterval(timer);
      resolve(found);
    };
    const folder = existsSync(join(file, "..")) ? join(file, "..") : tmpdir();
    const watcher = watch(folder, look);
    const timer = setInterval(look, 200);
    look();
  });
}
