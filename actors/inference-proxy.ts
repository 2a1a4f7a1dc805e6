// The one face of all engines: lends their slots to whoever has a prompt, and gives them new weights as transactions.
// An engine that dies is given the newest weights again before it answers for us; what it was sampling is asked anew.
// The only file that knows how Python's engine spells its words. Weights themselves never come through here.

import type { Message } from "../envs/index.ts";
import { defineActor, type Handle, isActorError, monitor } from "../runtime/index.ts";

/** How tokens are chosen. */
export interface Sampling {
  temperature: number;
  topP: number;
  /** 0 keeps all. */
  topK: number;
  /** In evaluations only: how likely a token must be beside the likeliest; none unless said. */
  minP?: number;
  /** In evaluations only: how much less likely what was said becomes; 1 unless said. */
  repetitionPenalty?: number;
  maxTokens: number;
}

export interface GenerateRequest {
  /** A conversation to be rendered; with `ids`, the messages that follow what is there already. */
  messages: readonly Message[];
  /** Everything the policy has seen and said so far, token for token. */
  ids?: Int32Array;
  /** Completions of the one prompt. */
  n: number;
  sampling: Sampling;
  seed: number;
  /** Texts that end a completion, kept in it. */
  stop?: readonly string[];
  /** A policy version that was pinned; the newest weights unless said. */
  version?: number;
  /** Training goes first where slots are short. */
  lane: "train" | "eval";
  /** Also give each completion's mean hidden state. */
  embed?: boolean;
}

export interface Completion {
  /** [n] int32, the end token included where there is one. */
  ids: Int32Array;
  /** [n] float32 under the distribution that was sampled from. */
  logprobs: Float32Array;
  /** `[start, end, version]`, covering 0..n. */
  versionSpans: [number, number, number][];
  text: string;
  finish: "stop" | "length";
  /** [hidden] */
  embedding?: Float32Array;
}

export interface Generation {
  /** [P] int32: what the policy saw, `ids` included. */
  promptIds: Int32Array;
  completions: Completion[];
}

/** Where new weights lie and how to know that they are whole; opaque here. */
export type WeightManifest = { version: number } & Record<string, unknown>;

/** The engine in Python, in its own spelling. */
export interface EngineActor {
  generate(request: Record<string, unknown>): PythonGeneration;
  prepare(manifest: WeightManifest): Record<string, unknown>;
  commit(version: number): void;
  rollback(version: number): void;
  pin(version: number): void;
  unpin(version: number): void;
  status(): Record<string, unknown>;
  describe(): Record<string, unknown>;
}

interface PythonGeneration {
  prompt_ids: Int32Array;
  completions: {
    ids: Int32Array;
    logprobs: Float32Array;
    versions: [number, number, number][];
    text: string;
    finish: "stop" | "length" | "aborted";
    embedding?: Float32Array;
  }[];
}

export interface InferenceConfig {
  /** For one generation, in milliseconds. */
  generateDeadlineMs: number;
  /** For one step of a weight transaction; an engine that misses it is left to its supervisor. */
  weightsDeadlineMs: number;
}

interface Engine {
  readonly handle: Handle<EngineActor>;
  readonly index: number;
  isReady: boolean;
  /** Completions lent out. */
  lentCount: number;
  version: number;
}

/** A generation whose engine died is asked anew this often. */
const maxAttempts = 3;

export class InferenceProxy {
  readonly #config: InferenceConfig;
  readonly #engines: Engine[];
  #newest: WeightManifest | undefined;
  readonly #pinned = new Set<number>();
  #waiting: (() => void)[] = [];
  #tokenCount = 0;
  #retryCount = 0;

  constructor(config: InferenceConfig, engines: readonly Handle<EngineActor>[]) {
    this.#config = config;
    this.#engines = engines.map((handle, index) => ({ handle, index, isReady: true, lentCount: 0, version: 0 }));
  }

