// One episode in one world: its state, its turns, its conversation, its end.
// Replays prefixes, places second attempts, enforces the turn limit, scores. Knows no world's rules; who may call what
// and when is the session's business (session.ts).
import { canonicalJson, contentHash } from "./digest.ts";
import type { Limits, Observation, SelfIterationPrompts, Snapshot, Step } from "./environment.ts";
import type { Episode, EpisodeStart, Message, Outcome, StopReason, Turn } from "./episode.ts";
import { EnvironmentError, type Failure, InfrastructureError } from "./errors.ts";
import { visibleText } from "./reasoning.ts";
import { type Rubric, rubricOf } from "./reward.ts";
import type { Task } from "./task.ts";
import type { Reply, World } from "./world.ts";

export interface AttemptOptions<T extends Task> {
  /** How a second attempt is asked for. */
  prompts: SelfIterationPrompts;
  limits?: Limits;
  /** What an ended episode earns; its quality unless said. */
  rubric?: Rubric<T>;
}

const qualityAlone = rubricOf([{ name: "quality", weight: 1, score: (episode) => episode.quality }]);

export class Attempt<T extends Task, S> {
  readonly #world: World<T, S>;
  readonly #start: EpisodeStart<T>;
  readonly #options: AttemptOptions<T>;
  /** Turns that are executed before the policy is asked; the next response is the first new one. */
  readonly #replayed: readonly Turn[];
  /** Absent until the world has opened, and for ever if it could not. */
  #opened: { state: S } | undefined;
  #outcome: Outcome = { kind: "running" };
  #messages: Message[] = [];
  readonly #turns: Turn[] = [];

  constructor(world: World<T, S>, start: EpisodeStart<T>, options: AttemptOptions<T>) {
    this.#world = world;
    this.#start = start;
    this.#options = options;
    this.#replayed = start.mode === "base" ? start.prefix : start.prefix.slice(0, -1);
    this.#checkStart();
  }

