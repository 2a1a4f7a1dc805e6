// Where finished groups wait for the learner, and the one place that says how far ahead environments may run.
// Group i belongs to iteration floor(i / P). It is admitted once iteration floor(i / P) - K has been trained and its
// weights are live, so no token is ever more than K versions old when it is trained on, and nothing is thrown away.
// Keeps the ledger. Knows nothing of tasks, rewards or engines.
import { defineActor } from "../runtime/index.ts";
import { type Batch, type CreditedGroup, describeLag, makeBatch } from "./batch.ts";
import type { Group } from "./group.ts";
import { Ledger, type LedgerCounts, type LedgerState } from "./ledger.ts";

export interface RolloutBufferConfig {
  /** P: groups in an iteration. */
  promptsPerBatch: number;
  /** G: episodes in a group. */
  rolloutsPerPrompt: number;
  /** K: how many policy versions a token may be behind when it is trained on; 0 is strictly on-policy. */
  maxLag: number;
  /** How many iterations there will be; `setTotal` changes it. */
  iterations: number;
  /** How often the run has been resumed: part of every group's id, so that no two lives share one. */
  life: number;
  state?: RolloutBufferState;
}

/** Plain JSON, part of a checkpoint. Groups that were under way are cancelled by it. */
export interface RolloutBufferState {
  iteration: number;
  ledger: LedgerState;
}

/** Leave to run one group. */
export interface Ticket {
  /** Counts groups over the whole run; decides the iteration. */
  readonly groupIndex: number;
  /** `g<index>.<life>.<attempt>` */
  readonly groupId: string;
  readonly attempt: number;
}

/** What an environment hands in. */
export type FinishedGroup = CreditedGroup & Pick<Group, "mode">;

/** What the learner gets for one iteration. */
export interface Taken {
  readonly iteration: number;
  /** Null if no group of this iteration carries a gradient. */
  readonly batch: Batch | null;
  /** Of the batch's tokens, in policy versions. */
  readonly lag: { readonly mean: number; readonly max: number };
  readonly meanReward: number;
  /** Episodes of the iteration, trained on or not, and the tokens sampled in them. */
  readonly sampleCount: number;
  readonly tokenCount: number;
}

/** Numbers for the live view. */
export interface RolloutBufferReport {
  readonly iteration: number;
  readonly runningCount: number;
  readonly waitingCount: number;
  readonly ledger: LedgerCounts;
  readonly causes: Readonly<Record<string, number>>;
}

interface Slot {
  groupId: string;
  owner: string;
  attempt: number;
  finished: FinishedGroup | undefined;
}

/** So many iterations without one scored group are no bad luck. */
const maxBarrenIterations = 3;

export class RolloutBuffer {
  readonly #config: RolloutBufferConfig;
  readonly #ledger: Ledger;
  readonly #slots = new Map<number, Slot>();
  /** Indices whose environment was lost; they go out again first. */
  readonly #orphans: { groupIndex: number; attempt: number }[] = [];
  #iteration: number;
  #nextIndex: number;
  #total: number;
  #isClosed = false;
  #barrenCount = 0;
  /** In line for leave, oldest first. */
  #waiting: { owner: string; settle: (isLost: boolean) => void }[] = [];
  #waitingLearner: (() => void)[] = [];

  constructor(config: RolloutBufferConfig) {
    this.#config = config;
    this.#ledger = new Ledger(config.state?.ledger);
    this.#iteration = config.state?.iteration ?? 0;
    this.#nextIndex = this.#iteration * config.promptsPerBatch;
    this.#total = config.iterations;
  }

