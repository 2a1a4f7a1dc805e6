// A batch: trainable groups as flat per-token streams, the only thing a learner is ever given.
// Pure. Knows shapes and policy versions; knows neither tasks, rewards nor environments, and nor does its reader.
// Last in the flow on this side: what is made here goes over the wire as raw arrays.
import type { Group } from "./group.ts";
import { NO_VERSION } from "./rollout.ts";

/**
 * One wire batch. R rollouts laid end to end make T tokens; rollout i takes the next `lengths[i]` of them.
 * Where mask is 0, logprobs and advantages are 0 and versions are -1.
 */
export interface Batch {
  readonly batchId: string;
  /** [T] int32, prompts and observations included. */
  readonly ids: Int32Array;
  /** [T] 1 where the token is trained on. */
  readonly mask: Uint8Array;
  /** [T] float32: log-probability under the policy that sampled. */
  readonly behaviourLogprobs: Float32Array;
  /** [T] float32: constant within a rollout. */
  readonly advantages: Float32Array;
  /** [T] int32: policy version that sampled. */
  readonly versions: Int32Array;
  /** [R] int32, sums to T. */
  readonly lengths: Int32Array;
  /** [R] int32, at least 1 each. */
  readonly promptLengths: Int32Array;
  /** [R] all different. */
  readonly rolloutIds: readonly string[];
  /** [R] `hashPrompt` of each prompt, for the learner to compare. */
  readonly promptHashes: readonly string[];
}

/** What a batch is made of: a group without what the learner must not see. */
export type CreditedGroup = Pick<Group, "rollouts" | "verdict" | "rewards" | "advantages" | "isMasked">;

/**
 * Lays groups end to end, in order. Failed rollouts are left out. Masked rollouts stay, with a mask of zeros, because
 * a learner that averages over rollouts counts them (3.6).
 * @throws RangeError if a group is not trainable, or if what comes out is not a batch
 */
export function makeBatch(batchId: string, groups: readonly CreditedGroup[]): Batch {
  const rows = groups.flatMap((group, groupIndex) => {
    if (group.verdict.kind !== "trainable") {
      throw broken(batchId, `group ${groupIndex} is ${group.verdict.kind}`, "batch trainable groups only");
    }
    return group.rollouts.flatMap((rollout, index) =>
      group.rewards[index] === null
        ? []
        : [{ rollout, advantage: group.advantages[index]!, isMasked: group.isMasked[index]! }],
    );
  });
  const tokenCount = rows.reduce((sum, { rollout }) => sum + rollout.ids.length, 0);
  const batch: Batch = {
    batchId,
    ids: new Int32Array(tokenCount),
    mask: new Uint8Array(tokenCount),
    behaviourLogprobs: new Float32Array(tokenCount),
    advantages: new Float32Array(tokenCount),
    versions: new Int32Array(tokenCount).fill(NO_VERSION),
    lengths: Int32Array.from(rows, ({ rollout }) => rollout.ids.length),
    promptLengths: Int32Array.from(rows, ({ rollout }) => rollout.promptIds.length),
    rolloutIds: rows.map(({ rollout }) => rollout.id),
    promptHashes: rows.map(({ rollout }) => rollout.promptHash),
  };
  let offset = 0;
  for (const { rollout, advantage, isMasked } of rows) {
    batch.ids.set(rollout.ids, offset);
    rollout.mask.forEach((isSampled, index) => {
      if (isSampled === 0 || isMasked) return;
      batch.mask[offset + index] = 1;
      batch.behaviourLogprobs[offset + index] = rollout.logprobs[index]!;
      batch.advantages[offset + index] = advantage;
      batch.versions[offset + index] = rollout.versions[index]!;
    });
    offset += rollout.ids.length;
  }
  checkBatch(batch);
  return batch;
}

/**
 * Checks every statement of `Batch`.
 * @throws RangeError naming the batch and the first statement that does not hold
 */
