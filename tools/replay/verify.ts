// `--verify`: recorded responses executed once more in a fresh world, and the first point at which it says something else.
// Compared is what a world promises to be the same, and only that (`promisesOf`). Nothing is written; knows no flags.
import {
  type EpisodeLine,
  groupSeed,
  type OpenWorld,
  type RecordedEpisode,
  type RecordedGroup,
  type RecordedStep,
  type RunConfig,
  worldConfigOf,
} from "../../actors/index.ts";
import {
  canonicalJson,
  contentHash,
  EnvironmentError,
  type Failure,
  isOver,
  type Message,
  type Step,
} from "../../envs/index.ts";
import { openAgain, walk } from "./walk.ts";

/** One episode, executed again. */
export interface Verified {
  id: string;
  task: string;
  /** `unknown`: it failed when it was recorded, or infrastructure failed now; `cause` says which. */
  outcome: "same" | "diverged" | "unknown";
  divergence: Divergence | null;
  /** In a word or two, to be counted by. */
  cause: string | null;
  /** What there is to say of an unknown one, and what to do. */
  message: string | null;
}

/** The first difference: where, of what, and both sides. */
export interface Divergence {
  /** From 1; 0 for what stood before the first response. */
  turn: number;
  what: "world" | "opening" | "prefix" | "reading" | "observation" | "outcome" | "state" | "end" | "score" | "quality";
  recorded: string;
  now: string;
}

/** What an execution of the same responses has in common with the recorded one. */
export interface Promises {
  /** Whether the world's words are compared, not its facts alone. */
  areWordsSame: boolean;
  /** How far scores and qualities may differ. */
  tolerance: number;
  /** For people. */
  compared: string;
}

/** A program's traces and output may hold times and addresses, and its scores differ in the last digits. */
export function promisesOf(domain: RunConfig["domain"]): Promises {
  if (domain !== "mle") {
    const compared = "the world's version, openings, readings, observations, state digests, ends, qualities";
    return { areWordsSame: true, tolerance: 1e-9, compared };
  }
  const compared =
    "the world's version, openings, readings, outcomes, state digests, ends, scores and qualities to 1e-4; " +
    "not output and traces, which may hold times and addresses";
  return { areWordsSame: false, tolerance: 1e-4, compared };
}

export interface VerifyOptions {
  config: RunConfig;
  signal?: AbortSignal;
}

/**
 * Executes the episodes again, in their order; gives each to `tell` as soon as its turn has come.
 * @throws Failure `machine` if the world cannot run here
 */
export async function verify(
  folder: string,
  lines: readonly EpisodeLine[],
  { config, signal }: VerifyOptions,
  tell: (verified: Verified) => void,
): Promise<void> {
  const world = await openAgain(worldConfigOf(config));
  try {
    await walk({
      folder,
      lines,
      atOnce: config.domain === "mle" ? 1 : 16, // programs beside each other take longer, and have a time limit: as recorded
      work: (group, ofGroup) => Promise.all(ofGroup.map((line) => verifyOne(line, group, { world, config, signal }))),
      tell,
      ...(signal && { signal }),
    });
  } finally {
    await world.close();
  }
}

interface Again {
  world: OpenWorld;
  config: RunConfig;
  signal: AbortSignal | undefined;
}

async function verifyOne(line: EpisodeLine, group: RecordedGroup | null, again: Again): Promise<Verified> {
  const { id, task } = line;
  const unknown = (cause: string, message: string | null = null): Verified => {
    return { id, task, outcome: "unknown", divergence: null, cause, message };
  };
  if (group === null) return unknown("damaged record");
  const episode = group.episodes[line.at]!;
  if (episode.failure !== null) return unknown(`${episode.failure.cause} when recorded`);
  try {
    const divergence = await firstDivergence(group, episode, again);
    if (divergence && "cause" in divergence) return unknown(divergence.cause, divergence.message);
    return { id, task, outcome: divergence ? "diverged" : "same", divergence, cause: null, message: null };
  } catch (error) {
    if (error instanceof EnvironmentError) return unknown(error.code, error.message); // other data, another version
    throw error;
  }
}

