// A live run in this process: a folder as `iterant train` makes it, its node up, its door open.
// And the command line on it, as a child: over pipes, or in a terminal that the test types into.
import { spawn as spawnChild } from "node:child_process";
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { type IPty, spawn as spawnTerminal } from "node-pty";
import { expect } from "vitest";
import { Node, type NodeOptions } from "../../../runtime/index.ts";
import { closeDoor, openDoor } from "../../../tools/attach/door.ts";
import { markLatest } from "../../../tools/run-folder.ts";

const cli = fileURLToPath(new URL("../../../tools/cli.js", import.meta.url));
const fixtures = fileURLToPath(new URL("../../../../test/fixtures", import.meta.url));

export interface LiveRun {
  node: Node;
  runs: string;
  folder: string;
  /** What the node had to say: complaints among it. */
  said: string[];
  end(reason?: string): Promise<void>;
}

export async function startRun(name = "run-1", options: NodeOptions = {}): Promise<LiveRun> {
  const runs = mkdtempSync(join(tmpdir(), "iterant-runs-"));
  const folder = join(runs, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "config.json"), "{}\n");
  const { ITERANT_RUNS } = process.env;
  process.env.ITERANT_RUNS = runs;
  markLatest(folder);
  if (ITERANT_RUNS === undefined) delete process.env.ITERANT_RUNS;
  else process.env.ITERANT_RUNS = ITERANT_RUNS;
  const said: string[] = [];
  const node = await Node.start({
    ...options,
    name: "node-a",
    python: { path: [fixtures] },
    onLine: (source, line) => said.push(`${source}: ${line}`),
  });
  await openDoor(node, folder);
  const end = async (reason = "the test is over") => {
    closeDoor(folder);
    await node.stop(reason);
    rmSync(runs, { recursive: true, force: true });
  };
  return { node, runs, folder, said, end };
}

function environment({ runs }: LiveRun): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, ITERANT_RUNS: runs, XDG_STATE_HOME: join(runs, "state"), NO_COLOR: "1", TERM: "xterm" };
}

/** An executable of this name that is the command line. */
export function cliShim(file: string): void {
  writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`, { mode: 0o755 });
}

export interface Outcome {
  stdout: string;
  stderr: string;
  exitCode: number | null;
}

/** `iterant ARGS`, with this on its stdin, to its end. */
export function iterant(run: LiveRun, args: string[], stdin = ""): Promise<Outcome> {
  const child = spawnChild(process.execPath, [cli, ...args], { env: environment(run), cwd: run.runs });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.end(stdin);
  return new Promise((resolve) => child.once("close", (exitCode) => resolve({ stdout, stderr, exitCode })));
}

/** The same in a terminal. */
export class Terminal {
  readonly #pty: IPty;
  /** Our own hold on the far end: without it the last words of a program that ends quickly are lost. */
  readonly #hold: number;
  readonly #ended: Promise<number>;
  #text = "";
  #from = 0;

  constructor(run: LiveRun, args: string[]) {
    this.#pty = spawnTerminal(process.execPath, [cli, ...args], { env: environment(run), cwd: run.runs, cols: 200 });
    const { _pty: farEnd } = this.#pty as IPty & { _pty: string };
    this.#hold = openSync(farEnd, constants.O_RDWR | constants.O_NOCTTY);
    this.#pty.onData((data) => {
      this.#text += data;
    });
    this.#ended = new Promise((resolve) => this.#pty.onExit(({ exitCode }) => resolve(exitCode)));
  }

  type(keys: string): void {
    this.#from = this.#shown.length;
    this.#pty.write(keys);
  }

  /** Resolves with what has been shown since the last typing, once it matches; presses a key until then, if given. */
  async shows(pattern: RegExp | string, pressing?: string): Promise<string> {
    const look = () => {
      if (pressing !== undefined) this.#pty.write(pressing);
      return this.#shown.slice(this.#from);
    };
    await expect.poll(look, { timeout: 20_000, interval: pressing ? 200 : 20 }).toMatch(pattern);
    return this.#shown.slice(this.#from);
  }

  /** Types a line and waits for the prompt after its answer. */
  async ask(line: string, prompt: RegExp): Promise<string> {
    this.type(`${line}\r`);
    return this.shows(new RegExp(`\\n[\\s\\S]*${prompt.source}$`));
  }

  get #shown(): string {
    return stripVTControlCharacters(this.#text).replaceAll("\r", "");
  }

  /** The exit code, and everything shown since the last typing. */
  async end(): Promise<{ exitCode: number; shown: string }> {
    const exitCode = await this.#ended;
    closeSync(this.#hold);
    return { exitCode, shown: this.#shown.slice(this.#from) };
  }

  close(): void {
    this.#pty.kill("SIGKILL");
  }
}

export function readLines(file: string): Record<string, unknown>[] {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
