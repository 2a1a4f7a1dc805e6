import fc from "fast-check";
import { expect, test } from "vitest";
import { type Batch, checkBatch, describeLag, makeBatch } from "../../actors/batch.ts";
import { DEFAULT_OPTIONS } from "../../actors/exit/index.ts";
import { assessGroup, type Group } from "../../actors/group.ts";
import { type Finish, NO_VERSION, type Rollout, RolloutDraft } from "../../actors/rollout.ts";

const options = { ...DEFAULT_OPTIONS, overlongFilter: true };
const assess = (rollouts: Rollout[]) => assessGroup({ mode: "base", prevQuality: null }, rollouts, options);

/** A rollout of the given prompt length whose responses have the given lengths, each followed by an observation. */
function rollout(id: string, quality: number, promptLength: number, responses: number[], finish: Finish = "stop") {
  const draft = new RolloutDraft(
    id,
    Int32Array.from({ length: promptLength }, (_, index) => index),
  );
  responses.forEach((length, turn) => {
    draft.appendSampled(`turn ${turn}`, {
      ids: Int32Array.from({ length }, (_, index) => 100 + index),
      logprobs: new Float32Array(length).fill(-0.5 - turn),
      versionSpans: [[0, length, turn + 2]],
    });
    draft.appendObserved(Int32Array.of(50));
  });
  return draft.finish({ text: "", finish, quality });
}

const failedRollout = () => new RolloutDraft("failed", Int32Array.of(1)).fail({ cause: "env", message: "it broke" });
const pair = () => assess([rollout("a", 1, 2, [2]), rollout("b", 0, 1, [1, 1])]);

test("groups are laid end to end, with credit on sampled tokens and nothing elsewhere", () => {
  const batch = makeBatch("batch 1", [pair()]);
  expect(batch).toEqual({
    batchId: "batch 1",
    ids: Int32Array.of(0, 1, 100, 101, 50, 0, 100, 50, 100, 50),
    mask: Uint8Array.of(0, 0, 1, 1, 0, 0, 1, 0, 1, 0),
    behaviourLogprobs: Float32Array.of(0, 0, -0.5, -0.5, 0, 0, -0.5, 0, -1.5, 0),
    advantages: Float32Array.of(0, 0, 1, 1, 0, 0, -1, 0, -1, 0),
    versions: Int32Array.of(-1, -1, 2, 2, -1, -1, 2, -1, 3, -1),
    lengths: Int32Array.of(5, 5),
    promptLengths: Int32Array.of(2, 1),
    rolloutIds: ["a", "b"],
    promptHashes: pair().rollouts.map(({ promptHash }) => promptHash),
  });
});

test("a rollout masked as overlong stays in the batch without a trained token", () => {
  const batch = makeBatch("b", [assess([rollout("a", 1, 1, [2]), rollout("b", 0, 1, [3], "length")])]);
  expect(batch.rolloutIds).toEqual(["a", "b"]);
  expect([...batch.mask]).toEqual([0, 1, 1, 0, 0, 0, 0, 0, 0]);
  expect([...batch.versions.subarray(4)]).toEqual(new Array(5).fill(NO_VERSION));
});

test("failed rollouts are left out", () => {
  const batch = makeBatch("b", [assess([rollout("a", 1, 1, [2]), failedRollout(), rollout("b", 0, 1, [1])])]);
  expect(batch.rolloutIds).toEqual(["a", "b"]);
});

test("a sentinel where nothing was sampled never reaches the learner", () => {
  const poisoned = [rollout("a", 1, 2, [2]), rollout("b", 0, 1, [1, 1])].map((each) => ({
    ...each,
    logprobs: each.logprobs.map((value, index) => (each.mask[index] === 1 ? value : Number.NaN)),
  }));
  expect(makeBatch("batch 1", [assess(poisoned)])).toEqual(makeBatch("batch 1", [pair()]));
});

test("a group that is not trainable, and a batch of nothing, are refused", () => {
  const filtered = assess([rollout("a", 1, 1, [1]), rollout("b", 1, 1, [1])]);
  expect(() => makeBatch("b", [filtered])).toThrow("group 0 is filtered — batch b — batch trainable groups only.");
  expect(() => makeBatch("b", [])).toThrow("it has no rollout — batch b — wait until a group can be trained on.");
  expect(() => makeBatch("b", [pair(), pair()])).toThrow(
    "a rollout is in it twice — batch b — batch every rollout once.",
  );
});

const shape = fc.record({
  promptLength: fc.integer({ min: 1, max: 6 }),
  responses: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 }),
  quality: fc.constantFrom(0, 0.5, 1),
  isCut: fc.boolean(),
  isFailed: fc.boolean(),
});

function groupOf(shapes: (typeof shape extends fc.Arbitrary<infer Shape> ? Shape : never)[], name: number): Group {
  return assess(
    shapes.map(({ promptLength, responses, quality, isCut, isFailed }, index) =>
      isFailed
        ? failedRollout()
        : rollout(`${name}.${index}`, quality, promptLength, responses, isCut ? "length" : "stop"),
    ),
  );
}

