// The problems of a run: read, checked and divided before anything starts.
// A bad line ends the run here, with its file and line; or it is left out and counted, where that was asked for.
import { join } from "node:path";
import { competitionsOf, openGrader, openToolSuite, type RunConfig } from "../../actors/index.ts";
import {
  EnvironmentError,
  hashFraction,
  InfrastructureError,
  loadMathTasks,
  type MathTask,
  MathVerifier,
  type Task,
  type TaskSet,
} from "../../envs/index.ts";
import { localPython } from "../../runtime/index.ts";
import { exitCodes, Failure } from "../failure.ts";
import { tinyFolder } from "./model.ts";

export interface Problems {
  train: Task[];
  heldOut: Task[];
  /** Bad lines that were left out, one sentence each. */
  skipped: string[];
}

/**
 * Loads what the configuration names.
 * @throws Failure `usage` with the first bad lines; `machine` if the verifier cannot run
 */
export async function loadProblems(config: RunConfig, options: { isTrainingNeeded?: boolean } = {}): Promise<Problems> {
  const load = { math: loadMathProblems, tools: loadToolTasks, mle: loadCompetitions }[config.domain];
  const loaded = await load(config);
  const { problems } = config;
  if ((options.isTrainingNeeded ?? true) && loaded.train.length === 0) {
    throw new Failure(exitCodes.usage, `${problems.train}: no problem is left to train on. Hold less out.`);
  }
  if (loaded.heldOut.length === 0) {
    throw new Failure(
      exitCodes.usage,
      `${problems.train}: no problem is left to evaluate on. Raise problems.heldOutShare.`,
    );
  }
  return loaded;
}

async function loadToolTasks(config: RunConfig): Promise<Problems> {
  return orFailure(async () => {
    await using suite = await openToolSuite(config.problems.train);
    return await divided(await suite.tasks(), config);
  });
}

async function loadCompetitions(config: RunConfig): Promise<Problems> {
  return orFailure(async () => {
    await using grader = openGrader(config.problems.train);
    return await divided(await competitionsOf(grader, config.problems.train), config);
  });
}

/** Tasks that come divided; a seed draws which are used, where that is wanted. With a share of 1 all are held out. */
async function divided(tasks: TaskSet, { problems, evaluation, seed }: RunConfig): Promise<Problems> {
  const of = (ids: readonly string[]) => Promise.all(ids.map((id) => tasks.get(id)));
  const isAllHeldOut = problems.heldOutShare === 1;
  const train = isAllHeldOut ? [] : await of(await tasks.ids("train"));
  return {
    train: chosen(train, problems.subset ?? train.length, seed),
    heldOut: chosen(await of(await tasks.ids(isAllHeldOut ? undefined : "heldOut")), evaluation.problems, seed),
    skipped: [],
  };
}

/** What a world complains of, as a command ends: bad input, or a machine that lacks something. */
async function orFailure(load: () => Promise<Problems>): Promise<Problems> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof EnvironmentError) throw new Failure(exitCodes.usage, error.message);
    if (error instanceof InfrastructureError) throw new Failure(exitCodes.machine, error.failure.message);
    throw error;
  }
}

async function loadMathProblems({ problems, evaluation, seed }: RunConfig): Promise<Problems> {
  const isTiny = problems.train === "tiny";
  const files = {
    train: isTiny ? join(tinyFolder, "train.jsonl") : problems.train,
    heldOut: problems.heldOut ?? (isTiny ? join(tinyFolder, "heldout.jsonl") : null),
  };
  const { executable, path } = localPython();
  // Golds of our own making need no second look; anybody else's are compared with themselves before the run, not in it.
  const verifier = isTiny ? undefined : new MathVerifier({ python: executable, pythonPath: path });
  try {
    const source = files.heldOut === null ? files.train : { train: files.train, heldOut: files.heldOut };
    const { tasks, skipped, leftOut } = await loadMathTasks(source, {
      skipBad: problems.skipBad,
      ...(files.heldOut === null ? { split: { heldOut: problems.heldOutShare, seed } } : {}),
      ...(problems.subset === null ? {} : { subset: { count: problems.subset, seed } }),
      ...(verifier ? { verifier } : {}),
      hub: { onFetch: (url) => process.stderr.write(`  fetching ${url}\n`) },
    });
    const all: MathTask[] = [];
    for await (const task of tasks) all.push(task);
    const heldOutIds = new Set(await tasks.ids("heldOut"));
    const train = all.filter((task) => !heldOutIds.has(task.id));
    const heldOut = chosen(
      all.filter((task) => heldOutIds.has(task.id)),
      evaluation.problems,
      seed,
    );
    for (const [reason, count] of Object.entries(leftOut))
      process.stderr.write(`  ${count} rows not used: ${reason}\n`);
    return { train, heldOut, skipped: skipped.map(({ file, line, reason }) => `${file}:${line}: ${reason}`) };
  } catch (error) {
    if (error instanceof EnvironmentError) throw new Failure(exitCodes.usage, error.message);
    if (error instanceof InfrastructureError) {
      throw new Failure(exitCodes.machine, `the verifier of answers cannot run: ${error.message}. See iterant doctor.`);
    }
    throw error;
  } finally {
    await verifier?.close();
  }
}

/** So many of them, drawn by the seed: the same problems in every run of that seed. */
function chosen<T extends Task>(tasks: T[], count: number, seed: number): T[] {
  const drawn = new Set(
    [...tasks]
      .sort((one, other) => hashFraction(seed, textOf(one)) - hashFraction(seed, textOf(other)))
      .slice(0, count),
  );
  return tasks.filter((task) => drawn.has(task));
}

/** A problem's text where it has one, so that the choice survives another id. */
function textOf(task: Task & { problem?: string }): string {
  return task.problem ?? task.id;
}
