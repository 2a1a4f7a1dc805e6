// All that a recording says of one episode: its group, its siblings, S, and the episode that it was grown from.
// Computes with the program's own functions what the recorder left out; draws nothing.
import {
  assessGroup,
  type EpisodeLine,
  type ExitOptions,
  expand,
  type Group,
  prefixInstances,
  type RecordedEpisode,
  type RecordedGroup,
  startTurn,
  visibleResponse,
} from "../../actors/index.ts";
import { type OnDamage, readEpisodes, tryReadGroup } from "./recording.ts";

export interface EpisodeView {
  /** Where the recording lies. */
  folder: string;
  line: EpisodeLine;
  group: RecordedGroup;
  episode: RecordedEpisode;
  /** Credit made anew from the record: S, verdict, masks. Null where the record cannot be scored again. */
  credit: Group | null;
  /** Episodes that it came from, the nearest first; as far back as they are recorded. */
  ancestors: readonly Ancestor[];
  /** Groups that started from it. */
  descendants: readonly Descendant[];
}

/** An episode that a draw's instance was grown from. */
export interface Ancestor {
  id: string;
  iteration: number;
  mode: string;
  reward: number | null;
}

/** A group that was drawn from an episode's history. */
export interface Descendant {
  groupId: string;
  iteration: number;
  mode: string;
  rewards: readonly (number | null)[];
}

/** The rollouts of a group as they were when it was assessed. */
export function creditOf({ draw, episodes, prompts }: RecordedGroup, options: ExitOptions): Group | null {
  const rollouts = episodes.map((episode) => {
    const { failure, promptHash, ids, mask, logprobs, versions, ...rest } = episode;
    const promptIds = prompts[promptHash]!;
    const behind = promptIds.length;
    const shifted = <T extends Int32Array | Uint8Array | Float32Array>(tail: T, head: T): T => {
      head.set(tail, behind);
      return head;
    };
    const size = behind + ids.length;
    const whole = new Int32Array(size);
    whole.set(promptIds);
    return {
      ...rest,
      promptIds,
      promptHash,
      ids: shifted(ids, whole),
      mask: shifted(mask, new Uint8Array(size)),
      logprobs: shifted(logprobs, new Float32Array(size)),
      versions: shifted(versions, new Int32Array(size).fill(-1)),
      finish: episode.finish as Group["rollouts"][number]["finish"],
      ...(failure === null ? {} : { failure }),
    };
  });
  try {
    return assessGroup({ mode: draw.mode, prevQuality: draw.instance.prevQuality }, rollouts, options);
  } catch (error) {
    if (error instanceof RangeError) return null; // recorded by a version with other rules
    throw error;
  }
}

/**
 * Where an episode came from and what came of it, as far as either is recorded.
 * An episode is a parent if the instance that was drawn is one of the prefixes of its history (4.4). Only groups of the
 * same task are looked at: those that were written before for its ancestors, those after for its descendants.
 */
export async function findRelatives(
  folder: string,
  { group, line }: { group: RecordedGroup; line: EpisodeLine },
  options: ExitOptions,
  onDamage: OnDamage,
): Promise<Pick<EpisodeView, "ancestors" | "descendants">> {
  const { before, after } = await groupsAround(folder, line, onDamage);
  return {
    ancestors: await ancestorsIn(folder, before.reverse(), group, options),
    descendants: await descendantsIn(folder, after, { group, episode: group.episodes[line.at]! }, options),
  };
}

/** @param places the latest first */
async function ancestorsIn(
  folder: string,
  places: readonly EpisodeLine[],
  { draw }: RecordedGroup,
  options: ExitOptions,
): Promise<Ancestor[]> {
  const ancestors: Ancestor[] = [];
  let { instance } = draw;
  for (const place of places) {
    if (startTurn(instance) === 0) break;
    const candidate = await tryReadGroup(folder, place);
    if (candidate?.draw.instance.key !== instance.parentKey) continue;
    const episode = candidate.episodes.find((one) => keysAfter(candidate, one, options).includes(instance.key));
    if (episode === undefined) continue;
    ancestors.push({
      id: episode.id,
      iteration: candidate.iteration,
      mode: candidate.draw.mode,
      reward: episode.reward,
    });
    instance = candidate.draw.instance;
  }
  return ancestors;
}

async function descendantsIn(
  folder: string,
  places: readonly EpisodeLine[],
  { group, episode }: { group: RecordedGroup; episode: RecordedEpisode },
  options: ExitOptions,
): Promise<Descendant[]> {
  const keys = keysAfter(group, episode, options);
  const descendants: Descendant[] = [];
  for (const place of places) {
    const candidate = await tryReadGroup(folder, place);
    if (!candidate) continue;
    const { groupId, iteration, draw, episodes } = candidate;
    if (draw.instance.parentKey !== group.draw.instance.key || !keys.includes(draw.instance.key)) continue;
    descendants.push({ groupId, iteration, mode: draw.mode, rewards: episodes.map(({ reward }) => reward) });
  }
  return descendants;
}

/** Where the other groups of the same task stand, in the order in which they were written. */
async function groupsAround(
  folder: string,
  { task, segment, offset }: EpisodeLine,
  onDamage: OnDamage,
): Promise<{ before: EpisodeLine[]; after: EpisodeLine[] }> {
  const groups = new Map<string, EpisodeLine>();
  for await (const line of readEpisodes(folder, onDamage)) {
    if (line.task === task) groups.set(`${line.segment}:${line.offset}`, line);
  }
  const sideOf = (line: EpisodeLine) =>
    line.segment === segment ? Math.sign(line.offset - offset) : line.segment < segment ? -1 : 1;
  const ordered = [...groups.values()].sort((one, other) =>
    one.segment === other.segment ? one.offset - other.offset : one.segment < other.segment ? -1 : 1,
  );
  return {
    before: ordered.filter((line) => sideOf(line) < 0),
    after: ordered.filter((line) => sideOf(line) > 0),
  };
}

/** Keys of the instances that an episode leaves behind: one for each turn of its history. */
function keysAfter({ draw }: RecordedGroup, episode: RecordedEpisode, options: ExitOptions): string[] {
  if (episode.reward === null || episode.turns.length === 0) return [];
  const played = episode.turns.map(({ start: _start, end: _end, ...turn }) =>
    options.keepReasoning ? turn : { ...turn, response: visibleResponse(turn.response) },
  );
  const prefixes = prefixInstances(expand(draw.instance, draw.mode, played), {
    parent: draw.instance,
    mode: draw.mode,
    quality: episode.quality,
    score: 0,
    iteration: draw.iteration,
    variant: options.mechanisms.expansion ? "iterates" : "curriculum",
  });
  return prefixes.map(({ key }) => key);
}
