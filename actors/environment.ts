// An environment actor: asks for leave and for a task, runs the G episodes of it at once, and hands the group in.
// Owns worlds and their helpers. Many groups are under way at a time, since most of their time goes by waiting for tokens.
// An episode that fails is a record and never stops its siblings; only what concerns all of them ends the run.
import type { Environment, Message, Observation, Step, Turn } from "../envs/index.ts";
import { isOver } from "../envs/index.ts";
import { currentTurn, defineActor, type Handle, isActorError, type NdArray } from "../runtime/index.ts";
import type { ExitOptions } from "./exit/index.ts";
import { assessGroup, type Group, outcomeOf } from "./group.ts";
import type { Completion, Generation, InferenceProxy, Sampling } from "./inference-proxy.ts";
import { RandomStream } from "./random.ts";
import type { EpisodeRecord, Recorder, StepFacts, WorldName } from "./recorder.ts";
import { type Rollout, RolloutDraft } from "./rollout.ts";
import type { RolloutBuffer, Ticket } from "./rollout-buffer.ts";
import type { Assignment, TaskBuffer } from "./task-buffer.ts";
import { type OpenWorld, openWorld, type WorldConfig } from "./worlds.ts";

export interface EnvironmentConfig {
  world: WorldConfig;
  options: ExitOptions;
  /** G. */
  rolloutsPerPrompt: number;
  sampling: Sampling;
  seed: number;
  /** Groups under way at a time. */
  groupsAtOnce: number;
}

/** Whom an environment actor talks to. */
export interface EnvironmentCast {
  tasks: Handle<TaskBuffer>;
  rollouts: Handle<RolloutBuffer>;
  inference: Handle<InferenceProxy>;
  recorder: Handle<Recorder>;
  /** Null where the engine's own hidden states are the embedding, or none is wanted. */
  embedder: Handle<EmbedderActor> | null;
}

/** The embedder in Python. */
export interface EmbedderActor {
  /** [N] texts → [N, E] float32. */
  embed(texts: readonly string[]): NdArray;
}

/** An episode while it runs: its world, its tokens, when it did what. */
interface Running {
  environment: Environment;
  draft: RolloutDraft;
  steps: StepFacts[];
  generateMs: number;
  worldMs: number;
}

export class Environments {
  readonly #config: EnvironmentConfig;
  readonly #cast: EnvironmentCast;
  #world: OpenWorld | undefined;
  #groupCount = 0;
  #episodeCount = 0;