  /** Opens the world, replays the prefix, asks for the first new response. */
  async begin(signal: AbortSignal): Promise<Observation> {
    const { task, seed } = this.#start;
    const state = await this.#world.open(task, seed, { signal });
    this.#opened = { state };
    signal.throwIfAborted();
    this.#messages = [...this.#world.opening(state)];
    for (const turn of this.#replayed) await this.#replayTurn(state, turn, signal);
    const { mode, prefix } = this.#start;
    if (mode !== "base") this.#messages = this.askAgain(mode, prefix.at(-1)!);
    return { messages: this.messages, info: {} };
  }

  /** Executes one response; scores the episode if that ends it. */
  async take(response: string, signal: AbortSignal): Promise<Step> {
    const state = this.#mustBeOpen();
    const reply = await this.#world.respond(state, response, { signal });
    signal.throwIfAborted();
    this.#append(this.#turnOf(response, reply));
    const { messages, terminated, responseKind, info = {} } = reply;
    const evidence = reply.evidence === undefined ? {} : { evidence: reply.evidence };
    const limit = terminated ? undefined : this.#limitReachedBy(this.#turns);
    if (!terminated && !limit) return { messages: [...messages], terminated, responseKind, info, ...evidence };
    const { quality, reward, parts, metrics } = await this.#score(state, signal);
    this.#outcome = limit
      ? { kind: "truncated", reason: limit, quality, reward }
      : { kind: "terminated", quality, reward };
    const ending = { ...(limit ? { truncated: limit } : {}), ...(reward === null ? {} : { reward }) };
    return {
      messages: [...messages],
      terminated,
      ...ending,
      responseKind,
      info: { ...info, rewardParts: parts, metrics },
      ...evidence,
    };
  }

  /**
   * The conversation with the request for a second attempt where the policy answers it: in the place of the user message
   * that waits for an answer, if that is the instruction it repeats, or after whatever else waits, a tool result for
   * example.
   */
  askAgain(mode: "improve" | "diverge", previous: Pick<Turn, "response" | "feedback">): Message[] {
    const messages = this.messages;
    const request = messages.findLast((message) => message.role === "user");
    const instruction = this.#world.instruction?.(this.#mustBeOpen()) ?? request?.content;
    if (instruction === undefined) {
      throw new EnvironmentError("bad_world", `no user message to try again - ${this.#place} - write instruction()`);
    }
    const feedback = previous.feedback === undefined ? {} : { feedback: previous.feedback };
    const parts = { instruction, previousResponse: visibleText(previous.response), ...feedback };
    if (request === messages.at(-1) && request?.content === instruction) messages.pop();
    messages.push({ role: "user", content: this.#options.prompts[mode](parts) });
    return messages;
  }

  /** An attempt at the same, for {@link forkInto}. */
  unopened(): Attempt<T, S> {
    return new Attempt(this.#world, this.#start, this.#options);
  }

  /** Brings an unopened attempt to where this one stands: by the world's own fork, or by what was said so far. */
  async forkInto(copy: Attempt<T, S>, signal: AbortSignal): Promise<void> {
    const state = this.#mustBeOpen();
    const { task, seed } = this.#start;
    if (!this.#world.fork) this.#checkReplay(this.#turns);
    const forked = this.#world.fork?.(state, { signal }) ?? this.#world.open(task, seed, { signal });
    copy.#opened = { state: await forked };
    if (!this.#world.fork) {
      for (const { response } of this.#turns) {
        signal.throwIfAborted();
        await this.#world.respond(copy.#opened.state, response, { signal });
      }
    }
    copy.#turns.push(...this.#turns);
    copy.#messages = [...this.#messages];
    if (copy.digest === this.digest) return;
    const advice = "the world is not deterministic, or its fork leaves something out";
    throw new InfrastructureError("replay_mismatch", `a fork has another digest - ${this.#place} - ${advice}`);
  }

  /** Ends it by infrastructure; what was scored before does not count. */
  fail(failure: Failure): Step {
    this.#outcome = failure;
    return { messages: [], terminated: false, failed: failure, responseKind: "unread", info: {} };
  }

  /** Ends it because its time is up: the response that came too late is not part of it, and nothing is scored. */
  runOut(): Step {
    this.#outcome = { kind: "truncated", reason: "max_wall", quality: null, reward: null };
    return { messages: [], terminated: false, truncated: "max_wall", responseKind: "unread", info: {} };
  }

  /** Lets the world let go. Not before the calls that use the state have settled. */
  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened) await this.#world.close?.(opened.state);
  }

  get outcome(): Outcome {
    return this.#outcome;
  }

  get messages(): Message[] {
    return [...this.#messages];
  }

  get turns(): Turn[] {
    return [...this.#turns];
  }

  get quality(): number | null {
    const outcome = this.#outcome;
    return outcome.kind === "terminated" || outcome.kind === "truncated" ? outcome.quality : null;
  }

  get episode(): Episode<T> {
    return { ...this.#start, turns: this.turns, messages: this.messages, quality: this.quality };
  }

  get digest(): string {
    const { id, version } = this.#world;
    const { task, seed } = this.#start;
    const state = this.#world.digest(this.#mustBeOpen());
    return contentHash({ id, version, task: task.hash, seed, turnCount: this.#turns.length, state });
  }

  get snapshot(): Snapshot {
    const { task, ...rest } = this.#start;
    return {
      environment: { id: this.#world.id, version: this.#world.version },
      start: { taskId: task.id, taskHash: task.hash, ...rest },
      turns: this.turns,
      digest: this.digest,
    };
  }

  get #place(): string {
    return `${this.#world.id}, task ${this.#start.task.id}`;
  }

  #checkStart(): void {
    const { mode, prefix } = this.#start;
    if (mode !== "base" && prefix.length === 0) {
      const advice = "hand in the turns up to the response to try again, or start in base mode";
      throw new EnvironmentError("bad_start", `nothing to ${mode} in an empty prefix - ${this.#place} - ${advice}`);
    }
    this.#checkReplay(this.#replayed);
    const limit = this.#limitReachedBy(this.#replayed);
    if (limit) {
      const what = `${this.#replayed.length} turns to replay leave none by the limit ${limit}`;
      throw new EnvironmentError(
        "bad_start",
        `${what} - ${this.#place} - start from a shorter prefix, or raise the limit`,
      );
    }
  }

  #checkReplay(turns: readonly Turn[]): void {
    if (turns.length === 0 || (this.#world.replayable ?? true)) return;
    const what = `${turns.length} turns to replay in a world that does not replay`;
    throw new EnvironmentError("not_replayable", `${what} - ${this.#place} - start at the beginning of an episode`);
  }

  /** Which limit these turns have used up. */
  #limitReachedBy(turns: readonly Turn[]): StopReason | undefined {
    const { maxTurns = Number.POSITIVE_INFINITY, maxTurnsPerRequest = Number.POSITIVE_INFINITY } =
      this.#options.limits ?? {};
    if (turns.length >= maxTurns) return "max_turns";
    const before = turns.findLastIndex(({ observation }) => observation.some(({ role }) => role === "user"));
    return turns.length - 1 - before >= maxTurnsPerRequest ? "max_turns_per_request" : undefined;
  }

  async #replayTurn(state: S, turn: Turn, signal: AbortSignal): Promise<void> {
    const reply = await this.#world.respond(state, turn.response, { signal });
    signal.throwIfAborted();
    const place = `turn ${this.#turns.length + 1} of the prefix - ${this.#place}`;
    if (reply.terminated) {
      const advice = "hand in the prefix without its last turn";
      throw new EnvironmentError("bad_start", `the episode is over after ${place} - ${advice}`);
    }
    if (canonicalJson(reply.messages) !== canonicalJson(turn.observation)) {
      const advice = "the world is not deterministic, or its version or data changed";
      throw new InfrastructureError("replay_mismatch", `another answer than the recorded one to ${place} - ${advice}`);
    }
    this.#append(turn);
  }

  #turnOf(response: string, reply: Reply): Turn {
    const { mode, prefix } = this.#start;
    const isSecondAttempt = mode !== "base" && this.#turns.length === this.#replayed.length;
    const iterDepth = isSecondAttempt ? prefix.at(-1)!.iterDepth + 1 : 0;
    const feedback = reply.feedback === undefined ? {} : { feedback: reply.feedback };
    return { response, observation: [...reply.messages], iterDepth, ...feedback };
  }

  #append(turn: Turn): void {
    this.#turns.push(turn);
    this.#messages.push({ role: "assistant", content: turn.response }, ...turn.observation);
  }

  async #score(state: S, signal: AbortSignal) {
    const judged = await this.#world.quality(state, { signal });
    const { quality, metrics } =
      typeof judged === "object" && judged !== null ? judged : { quality: judged, metrics: {} };
    signal.throwIfAborted();
    if (quality !== null && !(quality >= 0 && quality <= 1)) {
      const advice = "return a number from 0 to 1, or null";
      throw new EnvironmentError("bad_world", `a quality of ${quality} - ${this.#place} - ${advice}`);
    }
    const { reward, parts } = await (this.#options.rubric ?? qualityAlone).score(
      { ...this.episode, quality },
      { signal },
    );
    const wrong = parts.find((part) => part.error !== undefined);
    if (wrong) {
      const what = `'${wrong.name}' of the rubric threw: ${wrong.error}`;
      throw new InfrastructureError("grader_failed", `${what} - ${this.#place} - mend it and score the record again`);
    }
    return { quality, reward, parts, metrics };
  }

  #mustBeOpen(): S {
    if (this.#opened) return this.#opened.state;
    throw new EnvironmentError(
      "episode_over",
      `the world never opened, or is closed - ${this.#place} - call reset first`,
    );
  }
}
