// `--rescore`: the recorded responses given to the reward code once more, and where it says something else.
// Plays each episode in a real world of the run's configuration; nothing is written. Knows no flags.
import { cpus } from "node:os";
import {
  type EpisodeLine,
  exitOptionsOf,
  openWorld,
  type RecordedGroup,
  type RunConfig,
  rewardOf,
  worldConfigOf,
} from "../../actors/index.ts";
import { type Environment, InfrastructureError, type Verdict } from "../../envs/index.ts";
import { exitCodes, Failure } from "../failure.ts";
import { tryReadGroup } from "./recording.ts";

/** One episode, scored again. */
export interface Rescored {
  id: string;
  task: string;
  /** `unknown`: not scored when it was recorded, or not scored now; `cause` says which. */
  outcome: "equal" | "different" | "unknown";
  recorded: number | null;
  rescored: number | null;
  gold: string | null;
  /** The text that was taken for the answer, and where it stood; null where there was none. */
  answer: string | null;
  rule: string | null;
  cause: string | null;
}

/** Rewards are made of the same arithmetic; they differ by rounding at most. */
const tolerance = 1e-9;
const groupsAtOnce = 16;

/**
 * Scores the episodes again, in their order; gives each to `tell` as soon as its turn has come.
 * @throws Failure `machine` if the reward code cannot run here
 */
export async function rescore(
  folder: string,
  lines: readonly EpisodeLine[],
  config: RunConfig,
  tell: (rescored: Rescored) => void,
): Promise<void> {
  const own = worldConfigOf(config);
  const world = await openWorld(own.domain === "math" ? { ...own, verifiers: cpus().length } : own).catch(refuse);
  try {
    const options = exitOptionsOf(config);
    const waiting: Promise<Rescored[]>[] = [];
    const tellOldest = async () => {
      for (const rescored of await waiting.shift()!) tell(rescored);
    };
    for (const ofGroup of byGroup(lines)) {
      if (waiting.length >= groupsAtOnce) await tellOldest();
      waiting.push(rescoreGroup(folder, ofGroup, options, () => world.environment("train")));
    }
    while (waiting.length > 0) await tellOldest();
  } finally {
    await world.close();
  }
}

function refuse(error: unknown): never {
  if (!(error instanceof InfrastructureError)) throw error;
  throw new Failure(exitCodes.machine, `the reward code cannot run: ${error.message}. See iterant doctor.`);
}

/** Runs of lines that stand in one record: it is read once for all of them. */
function* byGroup(lines: readonly EpisodeLine[]): Generator<EpisodeLine[]> {
  let group: EpisodeLine[] = [];
  for (const line of lines) {
    const first = group[0];
    if (first && (first.segment !== line.segment || first.offset !== line.offset)) {
      yield group;
      group = [];
    }
    group.push(line);
  }
  if (group.length > 0) yield group;
}

async function rescoreGroup(
  folder: string,
  lines: readonly EpisodeLine[],
  options: ReturnType<typeof exitOptionsOf>,
  open: () => Environment,
): Promise<Rescored[]> {
  const group = await tryReadGroup(folder, lines[0]!);
  return Promise.all(
    lines.map(async (line): Promise<Rescored> => {
      const known = { id: line.id, task: line.task, recorded: line.reward };
      const unknown = { rescored: null, gold: null, answer: null, rule: null };
      if (group === null) return { ...known, ...unknown, outcome: "unknown", cause: "damaged record" };
      if (line.reward === null) {
        return { ...known, ...unknown, outcome: "unknown", cause: `${line.failure ?? "unscored"} when recorded` };
      }
      const again = await playAgain(group, line.at, options, open);
      const facts = { ...known, ...again, gold: typeof group.task.answer === "string" ? group.task.answer : null };
      if (again.rescored === null) return { ...facts, outcome: "unknown" };
      const isEqual = Math.abs(again.rescored - line.reward) <= tolerance;
      return { ...facts, outcome: isEqual ? "equal" : "different" };
    }),
  );
}

type Again = Pick<Rescored, "rescored" | "answer" | "rule" | "cause">;

async function playAgain(
  { draw, episodes, task }: RecordedGroup,
  at: number,
  options: ReturnType<typeof exitOptionsOf>,
  open: () => Environment,
): Promise<Again> {
  const { instance, mode } = draw;
  const prefix = instance.turns.map((turn) => ({ ...turn, observation: turn.observation ?? [] }));
  await using environment = open();
  const opening = await environment.reset({ task, seed: 0, prefix, mode });
  let failed = opening.failed;
  let verdict: Verdict | undefined;
  for (const { response } of episodes[at]!.turns) {
    if (failed) break;
    const step = await environment.step(response);
    failed = step.failed;
    verdict = step.info.verdict as Verdict | undefined;
  }
  const quality = failed ? null : environment.quality();
  return {
    rescored: quality === null ? null : rewardOf(quality, mode, instance.prevQuality, options.rewardKinds),
    answer: verdict?.extracted ?? null,
    rule: verdict?.rule ?? null,
    cause: failed ? failed.cause : quality === null ? "unscored" : null,
  };
}