  constructor(config: EnvironmentConfig, cast: EnvironmentCast) {
    const patient = { deadlineMs: null };
    this.#config = config;
    this.#cast = {
      tasks: cast.tasks,
      rollouts: cast.rollouts.with(patient),
      inference: cast.inference.with(patient),
      recorder: cast.recorder.with({ deadlineMs: 120_000 }),
      embedder: cast.embedder?.with({ deadlineMs: 120_000 }) ?? null,
    };
  }

  async start(): Promise<void> {
    this.#world = await openWorld(this.#config.world);
    await this.#cast.rollouts.disown(currentTurn().actor); // of a life before
  }

  async stop(): Promise<void> {
    await this.#world?.close();
  }

  /** Runs groups until there is no more leave. Rejects when the run cannot go on: disk full, an actor given up. */
  async run(): Promise<{ groupCount: number; episodeCount: number }> {
    const owner = currentTurn().actor;
    await Promise.all(Array.from({ length: this.#config.groupsAtOnce }, () => this.#work(owner)));
    return { groupCount: this.#groupCount, episodeCount: this.#episodeCount };
  }

  async #work(owner: string): Promise<void> {
    const { tasks, rollouts, recorder } = this.#cast;
    for (;;) {
      const ticket = await rollouts.admit(owner);
      if (!ticket) return;
      const assignment = (await tasks.next()) as Assignment;
      const episodes = await this.#embed(await this.#play(ticket, assignment));
      const { draw } = assignment;
      const group = assessGroup(
        { mode: draw.mode, prevQuality: draw.instance.prevQuality },
        episodes.map(({ rollout }) => rollout),
        this.#config.options,
      );
      await recorder.write({
        ticket,
        draw,
        task: assignment.task,
        world: this.#worldName(),
        episodes: records(episodes, group),
      });
      await tasks.complete(draw, outcomeOf(group));
      const { mode, verdict, rewards, advantages, isMasked } = group;
      await rollouts.finish(ticket, { mode, rollouts: group.rollouts, verdict, rewards, advantages, isMasked });
      this.#groupCount += 1;
      this.#episodeCount += episodes.length;
    }
  }

  #worldName(): WorldName {
    const { id, version } = this.#world!.environment("train"); // it costs nothing until its first reset
    return { id, version };
  }

  /** All episodes of a group, side by side. The first prompt is one for all of them, so it is read once. */
  async #play(ticket: Ticket, { draw, task }: Assignment): Promise<Played[]> {
    const { rolloutsPerPrompt, seed } = this.#config;
    const start = { task, seed: groupSeed(seed, ticket), prefix: prefixOf(draw.instance.turns), mode: draw.mode };
    const environments = Array.from({ length: rolloutsPerPrompt }, () => this.#world!.environment("train"));
    try {
      const openings = await Promise.all(environments.map((environment) => environment.reset(start)));
      const idOf = (at: number) => `${ticket.groupId}/${at}`;
      const stop = environments[0]!.stopStrings;
      const first = await this.#generate({ messages: openings[0]!.messages, n: rolloutsPerPrompt, stop }, start.seed);
      if ("cause" in first)
        return environments.map((environment, at) => failedBeforeStart(idOf(at), environment, first));
      return await Promise.all(
        environments.map((environment, at) =>
          this.#playEpisode(idOf(at), environment, openings[at]!, first, at, start.seed),
        ),
      );
    } finally {
      await Promise.all(environments.map((environment) => environment.close()));
    }
  }

  async #playEpisode(
    id: string,
    environment: Environment,
    opening: Observation,
    first: Timed<Generation>,
    at: number,
    seed: number,
  ): Promise<Played> {
    const running: Running = {
      environment,
      draft: new RolloutDraft(id, first.promptIds),
      steps: [],
      generateMs: first.wallMs,
      worldMs: 0,
    };
    if (opening.failed) return this.#end(running, running.draft.fail(opening.failed));
    let completion = first.completions[at]!;
    for (let turn = 1; ; turn += 1) {
      const { draft } = running;
      draft.appendSampled(completion.text, completion);
      const step = await timed(() => environment.step(completion.text));
      running.worldMs += step.wallMs;
      running.steps.push(factsOf(step, environment));
      if (step.failed) return this.#end(running, draft.fail(step.failed));
      const told = environment.feedback();
      const feedback = told === null ? {} : { feedback: told };
      if (isOver(step)) {
        draft.appendObserved(new Int32Array(), feedback); // whoever tries the last response again is told it too
        return this.#end(running, this.#finish(running, completion, step));
      }
      const request = { messages: step.messages, ids: draft.ids, n: 1, stop: environment.stopStrings };
      const next = await this.#generate(request, turnSeed(seed, at, turn));
      if ("cause" in next) return this.#end(running, draft.fail(next));
      running.generateMs += next.wallMs;
      draft.appendObserved(next.promptIds.slice(draft.ids.length), { observation: step.messages, ...feedback });
      completion = next.completions[0]!;
    }
  }

  #finish({ environment, draft }: Running, completion: Completion, step: Step): Rollout {
    const turns = environment.turns();
    return draft.finish({
      text: environment.solutionText(turns),
      finish: step.truncated ? "turns" : isCutOff(completion, environment) ? "length" : "stop",
      quality: environment.quality(),
      ...(completion.embedding ? { embedding: completion.embedding } : {}),
    });
  }

  #end({ environment, steps, generateMs, worldMs }: Running, rollout: Rollout): Played {
    return { rollout, steps, messages: environment.messages(), generateMs, worldMs };
  }

  /** The solutions of a group as vectors, where an embedder of its own makes them. Without them there is no bonus. */
  async #embed(episodes: Played[]): Promise<Played[]> {
    const { embedder } = this.#cast;
    if (embedder === null) return episodes;
    const { data, shape } = (await embedder.embed(episodes.map(({ rollout }) => rollout.text))) as NdArray;
    const size = shape[1]!;
    return episodes.map((played, at) => ({
      ...played,
      rollout: { ...played.rollout, embedding: (data as Float32Array).slice(at * size, (at + 1) * size) },
    }));
  }

  /** Tokens, or why there are none: an engine's refusal concerns one episode, its absence all of them. */
  async #generate(
    request: { messages: readonly Message[]; ids?: Int32Array; n: number; stop: readonly string[] },
    seed: number,
  ): Promise<Timed<Generation> | { cause: string; message: string }> {
    const embed = this.#config.options.mechanisms.diversity && this.#cast.embedder === null;
    const { sampling } = this.#config;
    try {
      return await timed(() => this.#cast.inference.generate({ ...request, sampling, seed, lane: "train", embed }));
    } catch (error) {
      if (!isActorError(error, "method_threw", "call_timeout")) throw error;
      return { cause: "engine", message: error.message };
    }
  }
}

