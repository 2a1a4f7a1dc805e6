// The face of the learner: takes an iteration's batch, asks for one update, has the new weights given out, and says so.
// The loop that the whole program turns around. What the learner computes is its own affair; it lives in Python.
// A learner that dies is brought back to exactly where it was: its last checkpoint and the batches since, in order.
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { defineActor, type Handle, isActorError } from "../runtime/index.ts";
import type { Batch } from "./batch.ts";
import type { ChainRecord, Evaluation, Evaluator } from "./evaluator.ts";
import type { CurriculumState } from "./exit/index.ts";
import type { InferenceProxy, WeightManifest } from "./inference-proxy.ts";
import { decideLength, type PaceOptions } from "./pace.ts";
import type { RolloutBuffer, RolloutBufferState, Taken } from "./rollout-buffer.ts";
import type { RunLog } from "./run-log.ts";
import type { TaskBuffer } from "./task-buffer.ts";

/** The learner in Python, in its own spelling. */
export interface LearnerActor {
  /** One update; refused if the learner does not stand at `base_version`. */
  update(batch: Record<string, unknown>, baseVersion: number): LearnerReport;
  /** Writes the weights where engines find them. */
  publish(): WeightManifest;
  save(folder: string, extra: CheckpointExtra): void;
  restore(folder: string): { version: number; extra: CheckpointExtra };
  describe(): Record<string, unknown>;
  status(): Record<string, unknown>;
}

/** `version` is where the learner stands afterwards; everything else that is a number is a metric. */
export interface LearnerReport extends Record<string, unknown> {
  version: number;
}

/** The learning program's own part of a checkpoint. */
export interface CheckpointExtra {
  iteration: number;
  version: number;
  /** Seconds of training before this checkpoint, over all lives. */
  wall_s: number;
  curriculum: CurriculumState;
  rollouts: RolloutBufferState;
}

export interface LearnerProxyConfig {
  /** `runs/<name>`. */
  folder: string;
  iterations: number;
  /** Fits the length of the run to the machine; null to do exactly `iterations`. */
  pace: PaceOptions | null;
  /** Iterations between evaluations; 0 for first and last only. */
  evaluateEvery: number;
  /** Iterations between checkpoints. */
  checkpointEvery: number;
  /** One update of a large batch, in milliseconds. */
  updateDeadlineMs: number;
  /** A checkpoint to begin from; null for the model as it is. */
  resumeFrom: string | null;
}

export interface LearnerProxyCast {
  learner: Handle<LearnerActor>;
  rollouts: Handle<RolloutBuffer>;
  tasks: Handle<TaskBuffer>;
  inference: Handle<InferenceProxy>;
  evaluator: Handle<Evaluator>;
  log: Handle<RunLog>;
}

/** How a run ended. */
export interface RunEnd {
  iterations: number;
  version: number;
  wall_s: number;
  /** Asked to end before its plan was done; it can be resumed. */
  isUnfinished: boolean;
  lag: { mean: number; max: number };
  first: Evaluation | null;
  last: Evaluation | null;
  chains: { first: ChainRecord[]; last: ChainRecord[] };
  /** Seconds by what the learner's loop did. */
  time: Record<"wait" | "update" | "publish" | "checkpoint", number>;
  firstUpdate_s: number | null;
}

/** The speed is believed after so many iterations: the first ones warm caches up. */
const paceAfter = 6;
/** A learner that cannot be brought back so often will not come back. */
const maxRecoveries = 3;

export class LearnerProxy {
  readonly #config: LearnerProxyConfig;
  readonly #cast: LearnerProxyCast;
  readonly #learner: Handle<LearnerActor>;
  #iteration = 0;
  #version = 0;
  #total: number;
  #checkpoint: string | null;
  /** Batches since the checkpoint: what a learner that died has to be told again. */
  #sinceCheckpoint: Batch[] = [];
  #wallBefore_s = 0;
  #beganMs = 0;
  #isFinishing = false;
  #evaluating: Promise<void> | undefined;
  #evaluations: { evaluation: Evaluation; chains: ChainRecord[] }[] = [];
  #evaluationMs = 0;
  #lag = { weighted: 0, tokens: 0, max: 0 };
  #time = { wait: 0, update: 0, publish: 0, checkpoint: 0 };
  #firstUpdate_s: number | null = null;

