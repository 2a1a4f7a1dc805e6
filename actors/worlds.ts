// The worlds by name, opened with what they need on this machine: helper processes above all.
// Knows which worlds there are; what they are like is theirs to know.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  CompetitionGrader,
  type CompetitionReport,
  type CompetitionTask,
  cacheFolder,
  checkCompetitions,
  competitionTaskSet,
  type Environment,
  Gymnasium,
  gymnasiumSourceOf,
  InfrastructureError,
  type MathTask,
  MathVerifier,
  mathEnvironment,
  mlebenchSplit,
  mleEnvironment,
  OpenEnv,
  openEnvSourceOf,
  openSandbox,
  qualityOf,
  type RewardProfile,
  reusingExecutor,
  type ScoreRanges,
  sandboxExecutor,
  scoreRangeOf,
  suiteOf,
  syntheticSplit,
  type Task,
  type TaskSet,
  type Tier,
  ToolSuite,
  templateWording,
  toolEnvironment,
} from "../envs/index.ts";
import { localPython } from "../runtime/index.ts";
import type { RunConfig } from "./config.ts";
import { divergePrompt, improvePrompt } from "./exit/index.ts";

export interface MathWorldConfig {
  domain: "math";
  /** Take only a boxed answer. */
  requireBoxed: boolean;
  /** Verifier processes for each environment actor. */
  verifiers: number;
}

export interface ToolWorldConfig {
  domain: "tools";
  /** `bfcl`, or tasks of our own office. */
  source: string;
  profile: RewardProfile;
  feedback: "none" | "tool_result";
  docs: "json" | "brief" | "none";
  /** Helper processes for each actor that has worlds. */
  helpers: number;
}

export interface CodeWorldConfig {
  domain: "mle";
  /** `synthetic`, or `mlebench=FOLDER` with mlebench's prepared data; `mlebench-sanitized=FOLDER` without known leaks. */
  source: string;
  /** Whole programs, or the four words of a template. */
  wording: "programs" | "template";
  scoreRanges: "full" | "paper";
  sandbox: "auto" | Tier;
  allowWeakSandbox: boolean;
  stdio: "pipe" | "pty";
  /** Never run the same program twice. */
  reuse: boolean;
  /** Programs kept ready with their packages loaded; none unless said. */
  warm?: number;
  /** For one program. */
  wallSeconds: number;
  memoryMegabytes: number;
  /** What the evidence of an episode holds of a program's terminal; nothing unless said. */
  terminalBytes?: number;
}

/** A world of another system, with tasks of its own. */
export interface AdaptedWorldConfig {
  domain: "gymnasium" | "openenv";
  /** An id or an address, with settings: `FrozenLake-v1?is_slippery=false`. */
  source: string;
}

export type WorldConfig = MathWorldConfig | ToolWorldConfig | CodeWorldConfig | AdaptedWorldConfig;

/** The world of a run. */
export function worldConfigOf({ domain, environments, problems, tools, code, recording }: RunConfig): WorldConfig {
  switch (domain) {
    case "math":
      return { domain, requireBoxed: environments.requireBoxed, verifiers: environments.verifiers };
    case "tools":
      return { domain, source: problems.train, ...tools };
    case "mle":
      return { domain, source: problems.train, ...code, terminalBytes: recording.terminalBytes };
  }
}

/** What an episode is for: a world may hold more of a task in an evaluation than it does in training. */
export type Purpose = "train" | "evaluate";

/** A world that is open on this machine. */
export interface OpenWorld {
  /**
   * How improvement is measured: each answer bettered from the one before; every turn of an episode bettered before it is
   * executed; or a search whose best so far counts.
   */
  readonly protocol: "chain" | "turns" | "search";
  /** What answers and scores depend on here: versions of packages and data, the walls around programs. */
  readonly about: Readonly<Record<string, string>>;
  /** Its tasks, where they come with it. */
  readonly tasks?: TaskSet;
  /** Why the same responses may lead elsewhere, so that episodes begin at their beginning; absent where they do not. */
  readonly difference?: string;
  /** Whether an iterate is executed on a fork, so that the next may be shown what it led to. */
  readonly triesIterates: boolean;
  /** A new session; it costs nothing until its first reset. */
  environment(purpose: Purpose): Environment;
  /** Whether a task can be won, to be asked before a run rather than in it. @throws InfrastructureError */
  check(task: Task): Promise<TaskCheck>;
  close(): Promise<void>;
}