export const EnvironmentsActor = defineActor(import.meta.url, Environments, { concurrency: 4 });

interface Played {
  rollout: Rollout;
  steps: readonly StepFacts[];
  messages: readonly Message[];
  generateMs: number;
  worldMs: number;
}

/** By the token limit, or without a word that ends a response where the world has such (exit-paper 3.6). */
function isCutOff({ finish, text }: Completion, { stopStrings }: Environment): boolean {
  return finish === "length" || (stopStrings.length > 0 && !stopStrings.some((word) => text.includes(word)));
}

type Timed<T> = T & { wallMs: number };

async function timed<T extends object>(work: () => Promise<T>): Promise<Timed<T>> {
  const beganMs = performance.now();
  const result = await work();
  return { ...result, wallMs: performance.now() - beganMs };
}

/** An episode that the engine would not even begin: one token stands for the prompt that was refused. */
function failedBeforeStart(id: string, environment: Environment, failure: { cause: string; message: string }): Played {
  const rollout = new RolloutDraft(id, Int32Array.of(0)).fail(failure);
  return { rollout, steps: [], messages: environment.messages(), generateMs: 0, worldMs: 0 };
}

function factsOf({ responseKind, info, evidence = {}, failed, truncated }: Step, environment: Environment): StepFacts {
  const isBrokenOff = failed !== undefined || truncated === "max_wall";
  return { responseKind, digest: isBrokenOff ? null : environment.digest(), info, evidence };
}

/** The same group of the same run has the same seed; another attempt or life has another. */
export function groupSeed(seed: number, { groupId }: Pick<Ticket, "groupId">): number {
  return RandomStream.seeded(`${seed} ${groupId}`).below(2 ** 31);
}

/** Siblings go on from different answers, each with draws of its own. */
function turnSeed(seed: number, at: number, turn: number): number {
  return RandomStream.seeded(`${seed} ${at} ${turn}`).below(2 ** 31);
}

function prefixOf(turns: readonly { response: string; observation?: readonly Message[]; iterDepth: number }[]): Turn[] {
  return turns.map((turn) => ({ ...turn, observation: turn.observation ?? [] }));
}

function records(episodes: readonly Played[], group: Group): EpisodeRecord[] {
  return episodes.map(({ rollout, steps, messages, generateMs, worldMs }, at) => ({
    rollout,
    steps,
    messages,
    reward: group.rewards[at] ?? null,
    advantage: group.advantages[at] ?? 0,
    generateMs,
    worldMs,
  }));
}
