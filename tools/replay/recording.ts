// A run's recording as it is found: every episode that index or segments know of, a line each, and what is damaged.
// The index is believed where it is whole; what it lacks is read from the segments. Nothing is written, nothing mended.
// Knows neither filters nor how an episode is shown.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type EpisodeLine, linesOf, type RecordedGroup, readGroup } from "../../actors/index.ts";
import { isActorError } from "../../runtime/index.ts";
import { fileLines } from "./lines.ts";
import { type Segment, walkSegments } from "./segments.ts";

const indexFile = "index.jsonl";

/**
 * Hears of each damage in one sentence: which file, at which byte, what of it.
 * `isOrdinary` is true for what a recording looks like that is being written at this moment.
 */
export type OnDamage = (sentence: string, isOrdinary: boolean) => void;

/**
 * Every episode of a recording, in the order of the index; behind them those that only the segments hold.
 * Also while the recording is being written.
 */
export async function* readEpisodes(folder: string, onDamage: OnDamage): AsyncGenerator<EpisodeLine> {
  const segments = await walkSegments(folder); // first, so that the index knows of everything that is seen here
  for (const { damage, name } of segments) {
    const isOrdinary = name === segments.at(-1)!.name;
    if (damage) onDamage(damageSentence(join(folder, name), damage.offset, damage.reason), isOrdinary);
  }
  const known = new Known();
  if (existsSync(join(folder, indexFile))) {
    yield* readIndexFile(folder, known, onDamage);
  } else if (segments.length > 0) {
    onDamage(`${join(folder, indexFile)} is missing: the segments are read instead.`, false);
    known.isMissing = true;
  }
  const present = new Set(segments.map(({ name }) => name));
  for (const name of known.segments) {
    if (!present.has(name)) onDamage(`${join(folder, name)} is missing: only the index knows of its episodes.`, false);
  }
  yield* readUnknown(folder, segments, known, onDamage);
}

/** What the index has told, and where it is to be doubted. */
class Known {
  isMissing = false;
  readonly segments = new Set<string>();
  /** `segment:offset` → which episodes of that group. */
  readonly groups = new Map<string, Set<number>>();
  /** Groups that may lack episodes: those beside a line that cannot be read, and the last one. */
  readonly doubted = new Set<string>();

  add({ segment, offset, at }: EpisodeLine): void {
    this.segments.add(segment);
    const place = placeOf(segment, offset);
    const episodes = this.groups.get(place);
    if (episodes) episodes.add(at);
    else this.groups.set(place, new Set([at]));
  }
}

async function* readIndexFile(folder: string, known: Known, onDamage: OnDamage): AsyncGenerator<EpisodeLine> {
  const path = join(folder, indexFile);
  let last: string | undefined;
  let isBehindDamage = false;
  for await (const { text, offset, isWhole } of fileLines(path)) {
    const line = parseLine(text);
    if (line === null) {
      onDamage(damageSentence(path, offset, "a line that cannot be read"), !isWhole);
      if (last !== undefined) known.doubted.add(last);
      isBehindDamage = true;
      continue;
    }
    known.add(line);
    last = placeOf(line.segment, line.offset);
    if (isBehindDamage) known.doubted.add(last);
    isBehindDamage = false;
    yield line;
  }
  if (last !== undefined) known.doubted.add(last);
}

function parseLine(text: string): EpisodeLine | null {
  try {
    const line = JSON.parse(text) as Partial<EpisodeLine> | null;
    const isLine = typeof line?.id === "string" && typeof line.segment === "string" && typeof line.at === "number";
    return isLine ? (line as EpisodeLine) : null;
  } catch {
    return null; // cut off, or the next life's first line was written behind a cut-off one
  }
}

async function* readUnknown(
  folder: string,
  segments: readonly Segment[],
  known: Known,
  onDamage: OnDamage,
): AsyncGenerator<EpisodeLine> {
  let foundCount = 0;
  for (const { name, offsets } of segments) {
    for (const offset of offsets) {
      const place = placeOf(name, offset);
      const told = known.groups.get(place);
      if (told && !known.doubted.has(place)) continue;
      const group = await tryReadGroup(folder, { segment: name, offset });
      if (group === null) {
        if (!told) onDamage(damageSentence(join(folder, name), offset, "a record whose checksum is wrong"), false);
        continue;
      }
      for (const line of linesOf(group, { segment: name, offset })) {
        if (told?.has(line.at)) continue;
        foundCount += 1;
        yield line;
      }
    }
  }
  if (foundCount > 0 && !known.isMissing) {
    const what = foundCount === 1 ? "1 episode" : `${foundCount} episodes`;
    onDamage(`${join(folder, indexFile)} lacks ${what}; read from the segments.`, true);
  }
}

/** The group that stands there, or null where no whole one does. */
export async function tryReadGroup(
  folder: string,
  place: Pick<EpisodeLine, "segment" | "offset">,
): Promise<RecordedGroup | null> {
  try {
    return await readGroup(folder, place);
  } catch (error) {
    // Cut off, altered, or in a segment that is gone altogether.
    if (isActorError(error, "protocol_error") || (error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function placeOf(segment: string, offset: number): string {
  return `${segment}:${offset}`;
}

function damageSentence(path: string, offset: number, reason: string): string {
  return `${path} is damaged at byte ${offset}: ${reason}; the rest is shown.`;
}