/** What is known of a task before a policy meets it; qualities are in [0, 1]. */
export interface TaskCheck {
  readonly task: string;
  /** Why nobody can win it, or not what its scores should mean; null if all is well. */
  readonly problem: string | null;
  /** What its own best answer earns; null where the world has none. */
  readonly best: number | null;
  /** What costs nothing earns: a copy of the sample submission; null where there is none. */
  readonly sample: number | null;
}

/** The wording of second attempts is the learning program's (exit/prompts.ts). */
export const selfIterationPrompts = { improve: improvePrompt, diverge: divergePrompt };

/** Opens a world; resolves when its helpers are up. Rejects with what kept them from starting. */
export function openWorld(config: WorldConfig): Promise<OpenWorld> {
  switch (config.domain) {
    case "math":
      return openMath(config);
    case "tools":
      return openTools(config);
    case "mle":
      return openCode(config);
    case "gymnasium":
      return openGymnasium(config);
    case "openenv":
      return openOpenEnv(config);
  }
}

async function openMath({ requireBoxed, verifiers }: MathWorldConfig): Promise<OpenWorld> {
  const { executable, path } = localPython();
  const verifier = new MathVerifier({ python: executable, pythonPath: path, processCount: verifiers });
  const { versions } = await verifier.ready;
  return {
    protocol: "chain",
    triesIterates: false,
    about: versions,
    async check(task) {
      const { answer } = task as MathTask;
      const { kind } = await verifier.verify(answer, `\\boxed{${answer}}`);
      const problem = kind === "correct" ? null : `its own answer ${answer} is ${kind}`;
      return { task: task.id, problem, best: kind === "correct" ? 1 : 0, sample: null };
    },
    environment: () => mathEnvironment({ verifier, requireBoxed, prompts: selfIterationPrompts }) as Environment,
    close: () => verifier.close(),
  };
}

async function openTools({ source, profile, feedback, docs, helpers }: ToolWorldConfig): Promise<OpenWorld> {
  const suite = await openToolSuite(source, helpers);
  const options = { suite, profile, feedback, docs, prompts: selfIterationPrompts };
  let unwinnable: Promise<string[]> | undefined;
  return {
    protocol: "turns",
    triesIterates: feedback === "tool_result",
    about: await suite.versions(),
    async check({ id: task }) {
      unwinnable ??= suite.unwinnable(profile);
      const isLost = (await unwinnable).includes(task);
      const problem = isLost ? `the reference calls do not earn 1 under ${profile}` : null;
      return { task, problem, best: isLost ? 0 : 1, sample: null };
    },
    environment: (purpose) =>
      toolEnvironment({ ...options, requests: purpose === "train" ? "first" : "all" }) as Environment,
    close: () => suite.close(),
  };
}

async function openCode(config: CodeWorldConfig): Promise<OpenWorld> {
  const { wording, scoreRanges, sandbox: tier, allowWeakSandbox, stdio, reuse, wallSeconds, memoryMegabytes } = config;
  const { terminalBytes = 0, warm = 0 } = config;
  const { executable, path } = localPython();
  const grader = openGrader(config.source);
  try {
    const { versions } = await grader.ready;
    const sandbox = await openSandbox({
      python: executable,
      pythonPath: path,
      programPython: worldPython("code"),
      allowWeak: allowWeakSandbox,
      warm: { count: warm },
      ...(tier === "auto" ? {} : { tier }),
    });
    const limits = { wallMs: 1000 * wallSeconds, memoryBytes: memoryMegabytes * 2 ** 20 };
    const executor = reuse ? reusingExecutor(sandboxExecutor(sandbox)) : sandboxExecutor(sandbox);
    const how = wording === "template" ? { wording: templateWording } : {};
    return {
      protocol: "search",
      triesIterates: false,
      about: { ...versions, sandbox: sandbox.tier },
      check: ({ id }) => checkOf(grader, id, scoreRanges),
      environment: () =>
        mleEnvironment({ mle: { executor, grader, scoreRanges, limits, stdio, terminalBytes, ...how } }) as Environment,
      async close() {
        await executor.close();
        await grader.close();
      },
    };
  } catch (error) {
    await grader.close();
    throw error;
  }
}