/** Null if there is none; a failure of infrastructure says why nothing can be said. */
async function firstDivergence(
  group: RecordedGroup,
  episode: RecordedEpisode,
  { world, config, signal }: Again,
): Promise<Divergence | null | Failure> {
  const { instance, mode } = group.draw;
  const promises = promisesOf(config.domain);
  const prefix = instance.turns.map((turn) => ({ ...turn, observation: turn.observation ?? [] }));
  const call = signal ? { signal } : {};
  const seed = groupSeed(config.seed, group);
  await using environment = world.environment("train");
  const now = { id: environment.id, version: environment.version };
  if (group.world && contentHash(group.world) !== contentHash(now)) {
    return { turn: 0, what: "world", recorded: nameOf(group.world), now: nameOf(now) };
  }
  const opening = await environment.reset({ task: group.task, seed, prefix, mode }, call);
  if (opening.failed?.cause === "replay_mismatch") {
    return { turn: 0, what: "prefix", recorded: "the turns that it starts from", now: opening.failed.message };
  }
  if (opening.failed) return opening.failed;
  const recordedOpening = wordsOf(group.opening);
  if (wordsOf(opening.messages) !== recordedOpening) {
    return { turn: 0, what: "opening", recorded: recordedOpening, now: wordsOf(opening.messages) };
  }
  for (const [at, { response }] of episode.turns.entries()) {
    const step = await environment.step(response, call);
    if (step.failed) return step.failed;
    const digest = step.truncated === "max_wall" ? null : environment.digest();
    const difference = differenceOf(recordedTurn(episode, at), { step, digest }, promises);
    if (difference) return { turn: at + 1, ...difference };
  }
  const difference = scoreDifference("quality", episode.quality, environment.quality(), promises.tolerance);
  return difference && { turn: episode.turns.length, ...difference };
}

/** What a record says of one turn. */
interface RecordedTurn {
  isLast: boolean;
  observation: readonly Message[] | null;
  step: RecordedStep | null;
}

function recordedTurn({ turns, steps, messages }: RecordedEpisode, at: number): RecordedTurn {
  const isLast = at === turns.length - 1;
  // What was said to the last response stands in the conversation alone, behind the last word of the policy.
  const behindLast = messages.slice(messages.findLastIndex(({ role }) => role === "assistant") + 1);
  return { isLast, observation: isLast ? behindLast : (turns[at]!.observation ?? null), step: steps?.[at] ?? null };
}

type Difference = Omit<Divergence, "turn">;

function differenceOf(
  { isLast, observation, step: recorded }: RecordedTurn,
  { step, digest }: { step: Step; digest: string | null },
  { areWordsSame, tolerance }: Promises,
): Difference | null {
  const differs = (what: Difference["what"], then: unknown, now: unknown): Difference | null =>
    then === now ? null : { what, recorded: textOf(then), now: textOf(now) };
  const endOf = (over: boolean) => (over ? "the episode ended" : "the episode went on");
  return (
    (recorded && differs("reading", recorded.responseKind, step.responseKind)) ??
    (recorded && differs("outcome", recorded.info.outcome, step.info.outcome)) ??
    (recorded && scoreDifference("score", recorded.info.score, step.info.score, tolerance)) ??
    (areWordsSame && observation ? differs("observation", wordsOf(observation), wordsOf(step.messages)) : null) ??
    (recorded?.digest ? differs("state", recorded.digest, digest) : null) ??
    differs("end", endOf(isLast), endOf(isOver(step)))
  );
}

function scoreDifference(
  what: "score" | "quality",
  recorded: unknown,
  now: unknown,
  tolerance: number,
): Difference | null {
  const areNumbers = typeof recorded === "number" && typeof now === "number";
  if (areNumbers ? Math.abs(recorded - now) <= tolerance : (recorded ?? null) === (now ?? null)) return null;
  return { what, recorded: textOf(recorded), now: textOf(now) };
}

function nameOf({ id, version }: { id: string; version: string }): string {
  return `${id} ${version}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : canonicalJson(value ?? null);
}

function wordsOf(messages: readonly Message[]): string {
  return messages.map(({ role, content }) => `${role}: ${content}`).join("\n");
}