test("cutting a batch at its lengths gives back every rollout's tokens, and each token its rollout's credit", () => {
  const groupShapes = fc.array(fc.array(shape, { minLength: 2, maxLength: 5 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(groupShapes, (list) => {
      const groups = list.map(groupOf).filter(({ verdict }) => verdict.kind === "trainable");
      fc.pre(groups.length > 0);
      const batch = makeBatch("b", groups);
      const rows = groups.flatMap((group) =>
        group.rollouts.flatMap((each, index) => (each.failure ? [] : [{ each, group, index }])),
      );
      expect(batch.rolloutIds).toEqual(rows.map(({ each }) => each.id));
      let offset = 0;
      rows.forEach(({ each, group, index }, row) => {
        expect(batch.lengths[row]).toBe(each.ids.length);
        each.ids.forEach((id, position) => {
          const token = offset + position;
          const isTrained = each.mask[position] === 1 && !group.isMasked[index];
          expect([batch.ids[token], batch.mask[token], batch.advantages[token]]).toEqual([
            id,
            isTrained ? 1 : 0,
            isTrained ? Math.fround(group.advantages[index]!) : 0,
          ]);
          if (isTrained) {
            expect([batch.behaviourLogprobs[token], batch.versions[token]]).toEqual([
              each.logprobs[position],
              each.versions[position],
            ]);
          }
        });
        offset += each.ids.length;
      });
      expect(offset).toBe(batch.ids.length);
    }),
  );
});

test.each<[string, (batch: Batch) => Partial<Batch>, string]>([
  ["a short mask", () => ({ mask: new Uint8Array(9) }), "mask has 9 of 10 tokens"],
  ["short versions", () => ({ versions: new Int32Array(1) }), "versions has 1 of 10 tokens"],
  ["a missing hash", () => ({ promptHashes: ["x"] }), "promptHashes has 1 of 2 rollouts"],
  ["wrong lengths", () => ({ lengths: Int32Array.of(5, 4) }), "its lengths sum to 9, not to 10 tokens"],
  ["a repeated rollout", () => ({ rolloutIds: ["a", "a"] }), "a rollout is in it twice"],
  ["no prompt", () => ({ promptLengths: Int32Array.of(0, 1) }), "rollout a has 0 prompt tokens of 5"],
  ["a trained prompt token", () => ({ promptLengths: Int32Array.of(3, 1) }), "token 2 of rollout a has mask 1"],
  [
    "a NaN logprob",
    ({ behaviourLogprobs }) => ({ behaviourLogprobs: put(behaviourLogprobs, 2, Number.NaN) }),
    "token 2 of rollout a has mask 1 with logprob, advantage, version NaN, 1, 2",
  ],
  ["a NaN advantage", ({ advantages }) => ({ advantages: put(advantages, 3, Number.NaN) }), "token 3 of rollout a"],
  ["a trained token without version", ({ versions }) => ({ versions: put(versions, 8, -1) }), "token 3 of rollout b"],
  [
    "credit on an observation",
    ({ advantages }) => ({ advantages: put(advantages, 4, 1) }),
    "token 4 of rollout a has mask 0",
  ],
  ["a mask of 2", ({ mask }) => ({ mask: put(mask, 4, 2) }), "token 4 of rollout a has mask 2"],
])("a batch with %s is refused", (_, change, what) => {
  const batch = makeBatch("batch 1", [pair()]);
  expect(() => checkBatch({ ...batch, ...change(batch) })).toThrow(what);
});

function put<Tokens extends Float32Array | Int32Array | Uint8Array>(tokens: Tokens, index: number, value: number) {
  const changed = tokens.slice() as Tokens;
  changed[index] = value;
  return changed;
}

test("lag is counted in versions over trained tokens alone", () => {
  const batch = makeBatch("b", [pair()]);
  expect(describeLag(batch, 3)).toEqual({ tokenCount: 4, mean: 0.75, min: 0, max: 1, counts: [1, 3] });
  expect(describeLag(rollout("a", 1, 1, [1, 1]), 5)).toMatchObject({ mean: 2.5, counts: [0, 0, 1, 1] });
});

test("strictly on-policy tokens have lag exactly 0, and nothing trained has no lag at all", () => {
  expect(describeLag(rollout("a", 1, 1, [4]), 2)).toEqual({ tokenCount: 4, mean: 0, min: 0, max: 0, counts: [4] });
  expect(describeLag({ versions: Int32Array.of(-1), mask: Uint8Array.of(0) }, 2)).toEqual({
    tokenCount: 0,
    mean: Number.NaN,
    min: Number.NaN,
    max: Number.NaN,
    counts: [],
  });
});

test("a token from a later version than the learner's is a fault, not a negative lag", () => {
  expect(() => describeLag(makeBatch("b", [pair()]), 2)).toThrow(
    "token 8 was sampled by version 3, which is later than 2 — in describeLag — count versions as updates applied, on " +
      "one counter.",
  );
});
