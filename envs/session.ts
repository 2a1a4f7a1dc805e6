// A world as an Environment: one episode after another, one call at a time.
// Decides what may be called when, and what an abort, a limit or a dead helper process makes of an episode; the episode
// itself is an Attempt (attempt.ts). Knows no world's rules.
import { abortable } from "./abort.ts";
import { Attempt, type AttemptOptions } from "./attempt.ts";
import type { CallOptions, Environment, Observation, Snapshot, Step } from "./environment.ts";
import type { Episode, EpisodeStart, Message, Outcome, Turn } from "./episode.ts";
import { EnvironmentError, InfrastructureError } from "./errors.ts";
import { visibleText } from "./reasoning.ts";
import type { Task } from "./task.ts";
import type { World } from "./world.ts";

export interface SessionOptions<T extends Task> extends AttemptOptions<T> {
  /** A signal that aborts after so many milliseconds; `AbortSignal.timeout` unless a test brings its own time. */
  timeout?: (ms: number) => AbortSignal;
}

/** An environment of this world. It costs nothing until its first reset: make thousands. */
export function createEnvironment<T extends Task, S>(world: World<T, S>, options: SessionOptions<T>): Environment<T> {
  return new Session(world, options);
}

class Session<T extends Task, S> implements Environment<T> {
  readonly id: string;
  readonly version: string;
  readonly rewardKind: "absolute" | "improvement";
  readonly replayable: boolean;
  readonly stopStrings: readonly string[];
  readonly #world: World<T, S>;
  readonly #options: SessionOptions<T>;
  readonly #closing = new AbortController();
  #attempt: Attempt<T, S> | undefined;
  /** Aborts when the episode's time is up. */
  #wall: AbortSignal | undefined;
  /** An abort or a bug broke the episode off in the middle: its state belongs to no turn boundary. */
  #isBroken = false;
  #isBusy = false;
  /** The world's work, which may take a moment to unwind after an abort; its state is not let go before. */
  #work: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(world: World<T, S>, options: SessionOptions<T>) {
    this.#world = world;
    this.#options = options;
    this.id = world.id;
    this.version = world.version;
    this.rewardKind = world.rewardKind ?? "absolute";
    this.replayable = world.replayable ?? true;
    this.stopStrings = world.stopStrings ?? [];
  }

  maxImprovement(previousQuality: number): number {
    return 1 - previousQuality;
  }

  reset(start: EpisodeStart<T>, { signal }: CallOptions = {}): Promise<Observation> {
    return this.#alone(async () => {
      const attempt = new Attempt(this.#world, start, this.#options);
      await abortable([this.#closing.signal, signal], () => this.#drop());
      const { maxWallMs } = this.#options.limits ?? {};
      this.#attempt = attempt;
      this.#isBroken = false;
      this.#wall = maxWallMs === undefined ? undefined : (this.#options.timeout ?? AbortSignal.timeout)(maxWallMs);
      return this.#guarded(
        signal,
        (combined) => attempt.begin(combined),
        (end) => {
          const { failed, truncated } = end(attempt);
          const ending = failed ? { failed } : { truncated };
          return { messages: attempt.messages, info: {}, ...ending };
        },
      );
    });
  }

  step(response: string, { signal }: CallOptions = {}): Promise<Step> {
    return this.#alone(() => {
      const attempt = this.#running("step");
      return this.#guarded(
        signal,
        (combined) => attempt.take(response, combined),
        (end) => end(attempt),
      );
    });
  }

  fork({ signal }: CallOptions = {}): Promise<Environment<T>> {
    return this.#alone(async () => {
      const attempt = this.#running("fork");
      const twin = new Session(this.#world, this.#options);
      const copy = attempt.unopened();
      twin.#attempt = copy;
      twin.#wall = this.#wall;
      try {
        await abortable([this.#closing.signal, signal], (combined) => {
          const forking = twin.#guarded(
            combined,
            (inner) => attempt.forkInto(copy, inner),
            (end) => void end(copy),
          );
          this.#work = forking.catch(() => {}).then(() => twin.#work); // an abort may be ahead of the work
          return forking;
        });
      } catch (error) {
        await twin.close();
        throw error;
      }
      return twin;
    });
  }

  close(): Promise<void> {
    this.#closing.abort(new EnvironmentError("closed", `the environment was closed - ${this.id} - make another`));
    this.#closed ??= this.#drop();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  outcome(): Outcome {
    return this.#current("outcome").outcome;
  }

  quality(): number | null {
    return this.#current("quality").quality;
  }

  feedback(): string | null {
    return this.#current("feedback").turns.at(-1)?.feedback ?? null;
  }

  turns(): readonly Turn[] {
    return this.#current("turns").turns;
  }

  messages(): readonly Message[] {
    return this.#current("messages").messages;
  }

  askAgain(mode: "improve" | "diverge", previous: Pick<Turn, "response" | "feedback">): Message[] {
    return this.#running("askAgain").askAgain(mode, previous);
  }

  episode(): Episode<T> {
    return this.#current("episode").episode;
  }

  digest(): string {
    return this.#unbroken("digest").digest;
  }

  snapshot(): Snapshot {
    return this.#unbroken("snapshot").snapshot;
  }

  solutionText(turns: readonly Turn[]): string {
    if (this.#world.solutionText) return this.#world.solutionText(turns);
    const texts = turns.map((turn) => visibleText(turn.response));
    return texts.filter((text) => text !== "").join("\n\n");
  }

  /** Runs the world's work; what ends the episode without being anybody's mistake becomes its outcome. */
  async #guarded<R>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<R>,
    ended: (end: (attempt: Attempt<T, S>) => Step) => R,
  ): Promise<R> {
    const wall = this.#wall;
    try {
      return await abortable([this.#closing.signal, signal, wall], (combined) => {
        const running = work(combined);
        this.#work = running.catch(() => {}); // the caller hears of it through `running`
        return running;
      });
    } catch (error) {
      if (error instanceof InfrastructureError) return ended((attempt) => attempt.fail(error.failure));
      if (wall?.aborted && error === wall.reason) return ended((attempt) => attempt.runOut());
      this.#isBroken = true;
      throw error;
    }
  }

  /** Calls do not overlap, and none comes after close. */
  async #alone<R>(call: () => Promise<R>): Promise<R> {
    this.#closing.signal.throwIfAborted();
    if (this.#isBusy) {
      throw new EnvironmentError("busy", `a call before the last one returned - ${this.id} - await each call`);
    }
    this.#isBusy = true;
    try {
      return await call();
    } finally {
      this.#isBusy = false;
    }
  }

  async #drop(): Promise<void> {
    await this.#work;
    const attempt = this.#attempt;
    this.#attempt = undefined;
    await attempt?.close();
  }

  #current(method: string): Attempt<T, S> {
    if (this.#attempt) return this.#attempt;
    this.#closing.signal.throwIfAborted();
    throw new EnvironmentError("not_reset", `${method} before the first reset - ${this.id} - call reset first`);
  }

  /** An episode that can go on. */
  #running(method: string): Attempt<T, S> {
    const attempt = this.#current(method);
    const { kind } = attempt.outcome;
    if (!this.#isBroken && kind === "running") return attempt;
    const state = this.#isBroken ? "broken off" : kind;
    throw new EnvironmentError(
      "episode_over",
      `a ${method} in an episode that is ${state} - ${this.id} - call reset first`,
    );
  }

  /** Only at a turn boundary is there a state to speak of. */
  #unbroken(method: string): Attempt<T, S> {
    const attempt = this.#current(method);
    const { outcome } = attempt;
    const isTorn = outcome.kind === "failed" || (outcome.kind === "truncated" && outcome.reason === "max_wall");
    if (!this.#isBroken && !isTorn) return attempt;
    throw new EnvironmentError("episode_over", `${method} of a broken-off episode - ${this.id} - call reset first`);
  }
}
