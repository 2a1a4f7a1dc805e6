// Measures how well the policy improves its own answers: K-step self-improvement at pinned weights.
// Step 0 answers the problem, each further step is shown the latest iterate and asked for a better one (exit-paper, 8).
// Where an episode has many turns, every turn is improved k times before its last iterate is executed, in an episode of
// its own for each k (D27); iterates before the last are executed on forks at most, for what the next is told. Where
// answers are programs it is a greedy search, and the best so far counts.
// Every sample has its own seed, the same in every evaluation, so that two versions are compared on the same draws.
import {
  type Environment,
  type Failure,
  isOver,
  type Message,
  type Step,
  type Task,
  type Turn,
} from "../envs/index.ts";
import { defineActor, type Handle } from "../runtime/index.ts";
import { accuracyAt, type Chain, type Corrections, correctionsAt } from "./exit/index.ts";
import { mean } from "./exit/learnability.ts";
import type { InferenceProxy, Sampling } from "./inference-proxy.ts";
import { RandomStream } from "./random.ts";
import type { SearchNode } from "./search/node.ts";
import { searchPolicies } from "./search/options.ts";
import { bestSoFarOf } from "./search/policy.ts";
import { search } from "./search/search.ts";
import { type OpenWorld, openWorld, type WorldConfig } from "./worlds.ts";

export interface EvaluatorConfig {
  world: WorldConfig;
  /** Held out: never trained on. */
  tasks: readonly Task[];
  /** K: self-improvement steps after the first answer. */
  budget: number;
  /** Chains for each problem. */
  samples: number;
  /** As the model's own generation config says, unless the run does. */
  sampling: Sampling;
  seed: number;
}

/** One chain of iterates, for people. */
export interface ChainRecord {
  task: string;
  sample: number;
  responses: readonly string[];
  /** 0 or 1, or a quality; null where it could not be scored. */
  scores: Chain;
}

export interface Evaluation {
  /** The policy version that answered all of it. */
  version: number;
  /** accuracy@k for k = 0..K. */
  accuracy: readonly number[];
  corrections: Corrections;
  problemCount: number;
  chainCount: number;
  /** Iterates that could not be scored, by cause; left out of every figure. */
  failures: Readonly<Record<string, number>>;
  /** Share of iterates cut off by the token limit. */
  overlongShare: number;
  /** Means of what the world tells of whole episodes, after K steps. */
  metrics: Readonly<Record<string, number>>;
  wall_s: number;
}

export class Evaluator {
  readonly #config: EvaluatorConfig;
  readonly #inference: Handle<InferenceProxy>;
  #world: OpenWorld | undefined;

  constructor(config: EvaluatorConfig, inference: Handle<InferenceProxy>) {
    this.#config = config;
    this.#inference = inference.with({ deadlineMs: null });
  }

  async start(): Promise<void> {
    this.#world = await openWorld(this.#config.world);
  }

  async stop(): Promise<void> {
    await this.#world?.close();
  }

