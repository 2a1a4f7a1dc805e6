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
  line: EpisodeLine;
  group: RecordedGroup;
  episode: RecordedEpisode;
  /** Credit made anew from the record: S, verdict, masks. Null where the record cannot be scored again. */
  credit: Group | null;
  /** Episodes that it came from, the nearest first; as far back as they are recorded. */
  ancestors: readonly Ancestor[];
}

/** An episode that a draw's instance was grown from. */
export interface Ancestor {
  id: string;
  iteration: number;
  mode: string;
  reward: number | null;
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
 * The chain of episodes behind a group's start point, the nearest first; as far back as they are recorded.
 * An episode is a parent if the instance that was drawn is one of the prefixes of its history (4.4). Only groups of the
 * same task that were written before are looked at.
 */
export async function findAncestors(
  folder: string,
  { group, line }: { group: RecordedGroup; line: EpisodeLine },
  options: ExitOptions,
  onDamage: OnDamage,
): Promise<Ancestor[]> {
  const ancestors: Ancestor[] = [];
  if (startTurn(group.draw.instance) === 0) return ancestors;
  let { instance } = group.draw;
  for (const place of await groupsBefore(folder, line, onDamage)) {
    const candidate = await tryReadGroup(folder, place);
    if (candidate?.draw.instance.key !== instance.parentKey) continue;
    const episode = parentIn(candidate, instance.key, options);
    if (episode === undefined) continue;
    const { iteration, draw } = candidate;
    ancestors.push({ id: episode.id, iteration, mode: draw.mode, reward: episode.reward });
    instance = draw.instance;
    if (startTurn(instance) === 0) break;
  }
  return ancestors;
}

/** Where the groups of the same task stand that were written before this one, the latest first. */
async function groupsBefore(
  folder: string,
  { task, segment, offset }: EpisodeLine,
  onDamage: OnDamage,
): Promise<EpisodeLine[]> {
  const groups = new Map<string, EpisodeLine>();
  for await (const line of readEpisodes(folder, onDamage)) {
    const isBefore = line.segment < segment || (line.segment === segment && line.offset < offset);
    if (isBefore && line.task === task) groups.set(`${line.segment}:${line.offset}`, line);
  }
  return [...groups.values()].sort((one, other) =>
    one.segment === other.segment ? other.offset - one.offset : one.segment < other.segment ? 1 : -1,
  );
}

/** The first episode of the group that has the instance of this key among its prefixes. */
function parentIn({ draw, episodes }: RecordedGroup, key: string, options: ExitOptions): RecordedEpisode | undefined {
  return episodes.find((episode) => {
    if (episode.reward === null || episode.turns.length === 0) return false;
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
    return prefixes.some((prefix) => prefix.key === key);
  });
}
