import fc from "fast-check";
import { expect, test } from "vitest";
import { improvementReward, normaliseScore, rewardOf, SCORE_RANGES } from "../../../actors/exit/improvement.ts";

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const absolute = { base: "absolute", improve: "absolute", diverge: "absolute" } as const;
const mle = { base: "absolute", improve: "improvement", diverge: "absolute" } as const;

test("vector 'r_norm spooky': losses .435, 1.0986 and 2.0 become .7100, .2676 and 0", () => {
  const range = SCORE_RANGES.full["spooky-author-identification"];
  expect(normaliseScore(0.435, range)).toBeCloseTo(0.71, 4);
  expect(normaliseScore(1.0986, range)).toBeCloseTo(0.2676, 4);
  expect(normaliseScore(2, range)).toBe(0);
});

test("vector 'r_norm nomad': an error of .12 becomes .88", () => {
  expect(normaliseScore(0.12, SCORE_RANGES.full["nomad2018-predict-transparent-conductors"])).toBeCloseTo(0.88, 12);
});

test("vector 'r_imp': .5 to .75, .5 to .4, 0 to .3 and 1 to 1 earn .5, 0, .3 and 0", () => {
  expect(improvementReward(0.75, 0.5)).toBe(0.5);
  expect(improvementReward(0.4, 0.5)).toBe(0);
  expect(improvementReward(0.3, 0)).toBe(0.3);
  expect(improvementReward(1, 1)).toBe(0);
});

test("an improvement reward lies in [0, 1], is never negative, and reaches 1 only at perfection", () => {
  fc.assert(
    fc.property(unit, unit, (quality, prevQuality) => {
      const reward = improvementReward(quality, prevQuality);
      expect(reward).toBeGreaterThanOrEqual(0);
      expect(reward).toBeLessThanOrEqual(1);
      if (quality <= prevQuality) expect(reward).toBe(0);
      if (quality < 0.999) expect(reward).toBeLessThan(1);
    }),
  );
});

test("a parent within 1e-6 of perfect leaves nothing to earn", () => {
  expect(improvementReward(1, 1 - 1e-7)).toBe(0);
  expect(improvementReward(1, 1 - 1e-5)).toBe(1);
});

test("math and tools pay every mode by quality: a right answer kept right earns 1 and a wrong one 0 (D28, D30)", () => {
  for (const mode of ["base", "improve", "diverge"] as const) {
    expect(rewardOf(1, mode, 1, absolute)).toBe(1);
    expect(rewardOf(0, mode, 1, absolute)).toBe(0);
    expect(rewardOf(1, mode, null, absolute)).toBe(1);
  }
});

test("competitions pay improve steps by improvement, base and diverge steps by quality", () => {
  expect(rewardOf(0.75, "improve", 0.5, mle)).toBe(0.5);
  expect(rewardOf(0.75, "diverge", 0.5, mle)).toBe(0.75);
  expect(rewardOf(0.75, "base", null, mle)).toBe(0.75);
});

test("an improvement over a parent of unknown quality is refused with what to do", () => {
  expect(() => rewardOf(0.75, "improve", null, mle)).toThrow(
    "no improvement can be measured over a parent of unknown quality — mode improve, reward kind improvement — have " +
      "the world report quality (0 for a failed run), or choose reward kind absolute.",
  );
});

test("the printed score ranges differ from the full ones in spooky's best score only (D24)", () => {
  const { full, paper } = SCORE_RANGES;
  expect(paper["spooky-author-identification"]).toEqual({ worst: 1.5, best: 1 });
  expect({ ...paper, "spooky-author-identification": full["spooky-author-identification"] }).toEqual(full);
  expect(Object.keys(full)).toHaveLength(6);
});

test("a failed submission has quality 0 and scores beyond the range are clipped at both ends", () => {
  const loss = SCORE_RANGES.paper["spooky-author-identification"];
  expect(normaliseScore(null, loss)).toBe(0);
  expect(normaliseScore(Number.NaN, loss)).toBe(0);
  expect(normaliseScore(0.435, loss)).toBe(1);
  expect(normaliseScore(Number.POSITIVE_INFINITY, loss)).toBe(0);
});
