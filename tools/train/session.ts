// A run as a person sees it: started on a node, shown while it goes on, ended by its plan or by Ctrl-C, summed up.
// Ctrl-C once ends it in order with a checkpoint; twice ends it at once. However it ends, nothing is left running.
import { createWriteStream, existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Run, type RunPlan, type RunSummary } from "../../actors/index.ts";
import { isActorError, Node, type NodeOptions } from "../../runtime/index.ts";
import { closeDoor, openDoor } from "../attach/door.ts";
import { exitCodes, Failure } from "../failure.ts";
import { renderSummary, startLiveView } from "../live/index.ts";
import { recordMachine, writeReport } from "../report/index.ts";
import { markLatest, runFiles } from "../run-folder.ts";

export interface SessionOptions {
  plan: RunPlan;
  /** What the node needs besides a name: keys and a listener, where other nodes join. */
  node?: NodeOptions;
  /** Brings other nodes in once ours is up; what it gives is closed at the end. */
  members?: (node: Node) => Promise<{ close(): Promise<void> }>;
  /** Seconds spent before this. */
  setup_s: number;
}

/** Runs to the end. @throws Failure `failed` or `interrupted`, both resumable */
export async function runSession(options: SessionOptions): Promise<RunSummary> {
  const { plan } = options;
  const { config, folder } = plan;
  const beganMs = performance.now();
  openFolder(plan);
  const logs = openLogs(folder);
  const node = await Node.start({ name: "node-a", ...options.node, onLine: logs.write });
  let members: { close(): Promise<void> } | undefined;
  const interruption = onInterrupt({
    // Whoever is waited for is gone then, and the wait ends with it.
    beforeStart: () => void node.stop("it was interrupted"),
    hard() {
      discardWeights(folder);
      process.exit(exitCodes.interrupted); // every child ends with us
    },
  });
  try {
    await openDoor(node, folder);
    members = await options.members?.(node);
    process.stderr.write("  starting the learner and the engine …\n");
    const setup_s = options.setup_s + (performance.now() - beganMs) / 1000;
    const run = await Run.start({ plan, node, setup_s });
    interruption.follow(run);
    await Promise.all([
      startLiveView({ rows: run.follow(), config, stream: process.stderr }).catch(() => {}), // the run's end says why
      run.done,
    ]);
    const { summary } = await run.done;
    await writeReport(folder);
    process.stdout.write(renderSummary(summary, folder));
    if (interruption.isAsked) throw interrupted(folder);
    return summary;
  } catch (error) {
    if (interruption.isAsked && !interruption.hasRun) throw neverBegan(plan);
    throw explain(error, folder, logs.last());
  } finally {
    interruption.forget();
    closeDoor(folder);
    await members?.close();
    await node.stop("the run has ended");
    discardWeights(folder);
    await logs.close();
  }
}

/** @throws Failure `machine` if nothing can be written there */
function openFolder({ config, folder, life }: RunPlan): void {
  try {
    mkdirSync(join(folder, runFiles.logs), { recursive: true });
    writeFileSync(join(folder, runFiles.config), `${JSON.stringify(config, null, 2)}\n`);
    markLatest(folder);
    if (life === 0) recordMachine(folder);
  } catch (error) {
    const why = (error as Error).message;
    throw new Failure(exitCodes.machine, `cannot write to ${folder}: ${why}. Name another place in ITERANT_RUNS.`);
  }
}

/** The first Ctrl-C asks, the second does not. A closed terminal counts as the first. */
function onInterrupt({ beforeStart, hard }: { beforeStart: () => void; hard: () => void }) {
  let run: Run | undefined;
  const state = {
    isAsked: false,
    hasRun: false,
    follow(started: Run) {
      run = started;
      state.hasRun = true;
    },
    forget: () => {},
  };
  const ask = (signal: NodeJS.Signals) => {
    if (state.isAsked) {
      hard();
      return;
    }
    state.isAsked = true;
    if (!run) {
      tell("\n  ending before anything has begun …\n");
      beforeStart();
      return;
    }
    const how = signal === "SIGINT" ? "Ctrl-C once more ends it at once" : `${signal} once more ends it at once`;
    tell(`\n  ending after the update under way, with a checkpoint (${how}) …\n`);
    run.finish().catch(() => {}); // the run is over already, and its end says how
  };
  const signals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, ask);
  state.forget = () => {
    for (const signal of signals) process.removeListener(signal, ask);
  };
  return state;
}

/** A terminal that was closed takes no more words; the run goes on to its end all the same. */
function tell(text: string): void {
  try {
    process.stderr.write(text);
  } catch {
    // nobody is there to read it
  }
}

function neverBegan({ folder, life }: RunPlan): Failure {
  if (life === 0) discardRun(folder);
  return new Failure(exitCodes.interrupted, "interrupted before anything was trained; nothing is left of it");
}

function interrupted(folder: string): Failure {
  return new Failure(exitCodes.interrupted, `interrupted; go on with: iterant resume ${folder}`);
}

function explain(error: unknown, folder: string, lastLines: string[]): Failure {
  if (error instanceof Failure) return error;
  const message = error instanceof Error ? error.message : String(error);
  const isStart = isActorError(error, "start_failed");
  const said =
    lastLines.length === 0
      ? ""
      : `\n  last lines of its processes (all of them: ${join(folder, runFiles.logs)}):\n    ${lastLines.join("\n    ")}`;
  const cure = isStart ? "Nothing was trained." : `Go on with: iterant resume ${folder}`;
  return new Failure(exitCodes.failed, `the run broke off: ${message}${said}\n  ${cure}`, { cause: error });
}

/** Weights on their way lie in shared memory, which outlives processes: a learner that was killed has left some. */
function discardWeights(folder: string): void {
  const link = join(folder, runFiles.weights);
  if (existsSync(link)) rmSync(realpathSync(link), { recursive: true, force: true });
  rmSync(link, { recursive: true, force: true });
}

const keptLines = 8;

/** What processes print goes to one file each; the last lines are kept for the message of a run that breaks off. */
function openLogs(folder: string) {
  const files = new Map<string, ReturnType<typeof createWriteStream>>();
  const last: string[] = [];
  return {
    write(source: string, line: string) {
      const name = source.replace(/[^\w.-]/g, "_");
      const file = files.get(name) ?? createWriteStream(join(folder, runFiles.logs, `${name}.log`), { flags: "a" });
      file.on("error", () => {}); // a full disk shows itself where it matters, in the recorder
      files.set(name, file);
      file.write(`${line}\n`);
      last.push(`${source}: ${line}`);
      if (last.length > keptLines) last.shift();
    },
    last: () => [...last],
    close: () =>
      Promise.all([...files.values()].map((file) => new Promise<void>((resolve) => file.end(() => resolve())))),
  };
}

/** Removes what a run that never began has left. */
function discardRun(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  const link = join(dirname(folder), "latest");
  if (!existsSync(link)) rmSync(link, { force: true }); // it points at nothing
}
