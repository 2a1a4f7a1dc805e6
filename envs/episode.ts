// One attempt at a task: how it starts, its turns, how it ended.
// Plain JSON throughout, so that a recorder can write it, a buffer can keep it, and a replay can read it back.
import type { Failure } from "./errors.ts";
import type { Task } from "./task.ts";

/** A chat message. What the tokens were is known elsewhere: a world sees text. */
export type Message = { role: "system" | "user" | "assistant" | "tool"; content: string };

/** One response and what the world answered to it. */
export type Turn = {
  readonly response: string;
  /** The messages that followed; empty if the episode ended. */
  readonly observation: readonly Message[];
  /** How many times this turn's response was improved or diverged from; 0 for a first attempt. */
  readonly iterDepth: number;
  /** What the world says about the response to whoever tries again, an error trace for example. */
  readonly feedback?: string;
};

/** `base` is an ordinary attempt; the others try the prefix's last response again. */
export type EpisodeMode = "base" | "improve" | "diverge";

/**
 * How an episode begins.
 * In `base` mode all of the prefix is replayed and the episode goes on after it. In `improve` and `diverge` mode the
 * turns before the last are replayed, and the last one's response is shown in the prompt, not executed.
 */
export type EpisodeStart<T extends Task = Task> = {
  readonly task: T;
  /** Everything the world draws comes from this number. */
  readonly seed: number;
  readonly prefix: readonly Turn[];
  readonly mode: EpisodeMode;
};

/** Which limit ended an episode. */
export type StopReason = "max_turns" | "max_turns_per_request" | "max_wall";

/**
 * How an episode stands. `quality` is in [0, 1] or null if the world gave none; `reward` is null if nothing was scored.
 * `failed` has neither: it is masked and counted by cause.
 */
export type Outcome =
  | { kind: "running" }
  | { kind: "terminated"; quality: number | null; reward: number | null }
  | { kind: "truncated"; reason: StopReason; quality: number | null; reward: number | null }
  | Failure;

/** A finished attempt as a rubric sees it. */
export type Episode<T extends Task = Task> = EpisodeStart<T> & {
  /** All turns, the replayed ones included; a turn that was tried again holds its new response. */
  readonly turns: readonly Turn[];
  /** The conversation as the policy saw it. */
  readonly messages: readonly Message[];
  readonly quality: number | null;
};

/** Every history that ends after one of the turns: what an autocurriculum may start from. Shortest first. */
export function prefixesOf(turns: readonly Turn[]): Turn[][] {
  return turns.map((_, index) => turns.slice(0, index + 1));
}
