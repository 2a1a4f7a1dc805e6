import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_OPTIONS, type ExitOptions, presetFor, STRATEGIES } from "../../actors/exit/index.ts";
import { advantagesOf, assessGroup, outcomeOf } from "../../actors/group.ts";
import { type Finish, type Rollout, RolloutDraft } from "../../actors/rollout.ts";

const base = { mode: "base", prevQuality: null } as const;
const classic = [1, 0, 0, 0, 1, 1, 0, 0];

/** A rollout of one sampled token with the given quality. */
function rollout(
  quality: number | null,
  { finish = "stop" as Finish, embedding = undefined as number[] | undefined } = {},
) {
  const draft = new RolloutDraft(`q ${quality}`, Int32Array.of(1, 2));
  draft.appendSampled("said", {
    ids: Int32Array.of(3),
    logprobs: Float32Array.of(-1),
    versionSpans: [[0, 1, 0]],
  });
  return draft.finish({
    text: "said",
    finish,
    quality,
    ...(embedding === undefined ? {} : { embedding: Float32Array.from(embedding) }),
  });
}

const failed = (cause: string): Rollout =>
  new RolloutDraft("failed", Int32Array.of(1)).fail({ cause, message: "it broke" });

const assess = (qualities: readonly number[], change: Partial<ExitOptions> = {}) =>
  assessGroup(
    base,
    qualities.map((quality) => rollout(quality)),
    { ...DEFAULT_OPTIONS, ...change },
  );

const rounded = (values: readonly number[]) => values.map((value) => Number(value.toFixed(6)));
const qualities = fc.array(fc.constantFrom(0, 0.25, 0.5, 1), { minLength: 2, maxLength: 12 });

test("vector 'S': three of eight right give advantages +1.290994 and -.774597, or +.625 and -.375 without deviation", () => {
  const standard = assess(classic);
  expect(standard.verdict).toEqual({ kind: "trainable" });
  expect([standard.score, standard.meanReward]).toEqual([0.234375, 0.375]);
  expect(rounded(standard.advantages)).toEqual(classic.map((reward) => (reward === 1 ? 1.290994 : -0.774597)));
  const centred = assess(classic, { advantage: "centred" });
  expect(centred.advantages).toEqual(classic.map((reward) => (reward === 1 ? 0.625 : -0.375)));
});

test("advantages agree with a slow transcription of Eq. 3 and sum to 0", () => {
  fc.assert(
    fc.property(qualities, (rewards) => {
      fc.pre(new Set(rewards).size > 1);
      let sum = 0;
      for (const reward of rewards) sum += reward;
      const mean = sum / rewards.length;
      let squares = 0;
      for (const reward of rewards) squares += (reward - mean) * (reward - mean);
      const slow = rewards.map((reward) => (reward - mean) / (Math.sqrt(squares / rewards.length) + 1e-8));
      const { advantages } = assess(rewards);
      advantages.forEach((advantage, index) => {
        expect(advantage).toBeCloseTo(slow[index]!, 10);
      });
      expect(advantages.reduce((total, advantage) => total + advantage, 0)).toBeCloseTo(0, 8);
    }),
  );
});

test("a group whose rewards are all equal is filtered by cause, with S and every advantage exactly 0", () => {
  for (const [rewards, cause] of [
    [[0, 0, 0], "all-zero"],
    [[1, 1, 1], "all-one"],
    [[0.4, 0.4, 0.4], "equal"],
    [[0.1 + 0.2, 0.3, 0.3], "equal"],
    [[1 - 2e-9, 1 - 1e-9, 1 - 1e-9], "all-one"],
  ] as const) {
    const group = assess(rewards);
    expect(group.verdict).toEqual({ kind: "filtered", cause });
    expect([group.score, group.advantages]).toEqual([0, [0, 0, 0]]);
  }
});

test("every group is judged by its own rewards: an earlier group changes nothing", () => {
  const alone = assess([1, 0]);
  assess([1, 1, 1, 0]);
  expect(assess([1, 0]).advantages).toEqual(alone.advantages);
});

