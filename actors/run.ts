// A run from its first actor to its summary: launches the program, keeps its environments going, ends it in order.
// Knows the cast; what is shown while it runs is the tools' affair.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isActorError, type LiveProgram, type Node, pause } from "../runtime/index.ts";
import type { Environments } from "./environment.ts";
import type { Evaluation } from "./evaluator.ts";
import type { RunEnd } from "./learner-proxy.ts";
import type { LedgerCounts } from "./ledger.ts";
import { type Cast, makeProgram, type RunPlan } from "./program.ts";
import type { RolloutBuffer } from "./rollout-buffer.ts";
import type { LogRow } from "./run-log.ts";

/** What is left of a run for programs to read: `summary.json`. */
export interface RunSummary {
  strategy: string;
  seed: number;
  /** Iterations done, over all lives of the run. */
  steps: number;
  /** Updates applied to the weights. */
  version: number;
  wall_s: number;
  setup_s: number;
  /** From the launch to the first update. */
  first_update_s: number | null;
  samples: number;
  samples_per_s: number;
  accuracy: { k0: BeforeAfter; kK: BeforeAfter; K: number };
  policy_lag: { mean: number; max: number };
  ledger: LedgerCounts;
  /** Seconds of the learner's loop. */
  learner_time_s: Record<string, number>;
  finished: boolean;
}

export interface BeforeAfter {
  before: number | null;
  after: number | null;
}

export interface RunOutcome {
  summary: RunSummary;
  end: RunEnd;
}

export interface RunOptions {
  plan: RunPlan;
  node: Node;
  /** Seconds spent before: installing, loading, starting nodes. */
  setup_s: number;
}

/** A run that is going on. */
export class Run {
  readonly #options: RunOptions;
  readonly #cast: Cast;
  readonly #live: LiveProgram;
  #isFinishing = false;
  /** Resolves with the outcome; rejects with what ended the run before its time. */
  readonly done: Promise<RunOutcome>;

  private constructor(options: RunOptions, cast: Cast, live: LiveProgram) {
    this.#options = options;
    this.#cast = cast;
    this.#live = live;
    this.done = this.#work();
    this.done.catch(() => {});
  }

  /** Launches the program of a plan. Rejects, with nothing left running, when a part cannot start. */
  static async start(options: RunOptions): Promise<Run> {
    const { plan, node } = options;
    await mkdir(join(plan.folder, "checkpoints"), { recursive: true });
    const { program, cast } = makeProgram(plan);
    const live = await program.launch(node);
    return new Run(options, cast, live);
  }

  /** What happens, row by row, from the beginning of this life of the run. */
  follow(): AsyncIterable<LogRow> {
    return this.#cast.log.with({ deadlineMs: null }).follow();
  }

  /** Ends the run in order, with a checkpoint, as soon as the update under way is done. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    await this.#cast.learnerProxy.with({ deadlineMs: null }).finish();
  }

  async #work(): Promise<RunOutcome> {
    const { learnerProxy } = this.#cast;
    try {
      await Promise.race([learnerProxy.with({ deadlineMs: null }).prepare(), this.#live.failed]);
      const environments = this.#cast.environments.map((name) => this.#keepGoing(name));
      const trained = learnerProxy.with({ deadlineMs: null }).run();
      const brokenEnvironment = Promise.all(environments).then(() => new Promise<never>(() => {}));
      const end = await Promise.race([trained, this.#live.failed, brokenEnvironment]);
      const rollouts = await this.#options.node.lookup<RolloutBuffer>("rollout-buffer");
      const ledger = await rollouts.close();
      await Promise.all(environments);
      const summary = await this.#summarise(end, ledger);
      return { summary, end };
    } finally {
      await this.#live.stop("the run has ended");
    }
  }

  /** An environment that is brought back is set to work again; one that cannot go on ends the run. */
  async #keepGoing(name: string): Promise<void> {
    const { node } = this.#options;
    let lost: string | undefined;
    for (;;) {
      try {
        const environments = await node.lookup<Environments>(name);
        // Once more: what the lost one still had on the wire may have arrived after it was given up.
        if (lost !== undefined) await (await node.lookup<RolloutBuffer>("rollout-buffer")).disown(lost);
        await environments.with({ deadlineMs: null }).run();
        return;
      } catch (error) {
        if (this.#isFinishing) return;
        if (!isActorError(error, "actor_down", "node_down", "no_such_actor", "no_such_node", "stopped")) throw error;
        const rollouts = await node.lookup<RolloutBuffer>("rollout-buffer");
        if (error.node !== undefined) lost = `${name}@${error.node}`;
        await rollouts.disown(lost ?? `${name}@${node.name}`);
        await Promise.race([pause(100), this.#live.failed]);
      }
    }
  }

  async #summarise(end: RunEnd, ledger: LedgerCounts): Promise<RunSummary> {
    const { plan, setup_s } = this.#options;
    const { config, folder } = plan;
    const first = (await firstEvaluation(folder)) ?? end.first;
    const last = end.isUnfinished ? null : end.last;
    const samples = ledger.admitted - ledger.cancelled;
    const summary: RunSummary = {
      strategy: config.strategy,
      seed: config.seed,
      steps: end.iterations,
      version: end.version,
      wall_s: round(end.wall_s),
      setup_s: round(setup_s),
      first_update_s: end.firstUpdate_s === null ? null : round(end.firstUpdate_s),
      samples,
      samples_per_s: round(samples / Math.max(end.wall_s, 1e-9)),
      accuracy: {
        k0: { before: at(first, 0), after: at(last, 0) },
        kK: { before: at(first, config.evaluation.K), after: at(last, config.evaluation.K) },
        K: config.evaluation.K,
      },
      policy_lag: { mean: round(end.lag.mean), max: end.lag.max },
      ledger,
      learner_time_s: Object.fromEntries(Object.entries(end.time).map(([name, value]) => [name, round(value)])),
      finished: !end.isUnfinished,
    };
    await writeFile(join(folder, "summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
    return summary;
  }
}

/** "Before" is the first life's first evaluation, whatever has been resumed since. */
async function firstEvaluation(folder: string): Promise<Evaluation | null> {
  const text = await readFile(join(folder, "metrics.jsonl"), "utf8").catch(() => "");
  const line = text.split("\n").find((row) => row.startsWith('{"kind":"evaluation"'));
  return line === undefined ? null : (JSON.parse(line) as Evaluation);
}

function at(evaluation: Evaluation | null, k: number): number | null {
  const value = evaluation?.accuracy[k];
  return value === undefined ? null : round(value);
}

function round(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
