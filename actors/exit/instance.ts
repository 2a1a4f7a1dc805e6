// A task instance: a base task, or a place inside an earlier episode of it where the policy may try again.
// Knows what a history is and how one grows; knows neither how instances are chosen nor how episodes are run.
// First in the flow: the buffer keeps instances, selection draws one, an episode expands it into new ones.
import { createHash } from "node:crypto";
import type { Message } from "../../envs/index.ts";

/** How an episode begins: a plain attempt, an improvement of a shown response, or a departure from it (4.8). */
export type Mode = "base" | "improve" | "diverge";

/** One turn of a history: the last iterate y_t^k of that turn and what the world said to it (section 1). */
export interface Turn {
  /** The visible response, as it is shown again and replayed (D14). */
  readonly response: string;
  /** What the environment answered, where the episode went on. */
  readonly observation?: readonly Message[];
  /** e_t: feedback on the response, such as an error trace. */
  readonly feedback?: string;
  /** k_t: self-iteration steps that lie behind the response; 0 is an ordinary attempt. */
  readonly iterDepth: number;
}

/** A turn as an episode hands it over: its depth is decided here, by `expand`. */
export type EpisodeTurn = Omit<Turn, "iterDepth">;

/** The task-instance record of section 4.2. Plain JSON, never changed in place. */
export interface TaskInstance {
  /** Identity for deduplication: `instanceKey`. */
  readonly key: string;
  readonly baseId: string;
  /**
   * The prefix t = 1 .. t_start. The last turn is the one to be attempted again, so an episode resumes from
   * `turns.slice(0, -1)`; no turns at all is the plain base task.
   */
  readonly turns: readonly Turn[];
  /** k' of the last turn; 0 for a base task. */
  readonly depth: number;
  /** Normalised quality in [0, 1] of the episode the prefix comes from; null where none was measured. */
  readonly prevQuality: number | null;
  /** Feedback on the response to be improved, where the world gives any. */
  readonly prevFeedback?: string;
  /** S of the group that last started from this instance or made it; null before any has (4.6). */
  readonly score: number | null;
  /** How often selection has drawn it from the buffer. */
  readonly visitCount: number;
  /** Iteration of its insertion; for a base task, of the draw. */
  readonly createdIteration: number;
  readonly lastScoredIteration: number;
  readonly parentKey: string | null;
  /** Mode of the episode that made it; null for a base task. */
  readonly producedBy: Mode | null;
}

/**
 * How a key is made. `iterates`: every response counts. `curriculum`: the last response does not, because it is never
 * shown, so that a single-turn instance is its base task (4.2).
 */
export type KeyVariant = "iterates" | "curriculum";

/** The deduplication key: 32 hex digits over the base task and the responses, not over depth or observations (4.2). */
export function instanceKey(baseId: string, turns: readonly Pick<Turn, "response">[], variant: KeyVariant): string {
  const counted = variant === "curriculum" ? turns.slice(0, -1) : turns;
  const identity = JSON.stringify([baseId, ...counted.map((turn) => turn.response)]);
  return createHash("sha256").update(identity).digest("hex").slice(0, 32);
}

/** t_start (4.2): the turn, counted from 1, whose response is attempted again; 0 is a plain base task. */
export function startTurn(instance: Pick<TaskInstance, "turns">): number {
  return instance.turns.length;
}

/** The plain base task m as an instance, drawn at the given iteration. */
export function baseInstance(baseId: string, iteration: number): TaskInstance {
  return {
    key: instanceKey(baseId, [], "iterates"),
    baseId,
    turns: [],
    depth: 0,
    prevQuality: null,
    score: null,
    visitCount: 0,
    createdIteration: iteration,
    lastScoredIteration: iteration,
    parentKey: null,
    producedBy: null,
  };
}

/**
 * Expansion (4.4): the complete history of an episode that started from `parent`.
 * Turns before t_start are the parent's, unchanged. The first played turn takes the place of turn t_start: one step
 * deeper after improve or diverge; 0 after a plain attempt, which has not seen the earlier response. Later turns are
 * ordinary, with depth 0.
 * @param played the turns of this episode, from t_start on (from turn 1 for a base task)
 * @throws RangeError if nothing was played, or if a base task is said to have been improved
 */
export function expand(parent: TaskInstance, mode: Mode, played: readonly EpisodeTurn[]): Turn[] {
  if (played.length === 0) {
    throw new RangeError(
      `an episode without a turn cannot expand its task — base task ${parent.baseId}, mode ${mode} — ` +
        "mark the rollout as failed, and leave it out of the group's histories.",
    );
  }
  if (mode !== "base" && parent.turns.length === 0) {
    throw new RangeError(
      `mode ${mode} needs an earlier response — base task ${parent.baseId} has none — start base tasks in mode base.`,
    );
  }
  const firstDepth = mode === "base" ? 0 : parent.depth + 1;
  return [
    ...parent.turns.slice(0, -1),
    ...played.map((turn, index) => ({ ...turn, iterDepth: index === 0 ? firstDepth : 0 })),
  ];
}

/** What all prefixes of one episode have in common. */
export interface Origin {
  readonly parent: TaskInstance;
  readonly mode: Mode;
  /** Normalised quality of the episode, null where none was measured. */
  readonly quality: number | null;
  /** S of the episode's group: every prefix gets it (4.4, 4.7). */
  readonly score: number;
  readonly iteration: number;
  readonly variant: KeyVariant;
}

/** The T per-turn prefixes of a T-turn history as instances of their own, shortest first (4.3, D4). */
export function prefixInstances(history: readonly Turn[], origin: Origin): TaskInstance[] {
  return history.map((last, index) => {
    const turns = history.slice(0, index + 1);
    return {
      key: instanceKey(origin.parent.baseId, turns, origin.variant),
      baseId: origin.parent.baseId,
      turns,
      depth: last.iterDepth,
      prevQuality: origin.quality,
      ...(last.feedback === undefined ? {} : { prevFeedback: last.feedback }),
      score: origin.score,
      visitCount: 0,
      createdIteration: origin.iteration,
      lastScoredIteration: origin.iteration,
      parentKey: origin.parent.key,
      producedBy: origin.mode,
    };
  });
}
