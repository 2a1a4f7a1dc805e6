// `iterant worlds check`: every task of a world asked whether it can be won on this machine, before a run is.
import {
  type OpenWorld,
  openGrader,
  openWorld,
  type RunConfig,
  type TaskCheck,
  worldConfigOf,
} from "../../actors/index.ts";
import { InfrastructureError, type Task } from "../../envs/index.ts";
import { exitCodes, Failure } from "../failure.ts";
import { pad } from "../live/line.ts";
import { decimal } from "../live/numbers.ts";
import { Progress } from "../live/progress.ts";
import { loadProblems } from "../train/problems.ts";

export interface CheckedWorld {
  readonly domain: RunConfig["domain"];
  readonly source: string;
  /** Versions and walls that the answers depend on. */
  readonly about: Readonly<Record<string, string>>;
  readonly tasks: readonly TaskCheck[];
}

const tasksAtOnce = 32;

/** @throws Failure `usage` for tasks that cannot be read, `machine` if the world cannot be opened here */
export async function checkWorld(config: RunConfig): Promise<CheckedWorld> {
  const tasks = await tasksOf(config);
  const progress = new Progress("checking", tasks.length);
  const world = await openWorld(worldConfigOf(config)).catch(refuse);
  try {
    const checked: TaskCheck[] = [];
    for (let at = 0; at < tasks.length; at += tasksAtOnce) {
      const some = tasks.slice(at, at + tasksAtOnce);
      checked.push(...(await Promise.all(some.map((task) => checkTask(world, task)))));
      progress.show(checked.length);
    }
    return { domain: config.domain, source: config.problems.train, about: world.about, tasks: checked };
  } finally {
    progress.clear();
    await world.close();
  }
}

/** All of them, however they are divided; of competitions those that are prepared, one that is not being no reason to stop. */
async function tasksOf(config: RunConfig): Promise<Pick<Task, "id">[]> {
  if (config.domain !== "mle") {
    const all = { ...config.evaluation, problems: Number.MAX_SAFE_INTEGER };
    const { train, heldOut } = await loadProblems({ ...config, evaluation: all });
    return [...train, ...heldOut];
  }
  try {
    const source = config.problems.train;
    await using grader = openGrader(source);
    const ids = await grader.ids();
    const isOurs = (id: string) => id.startsWith("synth-");
    return ids.filter((id) => isOurs(id) === (source === "synthetic")).map((id) => ({ id }));
  } catch (error) {
    return refuse(error);
  }
}

async function checkTask(world: OpenWorld, task: Pick<Task, "id">): Promise<TaskCheck> {
  try {
    return await world.check(task as Task);
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    return { task: task.id, problem: error.failure.message, best: null, sample: null };
  }
}

function refuse(error: unknown): never {
  if (!(error instanceof InfrastructureError)) throw error;
  throw new Failure(
    exitCodes.machine,
    `the world cannot be opened here: ${error.failure.message}. See iterant doctor.`,
  );
}

const shownProblems = 20;

/** Competitions each, with what gold and sample earn; of thousands of problems only those that cannot be won. */
export function renderCheck({ domain, source, about, tasks }: CheckedWorld): string {
  const lost = tasks.filter(({ problem }) => problem !== null);
  const versions = Object.entries(about).map(([name, version]) => `${name} ${version}`);
  const isTable = tasks.some(({ sample }) => sample !== null);
  const width = Math.max(4, ...tasks.map(({ task }) => task.length));
  return [
    `  ${domain}, ${source}`,
    ...versions.map((version) => `    ${version}`),
    "",
    ...(isTable
      ? [
          `  ${pad("", width)}${"gold".padStart(9)}${"sample".padStart(9)}`,
          ...tasks.map(
            ({ task, best, sample }) =>
              `  ${pad(task, width)}${decimal(best, 4).padStart(9)}${decimal(sample, 4).padStart(9)}`,
          ),
          "",
        ]
      : []),
    ...lost.slice(0, shownProblems).map(({ task, problem }) => `  ${task}: ${problem}`),
    ...(lost.length > shownProblems ? [`  and ${lost.length - shownProblems} more`] : []),
    `  ${tasks.length - lost.length} of ${tasks.length} tasks can be won`,
  ].join("\n");
}
