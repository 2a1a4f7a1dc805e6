// A world by one word, opened with its tasks: `math:generated:1-3`, `tools:office:tiny`, `gymnasium:CartPole-v1`.
// Ours are opened as their presets have them, with the source of tasks behind the colon; others bring their tasks along.
import { type OpenWorld, openWorld, type WorldConfig, worldConfigOf } from "../../actors/index.ts";
import { EnvironmentError, InfrastructureError, type Task } from "../../envs/index.ts";
import { exitCodes, Failure } from "../failure.ts";
import { configOf } from "../train/command.ts";
import { loadProblems } from "../train/problems.ts";

export interface NamedWorld extends AsyncDisposable {
  readonly name: string;
  readonly world: OpenWorld;
  readonly train: readonly Task[];
  readonly heldOut: readonly Task[];
}

const presets = { math: "tiny", tools: "tools", mle: "code" } as const;
const adapters = ["gymnasium", "openenv"] as const;

/** For help texts. */
export const worldNames = "math[:SOURCE], tools[:SOURCE], mle[:SOURCE], gymnasium:ID or openenv:URL";

/** @throws Failure `usage` for a name or tasks that cannot be read, `machine` if the world cannot be opened here */
export async function openNamedWorld(name: string): Promise<NamedWorld> {
  const [kind, source] = name.split(/:(.*)/s) as [string, string?];
  if (kind in presets) return openOurs(name, kind as keyof typeof presets, source || undefined);
  const domain = adapters.find((one) => one === kind);
  if (domain === undefined || !source) {
    throw new Failure(exitCodes.usage, `no world '${name}': say ${worldNames}. See iterant worlds list.`);
  }
  const world = await open({ domain, source });
  const tasks = world.tasks!;
  const of = async (ids: readonly string[]) => Promise.all(ids.map((id) => tasks.get(id)));
  const [train, heldOut] = [await of(await tasks.ids("train")), await of(await tasks.ids("heldOut"))];
  return { name, world, train, heldOut, [Symbol.asyncDispose]: () => world.close() };
}

async function openOurs(name: string, kind: keyof typeof presets, problems?: string): Promise<NamedWorld> {
  const config = configOf({ preset: presets[kind], ...(problems === undefined ? {} : { problems }), set: [] });
  const isUndivided = kind === "math" && problems !== undefined;
  config.problems = { ...config.problems, subset: null, ...(isUndivided ? { heldOut: null, heldOutShare: 1 } : {}) };
  config.evaluation.problems = Number.MAX_SAFE_INTEGER;
  const { train, heldOut } = await loadProblems(config, { isTrainingNeeded: false });
  const world = await open(worldConfigOf(config));
  const tasks = isUndivided ? { train: heldOut, heldOut: [] } : { train, heldOut };
  return { name, world, ...tasks, [Symbol.asyncDispose]: () => world.close() };
}

async function open(config: WorldConfig): Promise<OpenWorld> {
  try {
    return await openWorld(config);
  } catch (error) {
    if (error instanceof EnvironmentError) throw new Failure(exitCodes.usage, error.message);
    if (!(error instanceof InfrastructureError)) throw error;
    const { message } = error.failure;
    throw new Failure(exitCodes.machine, `the world cannot be opened here: ${message}. See iterant doctor.`);
  }
}