async function openGymnasium({ source }: AdaptedWorldConfig): Promise<OpenWorld> {
  const named = gymnasiumSourceOf(source);
  const { path } = localPython();
  const python = worldPython("adapters");
  const gymnasium = await Gymnasium.open({ ...named, python, pythonPath: path, maxFailedStarts: 1 });
  return { ...adapted(gymnasium), about: gymnasium.versions, close: () => gymnasium.close() };
}

async function openOpenEnv({ source }: AdaptedWorldConfig): Promise<OpenWorld> {
  const server = await OpenEnv.open(openEnvSourceOf(source));
  const about = { [server.name]: server.version ?? "of no version" };
  return { ...adapted(server), about, close: async () => {} };
}

/** What adapted worlds have in common: nobody knows their best answers. */
function adapted(world: Gymnasium | OpenEnv) {
  return {
    protocol: "turns" as const,
    tasks: world.tasks(),
    ...(world.difference === null ? {} : { difference: world.difference }),
    triesIterates: false,
    check: async ({ id }: Task) => ({ task: id, problem: null, best: null, sample: null }),
    environment: () => world.environment({ prompts: selfIterationPrompts }) as Environment,
  };
}

/** Gold and sample graded, as qualities. */
async function checkOf(grader: CompetitionGrader, id: string, scoreRanges: ScoreRanges): Promise<TaskCheck> {
  const { problem, gold, sample } = (await checkCompetitions(grader, [id]))[0]!;
  const range = scoreRangeOf(id, scoreRanges);
  const earned = (report: CompetitionReport | undefined) =>
    typeof report?.score === "number" ? qualityOf(report.score, range) : null;
  return { task: id, problem, best: earned(gold), sample: earned(sample) };
}

/** The grader of a source of competitions. @throws InfrastructureError `worker_start` with the cure */
export function openGrader(source: string): CompetitionGrader {
  const { path } = localPython();
  const [kind, mlebenchData] = source.split(/=(.*)/s);
  const isReal = kind === "mlebench" || kind === "mlebench-sanitized";
  if (kind !== "synthetic" && !(isReal && mlebenchData)) {
    throw new InfrastructureError("worker_start", `no competitions '${source}' - say synthetic or mlebench=FOLDER`);
  }
  return new CompetitionGrader({
    python: worldPython("code"),
    pythonPath: path,
    folder: join(cacheFolder(), "competitions"),
    ...(mlebenchData ? { mlebenchData, sanitize: kind === "mlebench-sanitized" } : {}),
  });
}

/** The competitions of a source, and which are held out. */
export function competitionsOf(grader: CompetitionGrader, source: string): Promise<TaskSet<CompetitionTask>> {
  return competitionTaskSet(grader, source === "synthetic" ? syntheticSplit : mlebenchSplit);
}

/** The suite of a source, with a helper up. @throws InfrastructureError `worker_start` with the cure */
export async function openToolSuite(source: string, processCount = 1): Promise<ToolSuite> {
  const named = suiteOf(source);
  if (named === null) {
    throw new InfrastructureError("worker_start", `no suite of tool-use tasks '${source}' - say bfcl or office`);
  }
  const { executable, path } = localPython();
  const python = named.suite === "bfcl" ? worldPython("tools") : executable;
  const suite = new ToolSuite({ ...named, python, pythonPath: path, processCount, maxFailedStarts: 1 });
  try {
    await suite.versions();
    return suite;
  } catch (error) {
    await suite.close();
    throw error;
  }
}

/**
 * The interpreter with a world's packages: the one named in ITERANT_TOOLS_PYTHON, or the one that the set-up makes.
 * @throws InfrastructureError `worker_start` if there is none
 */
export function worldPython(world: "tools" | "code" | "adapters"): string {
  const named = process.env[`ITERANT_${world.toUpperCase()}_PYTHON`];
  const own = fileURLToPath(new URL(`../../.venv-${world}/bin/python`, import.meta.url));
  const found = named ?? own;
  if (existsSync(found)) return found;
  const cure = `run: npm run setup -- ${world}, or name one in ITERANT_${world.toUpperCase()}_PYTHON`;
  throw new InfrastructureError(
    "worker_start",
    `there is no Python with the packages of this world: ${found} - ${cure}`,
  );
}