  /** Waits until one more group may run; null when none will. `owner` is whoever is lost if it never finishes. */
  async admit(owner: string): Promise<Ticket | null> {
    for (;;) {
      if (this.#isClosed) return null;
      const orphan = this.#orphans.shift();
      if (orphan) return this.#issue(orphan.groupIndex, orphan.attempt, owner);
      if (this.#nextIndex >= this.#total * this.#config.promptsPerBatch) {
        if (this.#iteration >= this.#total) return null;
      } else if (this.#nextIndex < this.#bound()) {
        this.#nextIndex += 1;
        return this.#issue(this.#nextIndex - 1, 0, owner);
      }
      const isLost = await new Promise<boolean>((settle) => this.#waiting.push({ owner, settle }));
      if (isLost) return null;
    }
  }

  /** Takes a finished group in. One that was given up meanwhile is not counted again. */
  finish(ticket: Ticket, group: FinishedGroup): void {
    const slot = this.#slots.get(ticket.groupIndex);
    if (!slot || slot.groupId !== ticket.groupId || slot.finished) return;
    slot.finished = group;
    const failedCount = group.rewards.filter((reward) => reward === null).length;
    this.#ledger.end(slot.groupId, "failed", failedCount, causeOf(group));
    if (group.verdict.kind === "failed") this.#ledger.endRest(slot.groupId, "failed", "too few scored");
    if (group.verdict.kind === "filtered") this.#ledger.endRest(slot.groupId, "filtered", group.verdict.cause);
    this.#wakeLearner();
  }

  /** An environment is gone: what it was working on ends as failed, and its places are given out again. */
  disown(owner: string): void {
    // First, those of its own that wait: a place given to the dead is never handed in.
    for (const { settle } of this.#waiting.filter((waiting) => waiting.owner === owner)) settle(true);
    this.#waiting = this.#waiting.filter((waiting) => waiting.owner !== owner);
    for (const [groupIndex, slot] of this.#slots) {
      if (slot.owner !== owner || slot.finished) continue;
      this.#ledger.endRest(slot.groupId, "failed", "environment lost");
      this.#slots.delete(groupIndex);
      this.#orphans.push({ groupIndex, attempt: slot.attempt + 1 });
    }
    this.#wakeWaiting();
  }

  /**
   * Waits for the groups of the next iteration and lays those that carry a gradient end to end.
   * @param version the policy version that is about to be updated: lag is counted from it
   * @throws RangeError when nothing could be scored for three iterations, with the causes
   */
  async take(version: number): Promise<Taken> {
    const { promptsPerBatch, maxLag } = this.#config;
    const first = this.#iteration * promptsPerBatch;
    const indices = Array.from({ length: promptsPerBatch }, (_, at) => first + at);
    while (!indices.every((index) => this.#slots.get(index)?.finished)) {
      if (this.#isClosed) throw new RangeError("the rollout buffer was closed while the learner waited.");
      await new Promise<void>((resolve) => this.#waitingLearner.push(resolve));
    }
    const slots = indices.map((index) => this.#slots.get(index)!);
    this.#checkBarren(slots);
    const trainable = slots.filter(({ finished, groupId }) => {
      if (finished!.verdict.kind !== "trainable") return false;
      const isStale = finished!.rollouts.some(
        (rollout) => rollout.failure === undefined && describeLag(rollout, version).max > maxLag,
      );
      if (isStale) this.#ledger.endRest(groupId, "stale");
      return !isStale;
    });
    const groups = trainable.map(({ finished }) => finished!);
    const batch = groups.length === 0 ? null : makeBatch(`i${this.#iteration}.${this.#config.life}`, groups);
    const lag = batch ? describeLag(batch, version) : { mean: 0, max: 0 };
    const rewards = slots.flatMap(({ finished }) => finished!.rewards.filter((reward) => reward !== null));
    return {
      iteration: this.#iteration,
      batch,
      lag: { mean: orZero(lag.mean), max: orZero(lag.max) },
      meanReward: rewards.reduce((sum, reward) => sum + reward, 0) / Math.max(1, rewards.length),
      sampleCount: slots.reduce((sum, { finished }) => sum + finished!.rollouts.length, 0),
      tokenCount: slots.reduce((sum, { finished }) => sum + sampledCountOf(finished!), 0),
    };
  }

  /** The iteration's update is done and its weights are live: the next groups may be admitted. */
  trained(iteration: number): void {
    if (iteration !== this.#iteration) return; // told twice: the answer to the first telling was lost
    const { promptsPerBatch } = this.#config;
    for (let index = iteration * promptsPerBatch; index < (iteration + 1) * promptsPerBatch; index += 1) {
      const slot = this.#slots.get(index);
      if (slot) this.#ledger.endRest(slot.groupId, "trained");
      this.#slots.delete(index);
    }
    this.#iteration += 1;
    this.#wakeWaiting();
  }

  /** The run shall have this many iterations; never fewer than have been admitted to. */
  setTotal(iterations: number): number {
    const begun = Math.ceil(this.#nextIndex / this.#config.promptsPerBatch);
    this.#total = Math.max(iterations, begun);
    this.#wakeWaiting();
    return this.#total;
  }

  /** No more groups: whoever waits for leave is sent home, what is under way is cancelled. */
  close(): LedgerCounts {
    this.#isClosed = true;
    this.#ledger.endAll("cancelled");
    this.#slots.clear();
    this.#wakeWaiting();
    this.#wakeLearner();
    return this.#ledger.counts;
  }

  save(): RolloutBufferState {
    return { iteration: this.#iteration, ledger: this.#ledger.save() };
  }

  report(): RolloutBufferReport {
    const slots = [...this.#slots.values()];
    const waitingCount = slots.filter(({ finished }) => finished).length;
    const { counts, causes } = this.#ledger.save();
    return {
      iteration: this.#iteration,
      runningCount: slots.length - waitingCount,
      waitingCount,
      ledger: counts,
      causes,
    };
  }

  /** The first group that may not be admitted yet (async-rl 1.6, N1: by capacity, not by dropping). */
  #bound(): number {
    const { promptsPerBatch, maxLag } = this.#config;
    return (this.#iteration + maxLag + 1) * promptsPerBatch;
  }

  #issue(groupIndex: number, attempt: number, owner: string): Ticket {
    const groupId = `g${groupIndex}.${this.#config.life}.${attempt}`;
    this.#ledger.admit(groupId, this.#config.rolloutsPerPrompt);
    this.#slots.set(groupIndex, { groupId, owner, attempt, finished: undefined });
    return { groupIndex, groupId, attempt };
  }

  #checkBarren(slots: readonly Slot[]): void {
    const isBarren = slots.every(({ finished }) => finished!.verdict.kind === "failed");
    this.#barrenCount = isBarren ? this.#barrenCount + 1 : 0;
    if (this.#barrenCount < maxBarrenIterations) return;
    const failure = slots.flatMap(({ finished }) => finished!.rollouts.map((rollout) => rollout.failure)).find(Boolean);
    throw new RangeError(
      `no episode could be scored for ${this.#barrenCount} iterations — last: ${failure?.cause}: ${failure?.message} — ` +
        "mend that, then resume.",
    );
  }

  #wakeWaiting(): void {
    for (const { settle } of this.#waiting.splice(0)) settle(false);
  }

  #wakeLearner(): void {
    for (const wake of this.#waitingLearner.splice(0)) wake();
  }
}

export const RolloutBufferActor = defineActor(import.meta.url, RolloutBuffer, {
  concurrency: Number.POSITIVE_INFINITY, // whoever waits for leave must not keep others from handing in
});

function causeOf({ rollouts }: FinishedGroup): string {
  return rollouts.find(({ failure }) => failure)?.failure?.cause ?? "unscored";
}

function sampledCountOf({ rollouts }: FinishedGroup): number {
  return rollouts.reduce((sum, { mask }) => sum + mask.reduce((count, bit) => count + bit, 0), 0);
}

function orZero(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