  constructor(config: LearnerProxyConfig, cast: LearnerProxyCast) {
    this.#config = config;
    this.#cast = cast;
    this.#learner = cast.learner.with({ deadlineMs: config.updateDeadlineMs });
    this.#total = config.iterations;
    this.#checkpoint = config.resumeFrom;
  }

  /** The learner has its checkpoint and every engine its weights: from here on environments may begin. */
  async prepare(): Promise<void> {
    if (this.#config.resumeFrom !== null) {
      const { version, extra } = await this.#learner.with({ deadlineMs: null }).restore(this.#config.resumeFrom);
      this.#version = version;
      this.#iteration = extra.iteration;
      this.#wallBefore_s = extra.wall_s;
    }
    await this.#publish();
  }

  /** Trains until the plan is done or `finish` is called; evaluates first and last. */
  async run(): Promise<RunEnd> {
    this.#beganMs = performance.now();
    await this.#evaluate();
    try {
      while (this.#iteration < this.#total && !this.#isFinishing) await this.#iterate();
    } catch (error) {
      if (!this.#isFinishing) throw error; // the buffer was closed under a waiting learner: that is how finishing begins
    }
    const isUnfinished = this.#iteration < this.#total;
    await this.#save();
    await this.#evaluating;
    if (!isUnfinished) await this.#evaluate({ isLast: true });
    await this.#evaluating;
    await this.#cast.log.close();
    return this.#end(isUnfinished);
  }

  /** Ends the run in order after the update under way: checkpoint, no last evaluation. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    await this.#cast.rollouts.close();
  }

  progress(): { iteration: number; iterations: number; version: number; wall_s: number } {
    return { iteration: this.#iteration, iterations: this.#total, version: this.#version, wall_s: this.#wall_s() };
  }

  async #iterate(): Promise<void> {
    const { rollouts, tasks } = this.#cast;
    const startMs = performance.now();
    const taken = (await rollouts.with({ deadlineMs: null }).take(this.#version)) as Taken;
    const takenMs = performance.now();
    const report = taken.batch ? await this.#update(taken.batch) : {};
    const updatedMs = performance.now();
    if (taken.batch) await this.#publish();
    const publishedMs = performance.now();
    await rollouts.trained(taken.iteration);
    this.#iteration += 1;
    await tasks.advanceTo(this.#iteration);
    const isCheckpointDue = this.#iteration % this.#config.checkpointEvery === 0;
    if (isCheckpointDue) await this.#save();
    const doneMs = performance.now();
    const time = {
      wait_s: (takenMs - startMs) / 1000,
      update_s: (updatedMs - takenMs) / 1000,
      publish_s: (publishedMs - updatedMs) / 1000,
      checkpoint_s: (doneMs - publishedMs) / 1000,
    };
    await this.#tell(taken, report, time, doneMs - startMs);
    await this.#keepPace();
    if (this.#config.evaluateEvery > 0 && this.#iteration % this.#config.evaluateEvery === 0) await this.#evaluate();
  }

  async #update(batch: Batch): Promise<Record<string, unknown>> {
    for (let recovery = 0; ; recovery += 1) {
      try {
        const report = await this.#learner.update(toPython(batch), this.#version);
        this.#version = report.version;
        this.#sinceCheckpoint.push(batch);
        this.#firstUpdate_s ??= this.#wall_s();
        return report;
      } catch (error) {
        if (recovery === maxRecoveries || !isLostLearner(error)) throw error;
        await this.#recover();
      }
    }
  }

  /** Brings a learner that began a new life to where the old one stood, update by update. */
  async #recover(): Promise<void> {
    await this.#notice(`the learner was lost; it is brought back to version ${this.#version}`);
    const learner = this.#learner.with({ deadlineMs: null });
    await learner.describe(); // answered once it lives again
    let version = 0;
    if (this.#checkpoint !== null) version = (await learner.restore(this.#checkpoint)).version;
    for (const batch of this.#sinceCheckpoint) version = (await learner.update(toPython(batch), version)).version;
    if (version !== this.#version) {
      throw new RangeError(
        `the learner came back at version ${version}, not ${this.#version}. Resume from a checkpoint.`,
      );
    }
  }

  async #publish(): Promise<void> {
    let manifest: WeightManifest;
    try {
      manifest = await this.#learner.publish();
    } catch (error) {
      if (!isLostLearner(error)) throw error;
      await this.#recover();
      manifest = await this.#learner.publish();
    }
    if (manifest.version !== this.#version) {
      await this.#recover(); // it died idle and came back as it was at first
      manifest = await this.#learner.publish();
    }
    await this.#cast.inference.with({ deadlineMs: null }).publish(manifest);
  }

  async #save(): Promise<void> {
    const { folder } = this.#config;
    const path = join(folder, "checkpoints", String(this.#iteration).padStart(6, "0"));
    if (path === this.#checkpoint) return; // nothing has happened since
    const extra: CheckpointExtra = {
      iteration: this.#iteration,
      version: this.#version,
      wall_s: this.#wall_s(),
      curriculum: await this.#cast.tasks.save(),
      rollouts: await this.#cast.rollouts.save(),
    };
    try {
      await this.#learner.with({ deadlineMs: null }).save(path, extra);
    } catch (error) {
      if (!isLostLearner(error)) throw error;
      await this.#recover();
      await this.#learner.with({ deadlineMs: null }).save(path, extra);
    }
    this.#checkpoint = path;
    this.#sinceCheckpoint = [];
  }

  /** Pins the present version and measures it while training goes on; one at a time, the last one in any case. */
  async #evaluate({ isLast = false } = {}): Promise<void> {
    if (this.#evaluating && !isLast) return;
    await this.#evaluating;
    const version = this.#version;
    if (this.#evaluations.at(-1)?.evaluation.version === version) return; // known already
    const iteration = this.#iteration;
    const { inference, evaluator, log } = this.#cast;
    await inference.with({ deadlineMs: null }).pin(version);
    this.#evaluating = (async () => {
      const beganMs = performance.now();
      try {
        const measure = () => evaluator.with({ deadlineMs: null }).evaluate(version);
        // An engine that died has lost what was pinned; at the end of the run it is given the same weights again.
        const result = await measure().catch(async (error: Error) => {
          if (!isLast) throw error;
          await this.#notice(`the last evaluation is done again: ${error.message}`);
          await inference.with({ deadlineMs: null }).pin(version);
          return measure();
        });
        this.#evaluations.push(result);
        this.#evaluationMs = performance.now() - beganMs;
        await log.add({ kind: "evaluation", iteration, at_s: this.#wall_s(), ...result.evaluation });
        await this.#keepChains(iteration, result.chains);
      } catch (error) {
        if (isLast) throw error;
        await this.#notice(`the evaluation of version ${version} was lost: ${(error as Error).message}`);
      } finally {
        await inference.unpin(version).catch(() => {}); // an engine that died has forgotten it anyway
        this.#evaluating = undefined;
      }
    })();
    this.#evaluating.catch(() => {}); // awaited at the end of the run
  }

  async #keepChains(iteration: number, chains: readonly ChainRecord[]): Promise<void> {
    const lines = chains.map((chain) => `${JSON.stringify({ iteration, ...chain })}\n`);
    await appendFile(join(this.#config.folder, "evaluations.jsonl"), lines.join(""));
  }

  async #keepPace(): Promise<void> {
    const { pace, evaluateEvery } = this.#config;
    if (!pace || this.#iteration !== paceAfter || this.#wallBefore_s > 0) return;
    const elapsedMs = performance.now() - this.#beganMs;
    const evaluationsLeft = 1 + (evaluateEvery > 0 ? Math.floor(pace.planned / evaluateEvery) : 0);
    const decision = decideLength(pace, {
      doneCount: this.#iteration,
      elapsedMs,
      iterationMs: elapsedMs / this.#iteration,
      evaluationMs: this.#evaluationMs,
      evaluationsLeft,
    });
    if (!decision.notice) return;
    this.#total = await this.#cast.rollouts.setTotal(decision.iterations);
    await this.#notice(decision.notice);
  }

  async #tell(taken: Taken, report: Record<string, unknown>, time: TimeShares, iterationMs: number): Promise<void> {
    const { rollouts, tasks, log } = this.#cast;
    const [buffer, curriculum] = await Promise.all([rollouts.report(), tasks.report()]);
    const numbers = Object.entries(report).filter((entry): entry is [string, number] => typeof entry[1] === "number");
    this.#lag.weighted += taken.lag.mean * taken.tokenCount;
    this.#lag.tokens += taken.tokenCount;
    this.#lag.max = Math.max(this.#lag.max, taken.lag.max);
    this.#time.wait += time.wait_s;
    this.#time.update += time.update_s;
    this.#time.publish += time.publish_s;
    this.#time.checkpoint += time.checkpoint_s;
    await log.add({
      kind: "iteration",
      iteration: this.#iteration,
      iterations: this.#total,
      version: this.#version,
      wall_s: this.#wall_s(),
      time,
      samplesPerSecond: (taken.sampleCount * 1000) / iterationMs,
      meanReward: taken.meanReward,
      lag: taken.lag,
      learner: Object.fromEntries(numbers),
      trainedCount: taken.batch?.lengths.length ?? 0,
      queue: { runningCount: buffer.runningCount, waitingCount: buffer.waitingCount },
      ledger: buffer.ledger,
      curriculum,
    });
  }

  async #notice(text: string): Promise<void> {
    await this.#cast.log.add({ kind: "notice", at_s: this.#wall_s(), text });
  }

  #end(isUnfinished: boolean): RunEnd {
    const [first, last] = [this.#evaluations.at(0), this.#evaluations.at(-1)];
    return {
      iterations: this.#iteration,
      version: this.#version,
      wall_s: this.#wall_s(),
      isUnfinished,
      lag: { mean: this.#lag.weighted / Math.max(1, this.#lag.tokens), max: this.#lag.max },
      first: first?.evaluation ?? null,
      last: last?.evaluation ?? null,
      chains: { first: first?.chains ?? [], last: last?.chains ?? [] },
      time: { ...this.#time },
      firstUpdate_s: this.#firstUpdate_s,
    };
  }

  #wall_s(): number {
    return this.#wallBefore_s + (this.#beganMs === 0 ? 0 : (performance.now() - this.#beganMs) / 1000);
  }
}

export const LearnerProxyActor = defineActor(import.meta.url, LearnerProxy, { concurrency: Number.POSITIVE_INFINITY });

type TimeShares = { wait_s: number; update_s: number; publish_s: number; checkpoint_s: number };

/** The learner's process is gone, or another one stands in its place that knows nothing of ours. */
function isLostLearner(error: unknown): boolean {
  return (
    isActorError(error, "actor_down") || (isActorError(error, "method_threw") && /version_mismatch/.test(error.message))
  );
}

/** A copy: arrays that go into a call are given away, and a batch is kept for a learner that has to be told it again. */
function toPython(batch: Batch): Record<string, unknown> {
  return structuredClone({
    batch_id: batch.batchId,
    ids: batch.ids,
    mask: batch.mask,
    behaviour_logprobs: batch.behaviourLogprobs,
    advantages: batch.advantages,
    versions: batch.versions,
    lengths: batch.lengths,
    prompt_lengths: batch.promptLengths,
    rollout_ids: batch.rolloutIds,
    prompt_hashes: batch.promptHashes,
  });
}
