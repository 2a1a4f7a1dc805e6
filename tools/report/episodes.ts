// Three problems to read: the same question to the policy as it was first and as it was last.
// Pure choice of what changed most, what got worse included; a report that shows only gains would lie.
import type { ChainRecord } from "../../actors/index.ts";

export interface EpisodePair {
  task: string;
  sample: number;
  before: ChainRecord;
  after: ChainRecord;
  /** Mean score over the chain, after less before. */
  change: number;
}

/**
 * At most `count` problems, no problem twice: those that gained most, and last the one that lost most if any lost.
 * Where too few changed, some that did not are among them.
 */
export function choosePairs(before: readonly ChainRecord[], after: readonly ChainRecord[], count = 3): EpisodePair[] {
  const ofTask = new Map<string, EpisodePair[]>();
  const later = new Map(after.map((chain) => [keyOf(chain), chain]));
  for (const chain of before) {
    const other = later.get(keyOf(chain));
    if (other === undefined) continue;
    const pair = {
      task: chain.task,
      sample: chain.sample,
      before: chain,
      after: other,
      change: meanScore(other) - meanScore(chain),
    };
    ofTask.set(chain.task, [...(ofTask.get(chain.task) ?? []), pair]);
  }
  const pairs = [...ofTask.values()].map((ofOne) => ofOne.reduce(larger)).sort(byChange);
  const lost = pairs.at(-1);
  if (lost === undefined || lost.change >= 0 || pairs.length <= count) return pairs.slice(0, count);
  return [...pairs.slice(0, count - 1), lost];
}

function larger(one: EpisodePair, other: EpisodePair): EpisodePair {
  return Math.abs(other.change) > Math.abs(one.change) ? other : one;
}

function byChange(one: EpisodePair, other: EpisodePair): number {
  return other.change - one.change || (one.task < other.task ? -1 : 1);
}

function meanScore({ scores }: ChainRecord): number {
  const scored = scores.filter((score) => score !== null);
  return scored.reduce((sum, score) => sum + score, 0) / Math.max(1, scored.length);
}

function keyOf({ task, sample }: ChainRecord): string {
  return JSON.stringify([task, sample]);
}