  /**
   * Evaluates one version, which the caller has pinned.
   * Rejects when the engines lose that version, by a restart for example.
   */
  async evaluate(version: number): Promise<{ evaluation: Evaluation; chains: ChainRecord[] }> {
    const beganMs = performance.now();
    const { tasks, samples, budget } = this.#config;
    const tally: Tally = { failures: {}, overlongCount: 0, iterateCount: 0, metrics: {} };
    const play = { chain: this.#problem, turns: this.#conversations, search: this.#searches }[this.#world!.protocol];
    const chains = await Promise.all(tasks.map((task) => play.call(this, task, version, tally)));
    const scores = chains.map((ofTask) => ofTask.map((chain) => chain.scores));
    const evaluation = {
      version,
      accuracy: Array.from({ length: budget + 1 }, (_, k) => accuracyAt(scores, k)),
      corrections: correctionsAt(scores, budget),
      problemCount: tasks.length,
      chainCount: tasks.length * samples,
      failures: tally.failures,
      overlongShare: tally.overlongCount / Math.max(1, tally.iterateCount),
      metrics: Object.fromEntries(Object.entries(tally.metrics).map(([name, values]) => [name, mean(values)])),
      wall_s: (performance.now() - beganMs) / 1000,
    };
    return { evaluation, chains: chains.flat() };
  }

  /** The first answers to a problem are samples of one prompt; then every chain goes its own way. */
  async #problem(task: Task, version: number, tally: Tally): Promise<ChainRecord[]> {
    const { samples, budget } = this.#config;
    const first = await this.#attempt(task, null, samples, version, `${task.id} 0`, tally);
    return Promise.all(
      first.map(async (attempt, sample) => {
        const responses = [attempt.response];
        const scores = [attempt.score];
        for (let k = 1; k <= budget; k += 1) {
          const previous: Turn = { response: responses.at(-1)!, observation: [], iterDepth: k - 1 };
          const [next] = await this.#attempt(task, previous, 1, version, `${task.id} ${sample} ${k}`, tally);
          responses.push(next!.response);
          scores.push(next!.score);
        }
        return { task: task.id, sample, responses, scores };
      }),
    );
  }

  /** A greedy search for each sample; the score at k is the best so far. */
  async #searches(task: Task, version: number, tally: Tally): Promise<ChainRecord[]> {
    const { samples, budget, sampling, seed: runSeed } = this.#config;
    const options = { ...searchPolicies.greedy, steps: budget };
    const environment = () => this.#world!.environment("evaluate");
    const generate = (messages: readonly Message[], n: number, label: string) => {
      const seed = evaluationSeed(runSeed, `${task.id} ${label}`);
      return this.#inference.generate({ messages, n, sampling, seed, version, lane: "eval" });
    };
    let drafts: ReturnType<typeof generate> | undefined; // samples of one prompt, as everywhere
    return Promise.all(
      Array.from({ length: samples }, async (_, sample) => {
        const answer = async (messages: readonly Message[], step: number) => {
          if (step === 0) drafts ??= generate(messages, samples, "0");
          const { completions } = await (step === 0 ? drafts! : generate(messages, 1, `${sample} ${step}`));
          const { text, ids, finish } = completions[step === 0 ? sample : 0]!;
          tally.iterateCount += 1;
          if (finish === "length") tally.overlongCount += 1;
          return { text, tokenCount: ids.length, generateMs: 0 };
        };
        const nodes: SearchNode[] = [];
        for await (const node of search({ task, sample, seed: runSeed, options, environment, answer })) {
          nodes.push(node);
          if (node.failure) tally.failures[node.failure] = (tally.failures[node.failure] ?? 0) + 1;
        }
        const scores = bestSoFarOf(nodes, options).map((best) => best ?? 0);
        return { task: task.id, sample, responses: nodes.map(({ response }) => response), scores };
      }),
    );
  }

  /** An episode of its own for each sample and k; what was not played has no score. */
  async #conversations(task: Task, version: number, tally: Tally): Promise<ChainRecord[]> {
    const { samples, budget } = this.#config;
    const steps = playedSteps(budget);
    return Promise.all(
      Array.from({ length: samples }, async (_, sample) => {
        const played = await Promise.all(steps.map((k) => this.#conversation(task, sample, k, version, tally)));
        const scores: (number | null)[] = Array.from({ length: budget + 1 }, () => null);
        for (const [at, k] of steps.entries()) scores[k] = played[at]!.score;
        return { task: task.id, sample, responses: played.at(-1)!.responses, scores };
      }),
    );
  }

  async #conversation(
    task: Task,
    sample: number,
    k: number,
    version: number,
    tally: Tally,
  ): Promise<{ responses: string[]; score: number | null }> {
    const { sampling, seed: runSeed } = this.#config;
    const { triesIterates } = this.#world!;
    await using environment = this.#world!.environment("evaluate");
    const stop = environment.stopStrings;
    const seed = evaluationSeed(runSeed, task.id);
    const answer = async (messages: readonly Message[], label: string) => {
      const request = {
        messages,
        n: 1,
        sampling,
        seed: evaluationSeed(runSeed, label),
        stop,
        version,
        lane: "eval" as const,
      };
      const { completions } = await this.#inference.generate(request);
      tally.iterateCount += 1;
      if (completions[0]!.finish === "length") tally.overlongCount += 1;
      return completions[0]!.text;
    };
    const responses: string[] = [];
    let { failed } = await environment.reset({ task, seed, prefix: [], mode: "base" });
    for (let turn = 0; failed === undefined; turn += 1) {
      const label = `${task.id} ${sample} ${k} ${turn}`;
      let response = await answer(environment.messages(), `${label} 0`);
      for (let step = 1; step <= k; step += 1) {
        const tried = triesIterates ? await tryOut(environment, response) : {};
        failed = tried.failed;
        if (failed) break;
        response = await answer(environment.askAgain("improve", { response, ...tried }), `${label} ${step}`);
      }
      if (failed) break;
      responses.push(response);
      const step = await environment.step(response);
      failed = step.failed;
      if (isOver(step)) {
        if (k === this.#config.budget) keepMetrics(step, tally);
        break;
      }
    }
    if (failed) tally.failures[failed.cause] = (tally.failures[failed.cause] ?? 0) + 1;
    return { responses, score: failed ? null : environment.quality() };
  }

  async #attempt(
    task: Task,
    previous: Turn | null,
    n: number,
    version: number,
    label: string,
    tally: Tally,
  ): Promise<{ response: string; score: number | null }[]> {
    const { sampling, seed: runSeed } = this.#config;
    const seed = evaluationSeed(runSeed, label);
    const prefix = previous ? [previous] : [];
    const start = { task, seed, prefix, mode: previous ? ("improve" as const) : ("base" as const) };
    await using opening = this.#world!.environment("evaluate");
    const { messages } = await opening.reset(start);
    const { completions } = await this.#inference.generate({
      messages,
      n,
      sampling,
      seed,
      stop: opening.stopStrings,
      version,
      lane: "eval",
    });
    return Promise.all(
      completions.map(async ({ text, finish }) => {
        await using environment = this.#world!.environment("evaluate");
        await environment.reset(start);
        const step = await environment.step(text);
        tally.iterateCount += 1;
        if (finish === "length") tally.overlongCount += 1;
        if (step.failed) tally.failures[step.failed.cause] = (tally.failures[step.failed.cause] ?? 0) + 1;
        return { response: text, score: environment.quality() };
      }),
    );
  }
}