test("failed and unscored rollouts are left out of the statistics and counted by cause", () => {
  const rollouts = [rollout(1), failed("env"), rollout(0), failed("env"), failed("engine"), rollout(null)];
  const group = assessGroup(base, rollouts, DEFAULT_OPTIONS);
  expect(group.rewards).toEqual([1, null, 0, null, null, null]);
  expect(group.failureCounts).toEqual({ env: 2, engine: 1, unscored: 1 });
  expect([group.score, group.meanReward]).toEqual([0.25, 0.5]);
  expect(rounded(group.advantages)).toEqual([1, 0, -1, 0, 0, 0]);
});

test("a group with fewer than two scored rollouts has failed, and leaves the curriculum as it is", () => {
  const group = assessGroup(base, [rollout(1), failed("env"), failed("env")], DEFAULT_OPTIONS);
  expect(group.verdict).toEqual({ kind: "failed" });
  expect([group.score, group.meanReward, group.advantages]).toEqual([null, null, [0, 0, 0]]);
  expect(outcomeOf(group).score).toBeNull();
});

test("rollouts cut off by the token limit count in the statistics and are masked where the filter is on", () => {
  const rollouts = [rollout(1), rollout(0, { finish: "length" }), rollout(0), rollout(0, { finish: "turns" })];
  const filtered = assessGroup(base, rollouts, { ...DEFAULT_OPTIONS, overlongFilter: true });
  const unfiltered = assessGroup(base, rollouts, DEFAULT_OPTIONS);
  expect(filtered.isMasked).toEqual([false, true, false, false]);
  expect(unfiltered.isMasked).toEqual([false, false, false, false]);
  expect([filtered.meanReward, filtered.score, filtered.advantages]).toEqual([
    unfiltered.meanReward,
    unfiltered.score,
    unfiltered.advantages,
  ]);
  expect([filtered.overlongCount, unfiltered.overlongCount]).toEqual([1, 1]);
});

test("masked rollouts leave the statistics on demand", () => {
  const rollouts = [rollout(1), rollout(0, { finish: "length" }), rollout(0)];
  const group = assessGroup(base, rollouts, {
    ...DEFAULT_OPTIONS,
    overlongFilter: true,
    overlongInStatistics: false,
  });
  expect([group.meanReward, rounded(group.advantages)]).toEqual([0.5, [1, 0, -1]]);
});

test("a group of which every rollout is masked is filtered", () => {
  const cut = [rollout(1, { finish: "length" }), rollout(0, { finish: "length" })];
  const inside = assessGroup(base, cut, { ...DEFAULT_OPTIONS, overlongFilter: true });
  expect([inside.verdict, inside.score]).toEqual([{ kind: "filtered", cause: "all-masked" }, 0.25]);
  const outside = { ...DEFAULT_OPTIONS, overlongFilter: true, overlongInStatistics: false };
  const group = assessGroup(base, cut, outside);
  expect([group.verdict, group.score]).toEqual([{ kind: "filtered", cause: "all-masked" }, null]);
});

test("a competition's improve step is paid by improvement, and S is taken on that reward unless told otherwise", () => {
  const { options } = presetFor("mle", "exit");
  const start = { mode: "improve", prevQuality: 0.5 } as const;
  const rollouts = [rollout(0.75), rollout(0.4), rollout(0.5)];
  const group = assessGroup(start, rollouts, { ...options, mechanisms: STRATEGIES.diverge });
  expect(group.rewards).toEqual([0.5, 0, 0]);
  expect(group.score).toBeCloseTo(1 / 18, 10);
  expect(group.score).toBe(group.rewardVariance);
  expect(group.qualityVariance).toBeCloseTo(0.021667, 6);
  const byQuality = assessGroup(start, rollouts, {
    ...options,
    mechanisms: STRATEGIES.diverge,
    learnabilityOf: "quality",
  });
  expect(byQuality.score).toBe(group.qualityVariance);
});

