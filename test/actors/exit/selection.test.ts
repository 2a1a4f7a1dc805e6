import fc from "fast-check";
import { expect, test } from "vitest";
import { drawMode, effectiveSampleSize, isReplayDrawn, softmax } from "../../../actors/exit/selection.ts";
import { STRATEGIES } from "../../../actors/exit/strategies.ts";
import { RandomStream } from "../../../actors/random.ts";

const options = { minBufferSize: 3, selfIterationProbability: 0.5, divergenceProbability: 0.2, kappa: 20 };
const rounded = (values: Float64Array) => Array.from(values, (value) => Number(value.toFixed(4)));
const scores = [0.25, 0.234375, 0.109375, 0];

test("vectors 'softmax': kappa 20 and kappa 5 give the printed probabilities", () => {
  expect(rounded(softmax(scores, 20))).toEqual([0.556, 0.4068, 0.0334, 0.0037]);
  expect(rounded(softmax(scores, 5))).toEqual([0.3695, 0.3417, 0.1829, 0.1059]);
});

test("kappa 0 draws uniformly, and a huge kappa draws the highest score without overflow", () => {
  expect([...softmax(scores, 0)]).toEqual([0.25, 0.25, 0.25, 0.25]);
  expect([...softmax([1000, 999], 1000)]).toEqual([1, 0]);
  expect(softmax([], 20)).toHaveLength(0);
});

test("probabilities sum to 1, keep the order of the scores, and do not change when all scores shift", () => {
  const scoreSet = fc.array(fc.double({ min: 0, max: 0.25, noNaN: true }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(scoreSet, fc.double({ min: 0, max: 100, noNaN: true }), (set, kappa) => {
      const probabilities = softmax(set, kappa);
      const shifted = softmax(
        set.map((score) => score + 3),
        kappa,
      );
      expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 10);
      set.forEach((score, index) => {
        expect(shifted[index]).toBeCloseTo(probabilities[index]!, 8);
        if (score >= set[0]!) expect(probabilities[index]).toBeGreaterThanOrEqual(probabilities[0]!);
      });
      expect(effectiveSampleSize(probabilities)).toBeGreaterThanOrEqual(1 - 1e-9);
      expect(effectiveSampleSize(probabilities)).toBeLessThanOrEqual(set.length + 1e-9);
    }),
  );
});

test("draws follow the exact probabilities (chi-square)", () => {
  const random = RandomStream.seeded("chi");
  const probabilities = softmax(scores, 20);
  const counts = [0, 0, 0, 0];
  for (let draw = 0; draw < 20_000; draw += 1) counts[random.categorical(probabilities)]! += 1;
  const expected = Array.from(probabilities, (value) => value * 20_000);
  const chiSquare = counts.reduce((sum, count, index) => sum + (count - expected[index]!) ** 2 / expected[index]!, 0);
  expect(chiSquare).toBeLessThan(16.3); // 3 degrees of freedom, p = .001
});

test("the effective sample size counts equal probabilities and is 1 for a certain draw", () => {
  expect(effectiveSampleSize([0.25, 0.25, 0.25, 0.25])).toBe(4);
  expect(effectiveSampleSize([1, 0, 0])).toBe(1);
});

test("nothing is replayed below B_min, and about p of the prompts from B_min on", () => {
  const random = RandomStream.seeded("gate");
  const rate = (size: number, p = 0.5) => {
    const given = { ...options, selfIterationProbability: p };
    return Array.from({ length: 10_000 }, () => isReplayDrawn(size, given, random)).filter(Boolean).length / 10_000;
  };
  expect(rate(2, 1)).toBe(0);
  expect(rate(3)).toBeCloseTo(0.5, 1);
  expect(Math.abs(rate(3, 0.2) - 0.2)).toBeLessThan(0.014); // 3.3 standard errors
  expect(rate(3, 1)).toBe(1);
  expect(isReplayDrawn(0, { ...options, minBufferSize: 0, selfIterationProbability: 1 }, random)).toBe(false);
});

test("replays diverge at rate p_div where divergence is on, and always improve where it is off", () => {
  const random = RandomStream.seeded("mode");
  const rate = (name: keyof typeof STRATEGIES) =>
    Array.from({ length: 10_000 }, () => drawMode(true, 1, STRATEGIES[name], options, random)).filter(
      (mode) => mode === "diverge",
    ).length / 10_000;
  expect(Math.abs(rate("exit") - 0.2)).toBeLessThan(0.014);
  expect(Math.abs(rate("diverge") - 0.2)).toBeLessThan(0.014);
  expect(rate("improve")).toBe(0);
  expect(drawMode(true, 1, STRATEGIES.improve, options, random)).toBe("improve");
});

test("base tasks, and every prompt of Curriculum, are attempted plainly and never diverge", () => {
  const random = RandomStream.seeded("plain");
  const always = { ...options, divergenceProbability: 1 };
  expect(drawMode(false, 0, STRATEGIES.exit, always, random)).toBe("base");
  expect(drawMode(true, 0, STRATEGIES.exit, always, random)).toBe("base");
  expect(drawMode(true, 3, STRATEGIES.curriculum, always, random)).toBe("base");
  expect(drawMode(true, 1, STRATEGIES.exit, always, random)).toBe("diverge");
});
