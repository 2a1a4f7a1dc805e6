// What the author of a world writes: the rules, and nothing else.
// A session (session.ts) makes an Environment of it: it keeps the turns, replays, limits, aborts, scores and closes.
// A world object is shared by all its sessions, so whatever changes lives in the state that `open` returns.
import type { Evidence, Info } from "./environment.ts";
import type { Message, Turn } from "./episode.ts";
import type { Task } from "./task.ts";

/**
 * A world with tasks `T` and a state `S` for each session.
 * Every method may be called for thousands of sessions in turn and must not block; those that wait obey the signal.
 * An {@link InfrastructureError} thrown in any of them ends the episode as failed; every other error is a bug and throws.
 */
export interface World<T extends Task, S> {
  /** What people call it: `math`, `bfcl-multi-turn`. */
  readonly id: string;
  /** Changes whenever the same responses could be answered or scored otherwise. */
  readonly version: string;
  /** `absolute` unless said. */
  readonly rewardKind?: "absolute" | "improvement";
  /** False where the same responses and seed need not lead to the same: then no turn is ever replayed. True unless said. */
  readonly replayable?: boolean;

  /** The state before the first response. All randomness comes from the seed. Called at every reset. */
  open(task: T, seed: number, options: { signal: AbortSignal }): Promise<S> | S;
  /** The conversation before the first response; its last message is the user's request. */
  opening(state: S): Message[];
  /** Takes one response and moves the state on. Called for replayed responses too, with nothing to tell them apart. */
  respond(state: S, response: string, options: { signal: AbortSignal }): Promise<Reply> | Reply;
  /** How good the ended episode is, in [0, 1]; null if that cannot be said. Called once, at the end. */
  quality(state: S, options: { signal: AbortSignal }): Promise<Quality> | Quality;
  /** The state as plain JSON, whatever could make a later answer differ; hashed at turn boundaries. */
  digest(state: S): unknown;

  /** Texts that end a response and stay in it: a closing tag, a word that says it is done. None unless said. */
  readonly stopStrings?: readonly string[];
  /** A second state that stands where this one does and shares nothing with it; unless said, a fork is made by replay. */
  fork?(state: S, options: { signal: AbortSignal }): Promise<S> | S;
  /** The request the policy is working on; unless said, the last user message before its response. */
  instruction?(state: S): string;
  /** What stands for these turns where solutions are compared; unless said, the visible responses. */
  solutionText?(turns: readonly Turn[]): string;
  /** Lets go of what `open` took. Called once for every state, also after a failure or an abort. */
  close?(state: S): Promise<void> | void;
}

/** A quality alone, or with named numbers about the episode, for tables and never for a reward. */
export type Quality = number | null | { quality: number | null; metrics: Readonly<Record<string, number>> };

/** A world's answer to one response. */
export type Reply = {
  /** To append to the conversation: tool results, the next request. */
  messages: Message[];
  /** True if the task is over, well or badly. */
  terminated: boolean;
  /** How the response was read, in the world's own words. */
  responseKind: string;
  /** What to tell whoever tries this response again. */
  feedback?: string;
  info?: Info;
  evidence?: Evidence;
};
