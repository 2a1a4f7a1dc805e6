// One episode by its id or the beginning of one; else the ids that could have been meant.
import { basename } from "node:path";
import type { EpisodeLine } from "../../actors/index.ts";
import { nearest } from "../config/nearest.ts";
import { exitCodes, Failure } from "../failure.ts";
import { type OnDamage, readEpisodes } from "./recording.ts";

const candidateCount = 8;

/**
 * The line of the episode.
 * @throws Failure `usage` where none or several are meant, naming some that are there
 */
export async function findEpisode(run: string, folder: string, id: string, onDamage: OnDamage): Promise<EpisodeLine> {
  const begun: EpisodeLine[] = [];
  const ids: string[] = [];
  for await (const line of readEpisodes(folder, onDamage)) {
    if (line.id === id) return line;
    if (line.id.startsWith(id)) begun.push(line);
    ids.push(line.id);
  }
  if (begun.length === 1) return begun[0]!;
  if (begun.length > 1) {
    const more = begun.length > candidateCount ? ` and ${begun.length - candidateCount} more` : "";
    const some = begun.slice(0, candidateCount).map((line) => line.id);
    throw new Failure(exitCodes.usage, `${begun.length} episodes begin with ${id}: ${some.join(", ")}${more}.`);
  }
  throw new Failure(exitCodes.usage, `no episode ${id} in ${run}. ${adviceFor(id, ids, basename(run))}`);
}

function adviceFor(id: string, ids: readonly string[], run: string): string {
  if (ids.length === 0) return "It has none yet.";
  const near = nearest(id, ids);
  return near === undefined
    ? `The first is ${ids[0]}, the last ${ids.at(-1)}; all of them: iterant replay ${run} --all`
    : `Did you mean ${near}?`;
}
