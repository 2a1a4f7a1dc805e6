// `--rescore`: the recorded responses given to the reward code once more, and where it says something else.
// Plays each episode in a real world of the run's configuration; what a program left behind is graded again without
// running anything. Nothing is written. Knows no flags.
import { cpus } from "node:os";
import {
  type EpisodeLine,
  exitOptionsOf,
  type RecordedGroup,
  type RunConfig,
  rewardOf,
  worldConfigOf,
} from "../../actors/index.ts";
import { type Again, playAgain } from "./again.ts";
import { Regrader } from "./regrade.ts";
import { openAgain, walk } from "./walk.ts";

/** One episode, scored again. */
export interface Rescored extends Pick<Again, "answer" | "rule" | "cause"> {
  id: string;
  task: string;
  /** `unknown`: not scored when it was recorded, or not scored now; `cause` says which. */
  outcome: "equal" | "different" | "unknown";
  recorded: number | null;
  rescored: number | null;
  gold: string | null;
}

/** Rewards are made of the same arithmetic; they differ by rounding at most. */
const tolerance = 1e-9;
const groupsAtOnce = 16;

/**
 * Scores the episodes again, in their order; gives each to `tell` as soon as its turn has come.
 * @param recorded the configuration that the episodes were recorded under, `config` the one to score by
 * @throws Failure `machine` if the reward code cannot run here
 */
export async function rescore(
  folder: string,
  lines: readonly EpisodeLine[],
  { recorded, config, signal }: { recorded: RunConfig; config: RunConfig; signal?: AbortSignal },
  tell: (rescored: Rescored) => void,
): Promise<void> {
  const options = exitOptionsOf(config);
  await using judge = await openJudge(folder, recorded, config, signal);
  await walk({
    folder,
    lines,
    atOnce: groupsAtOnce,
    work: (group, ofGroup) =>
      Promise.all(ofGroup.map((line) => rescoreOne(line, group, options, (one, at) => judge.judge(one, at)))),
    tell,
    ...(signal && { signal }),
  });
}

/** Says again how good an episode is. */
interface Judge extends AsyncDisposable {
  judge(group: RecordedGroup, at: number): Promise<Again>;
}

async function openJudge(
  folder: string,
  recorded: RunConfig,
  config: RunConfig,
  signal: AbortSignal | undefined,
): Promise<Judge> {
  if (config.domain === "mle") return Regrader.open(folder, { from: recorded.code.scoreRanges, config, signal });
  const own = worldConfigOf(config);
  const world = await openAgain(own.domain === "math" ? { ...own, verifiers: cpus().length } : own);
  return {
    judge: (group, at) => playAgain(group, at, () => world.environment("train"), signal),
    [Symbol.asyncDispose]: () => world.close(),
  };
}

async function rescoreOne(
  line: EpisodeLine,
  group: RecordedGroup | null,
  { rewardKinds }: ReturnType<typeof exitOptionsOf>,
  judge: Judge["judge"],
): Promise<Rescored> {
  const known = { id: line.id, task: line.task, recorded: line.reward };
  const unknown = { rescored: null, gold: null, answer: null, rule: null, outcome: "unknown" } as const;
  if (group === null) return { ...known, ...unknown, cause: "damaged record" };
  if (line.reward === null) return { ...known, ...unknown, cause: `${line.failure ?? "unscored"} when recorded` };
  const { quality, prevQuality, answer, rule, cause } = await judge(group, line.at);
  const rescored = quality === null ? null : rewardOf(quality, group.draw.mode, prevQuality, rewardKinds);
  const gold = typeof group.task.answer === "string" ? group.task.answer : null;
  const facts = { ...known, rescored, gold, answer, rule, cause };
  if (rescored === null) return { ...facts, outcome: "unknown" };
  return { ...facts, outcome: Math.abs(rescored - line.reward) <= tolerance ? "equal" : "different" };
}