export function checkBatch(batch: Batch): void {
  const { batchId, lengths, promptLengths, rolloutIds, promptHashes } = batch;
  const [tokenCount, rolloutCount] = [batch.ids.length, lengths.length];
  const need = (isRight: boolean, what: string, cure: string) => {
    if (!isRight) throw broken(batchId, what, cure);
  };
  for (const name of ["mask", "behaviourLogprobs", "advantages", "versions"] as const) {
    need(batch[name].length === tokenCount, `${name} has ${batch[name].length} of ${tokenCount} tokens`, "give it all");
  }
  for (const [name, list] of Object.entries({ promptLengths, rolloutIds, promptHashes })) {
    need(list.length === rolloutCount, `${name} has ${list.length} of ${rolloutCount} rollouts`, "give it all");
  }
  const sum = lengths.reduce((total, length) => total + length, 0);
  need(sum === tokenCount, `its lengths sum to ${sum}, not to ${tokenCount} tokens`, "lay rollouts end to end");
  need(rolloutCount > 0, "it has no rollout", "wait until a group can be trained on");
  need(new Set(rolloutIds).size === rolloutCount, "a rollout is in it twice", "batch every rollout once");
  let offset = 0;
  for (let rollout = 0; rollout < rolloutCount; rollout += 1) {
    checkRow(batch, rollout, offset);
    offset += lengths[rollout]!;
  }
}

function checkRow(batch: Batch, rollout: number, offset: number): void {
  const [length, promptLength] = [batch.lengths[rollout]!, batch.promptLengths[rollout]!];
  const where = `rollout ${batch.rolloutIds[rollout]}`;
  if (promptLength < 1 || promptLength > length) {
    throw broken(
      batch.batchId,
      `${where} has ${promptLength} prompt tokens of ${length}`,
      "count from 1 to its length",
    );
  }
  for (let index = 0; index < length; index += 1) {
    const token = offset + index;
    const isTrained = batch.mask[token] === 1;
    const values = [batch.behaviourLogprobs[token]!, batch.advantages[token]!, batch.versions[token]!];
    const isRight = isTrained
      ? index >= promptLength && values.every(Number.isFinite) && values[2]! >= 0
      : batch.mask[token] === 0 && values[0] === 0 && values[1] === 0 && values[2] === NO_VERSION;
    if (!isRight) {
      throw broken(
        batch.batchId,
        `token ${index} of ${where} has mask ${batch.mask[token]} with logprob, advantage, version ${values.join(", ")}`,
        "mask sampled tokens only, each with a finite logprob, advantage and a version, and leave 0, 0, -1 elsewhere",
      );
    }
  }
}

/** How old tokens are, in policy versions between sampling and use. */
export interface LagStatistics {
  readonly tokenCount: number;
  /** NaN where nothing is masked in. */
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** Tokens by lag: `counts[lag]`. */
  readonly counts: readonly number[];
}

/**
 * Lag of a batch's or a rollout's tokens: version now minus version sampled, over tokens with mask 1.
 * @param versionNow the version the tokens are about to update: the number of updates applied so far
 * @throws RangeError if a token claims to come from a later version
 */
export function describeLag({ versions, mask }: Pick<Batch, "versions" | "mask">, versionNow: number): LagStatistics {
  const counts: number[] = [];
  let [tokenCount, sum, min, max] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  versions.forEach((version, token) => {
    if (mask[token] === 0) return;
    const lag = versionNow - version;
    if (lag < 0) {
      throw new RangeError(
        `token ${token} was sampled by version ${version}, which is later than ${versionNow} — in describeLag — ` +
          "count versions as updates applied, on one counter.",
      );
    }
    while (counts.length <= lag) counts.push(0);
    counts[lag]! += 1;
    tokenCount += 1;
    sum += lag;
    min = Math.min(min, lag);
    max = Math.max(max, lag);
  });
  if (tokenCount === 0) return { tokenCount, mean: Number.NaN, min: Number.NaN, max: Number.NaN, counts };
  return { tokenCount, mean: sum / tokenCount, min, max, counts };
}

function broken(batchId: string, what: string, cure: string): RangeError {
  return new RangeError(`${what} — batch ${batchId} — ${cure}.`);
}
