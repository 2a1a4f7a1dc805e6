// A rubric: named functions with weights over a finished episode.
// Knows no world. Values and errors are kept apart: a function that threw has no value, and then there is no reward.
import type { Episode } from "./episode.ts";
import type { Task } from "./task.ts";

/** One criterion. A weight of 0 makes it a metric: recorded, not rewarded. */
export interface RewardFunction<T extends Task = Task> {
  readonly name: string;
  readonly weight: number;
  /** Its value; null where it does not apply. Called once an episode has ended; may wait, and should obey the signal. */
  score(episode: Episode<T>, options: { signal: AbortSignal }): number | null | Promise<number | null>;
}

/** What one criterion said: a value, or null for not scored; `error` if it threw. */
export type RewardPart = { name: string; weight: number; value: number | null; error?: string };

/** `reward` is the weighted sum of the values; null if nothing was scored or anything threw. */
export type Score = { reward: number | null; parts: RewardPart[] };

export interface Rubric<T extends Task = Task> {
  score(episode: Episode<T>, options: { signal: AbortSignal }): Promise<Score>;
}

/** The rubric of these functions; each is asked once, none sees another's value. */
export function rubricOf<T extends Task>(functions: readonly RewardFunction<T>[]): Rubric<T> {
  return {
    async score(episode, { signal }) {
      const parts = await Promise.all(functions.map((one) => askOne(one, episode, signal)));
      signal.throwIfAborted();
      return { reward: sumOf(parts), parts };
    },
  };
}

async function askOne<T extends Task>(
  one: RewardFunction<T>,
  episode: Episode<T>,
  signal: AbortSignal,
): Promise<RewardPart> {
  const { name, weight } = one;
  try {
    const value = await one.score(episode, { signal });
    if (value !== null && !Number.isFinite(value)) throw new RangeError(`${value} is not a finite number`);
    return { name, weight, value };
  } catch (error) {
    return { name, weight, value: null, error: error instanceof Error ? error.message : String(error) };
  }
}

function sumOf(parts: readonly RewardPart[]): number | null {
  if (parts.some((part) => part.error !== undefined)) return null;
  const scored = parts.filter((part) => part.value !== null && part.weight !== 0);
  if (scored.length === 0) return null;
  return scored.reduce((sum, part) => sum + part.weight * part.value!, 0);
}