  start(): void {
    for (const engine of this.#engines) void this.#follow(engine);
  }

  /** Samples completions of a prompt on the engine that has most room. */
  async generate(request: GenerateRequest): Promise<Generation> {
    for (let attempt = 1; ; attempt += 1) {
      const engine = await this.#leastBusy();
      engine.lentCount += request.n;
      try {
        const reply = await engine.handle
          .with({ deadlineMs: this.#config.generateDeadlineMs })
          .generate(toPython(request));
        const generation = fromPython(reply);
        this.#tokenCount += generation.completions.reduce((sum, { ids }) => sum + ids.length, 0);
        return generation;
      } catch (error) {
        if (!isActorError(error, "actor_down", "node_down") || attempt === maxAttempts) throw error;
        engine.isReady = false; // until it has been followed into its next life
        this.#retryCount += 1;
      } finally {
        engine.lentCount -= request.n;
      }
    }
  }

  /**
   * Gives every engine these weights: all read and check them, then all swap at their next token.
   * An engine that cannot is left out and gets them when it is back; with none left, rejects.
   */
  async publish(manifest: WeightManifest): Promise<void> {
    this.#newest = manifest;
    const ready = this.#engines.filter(({ isReady }) => isReady);
    const outcomes = await Promise.allSettled(ready.map((engine) => this.#give(engine, manifest)));
    const failures = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as Error] : []));
    const refusal = failures.find((error) => !isActorError(error, "actor_down", "node_down"));
    if (refusal) throw refusal; // an engine that lives and refuses has weights that are not the learner's
  }

  /** Keeps the newest weights for requests that name this version, on all engines. */
  async pin(version: number): Promise<void> {
    this.#pinned.add(version);
    await Promise.all(this.#engines.map(({ handle }) => handle.pin(version)));
  }

  async unpin(version: number): Promise<void> {
    this.#pinned.delete(version);
    await Promise.all(this.#engines.map(({ handle }) => handle.unpin(version)));
  }

  /** What the first engine's model is like: parameters, its own sampling defaults. */
  async describe(): Promise<Record<string, unknown>> {
    return this.#engines[0]!.handle.with({ deadlineMs: null }).describe() as Promise<Record<string, unknown>>;
  }

  async report(): Promise<{
    engines: Record<string, unknown>[];
    tokenCount: number;
    retryCount: number;
    lentCount: number;
  }> {
    const engines = await Promise.all(
      this.#engines.map(async ({ handle, isReady, version, lentCount }) => ({
        isReady,
        version,
        lentCount,
        ...(isReady ? ((await handle.status().catch(() => ({}))) as Record<string, unknown>) : {}),
      })),
    );
    const lentCount = this.#engines.reduce((sum, engine) => sum + engine.lentCount, 0);
    return { engines, tokenCount: this.#tokenCount, retryCount: this.#retryCount, lentCount };
  }

  /** From life to life: a new one begins with the model's folder and needs what the others have. */
  async #follow(engine: Engine): Promise<void> {
    for (;;) {
      const down = await monitor(engine.handle);
      engine.isReady = false;
      if (!down.isRestarting) return;
      try {
        await engine.handle.with({ deadlineMs: null }).describe(); // answered once it lives
        if (this.#newest) await this.#give(engine, this.#newest);
        engine.isReady = true;
        for (const wake of this.#waiting.splice(0)) wake();
      } catch {
        // It died again on the way: the next turn of this loop hears of it.
      }
    }
  }

  async #give(engine: Engine, manifest: WeightManifest): Promise<void> {
    const handle = engine.handle.with({ deadlineMs: this.#config.weightsDeadlineMs });
    await handle.prepare(manifest);
    await handle.commit(manifest.version);
    engine.version = manifest.version;
  }

  async #leastBusy(): Promise<Engine> {
    for (;;) {
      const ready = this.#engines.filter(({ isReady }) => isReady);
      if (ready.length > 0)
        return ready.reduce((least, engine) => (engine.lentCount < least.lentCount ? engine : least));
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

export const InferenceProxyActor = defineActor(import.meta.url, InferenceProxy, {
  concurrency: Number.POSITIVE_INFINITY,
});

function toPython({
  messages,
  ids,
  n,
  sampling,
  seed,
  stop = [],
  version,
  lane,
  embed,
}: GenerateRequest): Record<string, unknown> {
  const { temperature, topP, topK, minP, repetitionPenalty, maxTokens } = sampling;
  return {
    messages,
    ...(ids ? { ids } : {}),
    n,
    sampling: {
      temperature,
      top_p: topP,
      top_k: topK,
      max_tokens: maxTokens,
      ...(minP === undefined ? {} : { min_p: minP }),
      ...(repetitionPenalty === undefined ? {} : { repetition_penalty: repetitionPenalty }),
    },
    seed,
    lane,
    ...(stop.length > 0 ? { stop } : {}),
    ...(version === undefined ? {} : { version }),
    ...(embed ? { embed } : {}),
  };
}

function fromPython(reply: PythonGeneration): Generation {
  return {
    promptIds: reply.prompt_ids,
    completions: reply.completions.map(({ ids, logprobs, versions, text, finish, embedding }) => ({
      ids,
      logprobs,
      versionSpans: versions,
      text,
      finish: finish === "stop" ? "stop" : "length",
      ...(embedding ? { embedding } : {}),
    })),
  };
}
