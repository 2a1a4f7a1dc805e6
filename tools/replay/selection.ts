// The episodes that the flags leave over: filtered as they stream by, cut to the first or the last so many.
// Counts everything that matched, shown or not.
import type { EpisodeLine } from "../../actors/index.ts";
import { type FilterFlags, makeFilter } from "./filter.ts";
import { type OnDamage, readEpisodes } from "./recording.ts";

export interface SelectionFlags extends FilterFlags {
  /** The first so many. */
  limit?: number;
  /** The last so many. */
  last?: number;
}

/** What was looked at, in sum. */
export interface Tally {
  episodeCount: number;
  matchCount: number;
  shownCount: number;
  rewardSum: number;
  scoredCount: number;
  tokenCount: number;
  modes: Record<string, number>;
  failures: Record<string, number>;
}

/** Gives each chosen line to `take`, in order, and resolves with the sum over all that matched. */
export async function selectEpisodes(
  folder: string,
  flags: SelectionFlags,
  onDamage: OnDamage,
  take: (line: EpisodeLine) => void,
): Promise<Tally> {
  const isMeant = makeFilter(flags);
  const { limit = Number.POSITIVE_INFINITY, last } = flags;
  const tally = emptyTally();
  const ending = last === undefined ? undefined : new Ending<EpisodeLine>(last);
  const show = (line: EpisodeLine) => {
    tally.shownCount += 1;
    take(line);
  };
  for await (const line of readEpisodes(folder, onDamage)) {
    tally.episodeCount += 1;
    if (!isMeant(line)) continue;
    count(tally, line);
    if (ending) ending.push(line);
    else if (tally.shownCount < limit) show(line);
  }
  for (const line of ending?.items() ?? []) show(line);
  return tally;
}

function emptyTally(): Tally {
  return {
    episodeCount: 0,
    matchCount: 0,
    shownCount: 0,
    rewardSum: 0,
    scoredCount: 0,
    tokenCount: 0,
    modes: {},
    failures: {},
  };
}

function count(tally: Tally, { mode, reward, failure, tokenCount }: EpisodeLine): void {
  tally.matchCount += 1;
  tally.tokenCount += tokenCount;
  tally.modes[mode] = (tally.modes[mode] ?? 0) + 1;
  if (reward !== null) {
    tally.scoredCount += 1;
    tally.rewardSum += reward;
  } else {
    const cause = failure ?? "unscored";
    tally.failures[cause] = (tally.failures[cause] ?? 0) + 1;
  }
}

/** The last so many of what is pushed. */
class Ending<T> {
  readonly #size: number;
  readonly #items: T[] = [];
  #next = 0;

  constructor(size: number) {
    this.#size = size;
  }

  push(item: T): void {
    if (this.#size === 0) return;
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.#size;
  }

  /** Oldest first. */
  items(): T[] {
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)];
  }
}