export const EvaluatorActor = defineActor(import.meta.url, Evaluator);

/** The same draws in every evaluation and search of a run's seed; the label says which. */
export function evaluationSeed(runSeed: number, label: string): number {
  return RandomStream.seeded(`${runSeed} evaluation ${label}`).below(2 ** 31);
}

interface Tally {
  failures: Record<string, number>;
  overlongCount: number;
  iterateCount: number;
  metrics: Record<string, number[]>;
}

/** What a response leads to, seen on a fork: the episode itself does not notice. */
async function tryOut(environment: Environment, response: string): Promise<{ feedback?: string; failed?: Failure }> {
  await using fork = await environment.fork();
  const outcome = fork.outcome();
  if (outcome.kind === "failed") return { failed: outcome };
  const { failed } = await fork.step(response);
  const feedback = fork.feedback();
  return { ...(failed ? { failed } : {}), ...(feedback === null ? {} : { feedback }) };
}

/** Which k are played in a world of many turns: 0, the powers of two below the budget, and the budget. */
function playedSteps(budget: number): number[] {
  const steps = [0, 1, 2, 4, 8, 16, 32].filter((k) => k < budget);
  return [...steps, budget];
}

/** A world may tell named numbers of a finished episode. */
function keepMetrics({ info }: Step, { metrics }: Tally): void {
  for (const [name, value] of Object.entries((info.metrics ?? {}) as Record<string, number>)) {
    metrics[name] = [...(metrics[name] ?? []), value];
  }
}