test("math pays an improve step by correctness: a right answer kept right earns 1, whatever came before", () => {
  const { options } = presetFor("math", "improve");
  const group = assessGroup({ mode: "improve", prevQuality: 1 }, [rollout(1), rollout(0)], options);
  expect(group.rewards).toEqual([1, 0]);
});

test("the diversity bonus scales advantages of both signs and leaves S alone", () => {
  const embedded = [1, 0, 0, 1].map((quality, index) => rollout(quality, { embedding: [[0], [1], [2], [9]][index]! }));
  const options = { ...DEFAULT_OPTIONS, mechanisms: STRATEGIES.exit };
  const group = assessGroup(base, embedded, options);
  const plain = assessGroup(base, embedded, DEFAULT_OPTIONS);
  expect(group.diversity!.distances).toEqual([3, 2, 1, 6]);
  expect(group.diversity!.coefficients).toEqual([0.6, 0.4, 0.2, 1.2]);
  expect(rounded(group.advantages)).toEqual([0.6, -0.4, -0.2, 1.2]);
  expect([group.score, group.meanReward]).toEqual([plain.score, plain.meanReward]);
  expect(plain.diversity).toBeNull();
});

test("the bonus is measured over scored rollouts only, failed ones aside", () => {
  const options = { ...DEFAULT_OPTIONS, mechanisms: STRATEGIES.exit };
  const rollouts = [
    rollout(1, { embedding: [0] }),
    failed("env"),
    rollout(0, { embedding: [1] }),
    rollout(0, { embedding: [5] }),
  ];
  const group = assessGroup(base, rollouts, options);
  expect(group.diversity!.distances).toEqual([2, 1, 3]);
  const unscaled = assessGroup(base, rollouts, DEFAULT_OPTIONS).advantages;
  expect(rounded(group.advantages)).toEqual(rounded([unscaled[0]!, 0, unscaled[2]! * 0.5, unscaled[3]! * 1.5]));
});

test("a group in which an embedding is missing goes without the bonus and says how many are missing", () => {
  const options = { ...DEFAULT_OPTIONS, mechanisms: STRATEGIES.exit };
  const group = assessGroup(base, [rollout(1, { embedding: [0] }), rollout(0)], options);
  expect([group.diversity, group.missingEmbeddingCount]).toEqual([null, 1]);
  expect(rounded(group.advantages)).toEqual([1, -1]);
});

test("the curriculum is told S and the histories of scored rollouts, without their token positions", () => {
  const group = assessGroup(base, [rollout(1), failed("env"), rollout(0)], DEFAULT_OPTIONS);
  expect(outcomeOf(group)).toEqual({
    score: 0.25,
    episodes: [
      { rolloutId: "q 1", turns: [{ response: "said" }], quality: 1 },
      { rolloutId: "q 0", turns: [{ response: "said" }], quality: 0 },
    ],
  });
});

test("a malformed rollout that did not fail is refused", () => {
  expect(() => assessGroup(base, [rollout(1), { ...rollout(0), mask: new Uint8Array(1) }], DEFAULT_OPTIONS)).toThrow(
    "3 ids come with 1 mask, 3 logprobs, 3 versions — rollout q 0 — give every token one of each.",
  );
});

test("the order of the rollouts changes nothing but the order", () => {
  fc.assert(
    fc.property(qualities, (rewards) => {
      const [forth, back] = [assess(rewards), assess([...rewards].reverse())];
      expect(back.score).toBe(forth.score);
      expect(back.verdict).toEqual(forth.verdict);
      expect(rounded([...back.advantages].reverse())).toEqual(rounded(forth.advantages));
    }),
  );
});

test("centred advantages ignore the scale's division, standard ones ignore the rewards' scale", () => {
  const standard = { advantage: "standard", advantageEpsilon: 0 } as const;
  expect(rounded(advantagesOf([2, 0], standard))).toEqual(rounded(advantagesOf([1, 0], standard)));
  expect(advantagesOf([2, 0], { ...standard, advantage: "centred" })).toEqual([1, -1]);
});
