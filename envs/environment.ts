// The contract of every world: chat messages in, one response out, one step at a time.
// Knows no world, no token and no actor. Gymnasium's words, with what self-improvement needs: a prefix to start from,
// a quality in [0, 1], a digest of the state at every turn boundary.
// An environment holds one episode at a time and shares nothing with its siblings; `test/conformance` proves all this.
import type { Episode, EpisodeMode, EpisodeStart, Message, Outcome, StopReason, Turn } from "./episode.ts";
import type { Failure } from "./errors.ts";
import type { Task } from "./task.ts";

/** What goes to the policy before its first response. */
export type Observation = {
  /** The whole conversation so far. The policy answers its last message. */
  messages: Message[];
  info: Info;
  /** Set if the episode is over before it began: its helper process died, or the prefix had another answer. */
  failed?: Failure;
  /** Set if its time was up before it began. */
  truncated?: StopReason;
};

/** What one response led to. At most one of `terminated`, `truncated` and `failed` is set; then the episode is over. */
export type Step = {
  /** What to append to the conversation after the response; may be empty. */
  messages: Message[];
  /** Only on the last step, and only if something was scored. */
  reward?: number;
  /** Ended by the task. */
  terminated: boolean;
  /** Ended by a limit. */
  truncated?: StopReason;
  /** Ended by infrastructure. */
  failed?: Failure;
  /** How the world read the response, in its own words: `boxed`, `tool`, `finished`. Stop-string filters depend on it. */
  responseKind: string;
  info: Info;
  evidence?: Evidence;
};

/** Facts for the record, plain JSON, never needed to go on. */
export type Info = Record<string, unknown>;

/**
 * Bytes that show what happened, each under a file's name: a program that was run, what its terminal showed, what it left
 * behind. For the record like {@link Info}; a world does not know where they go, nor whether anybody keeps them.
 */
export type Evidence = Readonly<Record<string, Uint8Array>>;

export interface CallOptions {
  /** Aborting rejects the call with the signal's reason and breaks the episode off; `reset` begins a new one. */
  signal?: AbortSignal;
}

/** Ends an episode as truncated. None unless set. */
export interface Limits {
  /** Responses in one episode, replayed ones included. */
  maxTurns?: number;
  /** Responses to one request, counted anew after every observation with a user message in it. */
  maxTurnsPerRequest?: number;
  /** From `reset` on, in milliseconds, waiting for the policy included. */
  maxWallMs?: number;
}

/** The wording of a second attempt. The world decides where it stands in the conversation, never how it reads. */
export interface SelfIterationPrompts {
  improve(parts: SelfIterationParts): string;
  diverge(parts: SelfIterationParts): string;
}

export type SelfIterationParts = {
  /** The request the policy answered: a problem with its answer format, or the current user request. */
  instruction: string;
  /** The response to try again, without its reasoning. */
  previousResponse: string;
  /** What the world said about it, where it says anything. */
  feedback?: string;
};

/** An episode so far, plain JSON. {@link replay} makes it anew in any environment of the same world. */
export type Snapshot = {
  readonly environment: { id: string; version: string };
  readonly start: { taskId: string; taskHash: string; seed: number; prefix: readonly Turn[]; mode: EpisodeMode };
  /** All turns, as {@link Environment.turns}. */
  readonly turns: readonly Turn[];
  readonly digest: string;
};

/** One session with a world. Calls do not overlap: the next begins when the one before has returned. */
export interface Environment<T extends Task = Task> extends AsyncDisposable {
  readonly id: string;
  readonly version: string;
  /** Whether a second attempt earns its quality (`absolute`) or what it gained over the attempt before (`improvement`). */
  readonly rewardKind: "absolute" | "improvement";
  /**
   * Whether the same responses and seed lead to the same. Where they need not, an episode begins at its beginning: a start
   * that would have to replay a turn, and a fork after the first, are refused as `not_replayable`.
   */
  readonly replayable: boolean;
  /** Texts that end a response and stay in it; whoever samples stops there. None for most worlds. */
  readonly stopStrings: readonly string[];
  /** The most that an attempt after one of this quality can gain; what an `improvement` reward is divided by. */
  maxImprovement(previousQuality: number): number;

  /** Begins an episode; one that is under way is dropped. @throws EnvironmentError `bad_start`, `not_replayable`, `busy`, `closed` */
  reset(start: EpisodeStart<T>, options?: CallOptions): Promise<Observation>;
  /** Takes one response. @throws EnvironmentError `not_reset`, `episode_over`, `busy`, `closed` */
  step(response: string, options?: CallOptions): Promise<Step>;
  /**
   * A second environment that stands where this one does, to try a response in; whoever asks for it closes it.
   * What befalls it never touches this one, and a failure of infrastructure on the way is its outcome, not this one's.
   * @throws EnvironmentError `not_reset`, `episode_over`, `not_replayable`, `busy`, `closed`
   */
  fork(options?: CallOptions): Promise<Environment<T>>;
  /** Lets go of everything, aborts a call under way. Closing twice is fine. */
  close(): Promise<void>;

  /** How the episode stands. @throws EnvironmentError `not_reset` before the first reset; so do all below */
  outcome(): Outcome;
  /** How good the finished episode is, in [0, 1]; null while it runs, and where nothing can be said. */
  quality(): number | null;
  /** What the world says about the last response to whoever tries again; null for nothing. */
  feedback(): string | null;
  /** The turns so far, those of the prefix that were replayed included. */
  turns(): readonly Turn[];
  /** The conversation so far, as the policy saw it. */
  messages(): readonly Message[];
  /**
   * The conversation that asks for a second attempt at this response in the place of the next turn; nothing is executed.
   * What a reset in that mode shows whose prefix is the turns so far and this response.
   * @throws EnvironmentError `not_reset`, `episode_over`
   */
  askAgain(mode: "improve" | "diverge", previous: Pick<Turn, "response" | "feedback">): Message[];
  /** The finished or unfinished attempt as a rubric and a recorder see it. */
  episode(): Episode<T>;
  /** Content hash of the world's state: equal states, equal digests, in every process. */
  digest(): string;
  snapshot(): Snapshot;
  /** The text that stands for these turns where solutions are compared by embedding. */
  solutionText(turns: readonly Turn[]): string;
}

/** True if a step was its episode's last. */
export function isOver(step: Step): boolean {
  return step.terminated || step.truncated !== undefined || step.failed !== undefined;
}

/**
 * Makes an episode anew by its recorded responses and checks that it is the same one.
 * Returns what went wrong, or null: then the environment stands where the snapshot was taken.
 */
export async function replay<T extends Task>(
  environment: Environment<T>,
  snapshot: Snapshot,
  task: T,
  options: CallOptions = {},
): Promise<Failure | null> {
  const { seed, prefix, mode, taskHash } = snapshot.start;
  if (task.hash !== taskHash) return mismatch(`task ${task.id} has other content than the one recorded`);
  const { failed } = await environment.reset({ task, seed, prefix, mode }, options);
  if (failed) return failed;
  for (const turn of snapshot.turns.slice(environment.turns().length)) {
    const step = await environment.step(turn.response, options);
    if (step.failed) return step.failed;
  }
  return environment.digest() === snapshot.digest ? null : mismatch("the state has another digest at the end");
}

function mismatch(what: string): Failure {
  const advice = "use the world's version and data of the recording";
  return { kind: "failed", cause: "replay_mismatch", message: `${what} - ${advice}` };
}
