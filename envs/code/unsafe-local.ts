// Runs programs as plain child processes of ours, confined by nothing: for tests, and for programs whose author you are.
// It keeps the wall, output and submission limits; it does not keep the others, hides no file and no network, and a
// program that leaves its process group outlives it. Never chosen by itself: whoever wants it names it.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { abortable } from "../abort.ts";
import { InfrastructureError } from "../errors.ts";
import type { Execution, Executor, Program, ProgramEnd } from "./executor.ts";
import { emptyOutput, OutputEnds, transcriptOf } from "./output.ts";
import { programEnvironment, programName } from "./program.ts";
import { ingestSubmission, type Submission, submissionName } from "./submission.ts";

/** How long whoever still holds a dead program's output may keep us waiting for the rest of it. */
const drainGraceMs = 2_000;

export interface UnsafeLocalOptions {
  /** The interpreter, with the packages that programs use. */
  python: string;
  /** Programs at a time; the others wait, and their limits with them. 2 unless said. */
  maxRunning?: number;
}

/** An executor without any sandbox. */
export function unsafeLocalExecutor({ python, maxRunning = 2 }: UnsafeLocalOptions): Executor {
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();
  const run = async (program: Program, signals: readonly (AbortSignal | undefined)[]): Promise<Execution> => {
    while (running.size >= maxRunning) await abortable(signals, () => Promise.race(running));
    const execution = runToItsEnd(python, program, signals);
    const settled: Promise<unknown> = execution.then(
      () => running.delete(settled),
      () => running.delete(settled), // whoever asked for it hears why
    );
    running.add(settled);
    return execution;
  };
  const close = async () => {
    const why = "the executor was closed - unsafe-local - open another";
    closing.abort(new InfrastructureError("sandbox_closed", why));
    await Promise.all(running);
  };
  return {
    tier: "unsafe-local",
    run: (program, { signal } = {}) => run(program, [closing.signal, signal]),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function runToItsEnd(
  python: string,
  program: Program,
  signals: readonly (AbortSignal | undefined)[],
): Promise<Execution> {
  for (const signal of signals) signal?.throwIfAborted();
  if (program.stdio === "pty") {
    return neverRan("no terminal is offered - unsafe-local - ask for stdio 'pipe', or for a sandbox");
  }
  const folder = await realpath(await mkdtemp(join(tmpdir(), "iterant-program-")));
  try {
    await writeFile(join(folder, programName), program.text);
    return await runIn(folder, python, program, signals);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runIn(
  work: string,
  python: string,
  program: Program,
  signals: readonly (AbortSignal | undefined)[],
): Promise<Execution> {
  const { limits, dataFolder } = program;
  const began = performance.now();
  const env = programEnvironment(program, { work, data: dataFolder });
  // Detached: the leader of a group of its own, so that its children can be ended with it.
  const child = spawn(python, [programName], { cwd: work, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const output = new OutputEnds();
  const kept = transcriptOf(program.transcriptBytes);
  let limit: ProgramEnd | undefined;
  const endBy = (reached: ProgramEnd) => {
    limit ??= reached;
    killGroup(child);
  };
  const keep = (chunk: Buffer) => {
    output.push(chunk);
    kept?.hear(chunk);
    if (output.byteCount > limits.outputBytes) endBy("output");
  };
  child.stdout!.on("data", keep);
  child.stderr!.on("data", keep);
  const ended = endOf(child);
  const wall = setTimeout(() => endBy("wall"), limits.wallMs);
  try {
    const { exitCode, signal, message } = await abortable(signals, () => ended);
    const end = message === "" ? (limit ?? endOfExit(exitCode, signal)) : "setup";
    const submission: Submission =
      end === "ok" ? await ingestSubmission(join(work, submissionName), limits.submissionBytes) : { kind: "missing" };
    const wallMs = Math.round(performance.now() - began);
    const paths = { program: join(work, programName), work, data: dataFolder };
    const transcript = kept && { transcript: kept.transcript };
    return { end, exitCode, signal, message, output: output.kept, ...transcript, submission, wallMs, paths };
  } finally {
    clearTimeout(wall);
    killGroup(child);
    await ended;
  }
}

type Exit = { exitCode: number | null; signal: string | null; message: string };

/** Resolves when the process and its group are gone and its output is read. */
async function endOf(child: ChildProcess): Promise<Exit> {
  const streamsClosed = new Promise((resolve) => child.once("close", resolve));
  const exit = await new Promise<Exit>((resolve) => {
    child.once("error", ({ message }) => {
      const advice = "name an interpreter that exists";
      resolve({ exitCode: null, signal: null, message: `${message} - unsafe-local - ${advice}` });
    });
    child.once("exit", (exitCode, signal) => resolve({ exitCode, signal, message: "" }));
  });
  if (child.pid === undefined) return exit;
  killGroup(child);
  const grace = setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, drainGraceMs);
  await streamsClosed;
  clearTimeout(grace);
  return exit;
}

function endOfExit(exitCode: number | null, signal: string | null): ProgramEnd {
  if (signal !== null) return "signal";
  return exitCode === 0 ? "ok" : "nonzero";
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // the group is gone already
  }
}

function neverRan(message: string): Execution {
  const paths = { program: "", work: "", data: "" };
  const nothing = { exitCode: null, signal: null, output: emptyOutput, submission: { kind: "missing" as const } };
  return { end: "setup", message, wallMs: 0, paths, ...nothing };
}
