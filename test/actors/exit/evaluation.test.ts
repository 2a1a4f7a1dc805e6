import fc from "fast-check";
import { expect, test } from "vitest";
import {
  accuracyAt,
  bestSoFar,
  type Chains,
  correctionsAt,
  deltaAt,
  macroMean,
  netCorrections,
  overRuns,
} from "../../../actors/exit/evaluation.ts";

/** Chains of one problem: right at 0 or not, right at 1 or not. */
const fromRightToRight = (before: number, after: number, count: number): Chains[number] =>
  Array.from({ length: count }, (_, sample) => [sample < before ? 1 : 0, sample < after ? 1 : 0]);

const scored = fc.array(
  fc.array(fc.array(fc.constantFrom(0, 1), { minLength: 3, maxLength: 3 }), { minLength: 8, maxLength: 8 }),
  { minLength: 1, maxLength: 6 },
);

test("vector 'net corrections': 43 problems of 8 samples going from .1725 to .1977 make 8.67, averaged over runs", () => {
  const runs = [
    [59, 68],
    [60, 68],
    [59, 68],
  ].map(([before, after]) => {
    const flat = fromRightToRight(before!, after!, 43 * 8);
    return Array.from({ length: 43 }, (_, problem) => flat.slice(problem * 8, problem * 8 + 8));
  });
  const before = overRuns(runs.map((chains) => accuracyAt(chains, 0))).mean;
  const after = overRuns(runs.map((chains) => accuracyAt(chains, 1))).mean;
  expect([before, after].map((value) => value.toFixed(4))).toEqual(["0.1725", "0.1977"]);
  const net = overRuns(runs.map((chains) => netCorrections(chains, 1))).mean;
  expect(net.toFixed(2)).toBe("8.67");
  expect(net).toBeCloseTo(8 * 43 * (after - before), 10);
});

test("vector 'macro mean': seven splits count alike, whatever their sizes", () => {
  expect(macroMean([0.4982, 0.1977, 0.2802, 0.0931, 0.0056, 0.1802, 0.1717]).toFixed(4)).toBe("0.2038");
});

test("net corrections are samples times problems times the gain in accuracy", () => {
  fc.assert(
    fc.property(scored, fc.nat(2), (chains, k) => {
      const gain = accuracyAt(chains, k) - accuracyAt(chains, 0);
      expect(netCorrections(chains, k)).toBeCloseTo(8 * chains.length * gain, 8);
      expect(deltaAt(chains, k)).toBeCloseTo(100 * gain, 10);
      const { repairedCount, brokenCount } = correctionsAt(chains, k);
      expect(repairedCount - brokenCount).toBe(netCorrections(chains, k));
    }),
  );
});

test("improving gains exactly where the repaired share outweighs the broken one at the accuracy of the start", () => {
  fc.assert(
    fc.property(scored, (chains) => {
      const { repairedShare, brokenShare } = correctionsAt(chains, 2);
      const start = accuracyAt(chains, 0);
      fc.pre(start > 0 && start < 1 && repairedShare + brokenShare > 0);
      const balance = repairedShare / (repairedShare + brokenShare) - start;
      fc.pre(Math.abs(balance) > 1e-9);
      expect(deltaAt(chains, 2) > 0).toBe(balance > 0);
    }),
  );
});

test("repaired answers are counted among the wrong ones and broken ones among the right", () => {
  const chains: Chains = [
    [
      [0, 1],
      [0, 0],
      [0, 0],
      [0, 0],
      [1, 0],
      [1, 1],
    ],
  ];
  expect(correctionsAt(chains, 1)).toEqual({
    repairedCount: 1,
    brokenCount: 1,
    repairedShare: 0.25,
    brokenShare: 0.5,
  });
});

test("an iterate that could not be scored is left out, not counted as wrong", () => {
  const chains: Chains = [[[1, null], [0, 1], [1]]];
  expect(accuracyAt(chains, 0)).toBeCloseTo(2 / 3, 12);
  expect(accuracyAt(chains, 1)).toBe(1);
  expect(netCorrections(chains, 1)).toBe(1);
  expect(accuracyAt([], 0)).toBeNaN();
});

test("the best score so far never falls, and a failed step keeps it", () => {
  expect(bestSoFar([null, 0.2, 0.1, null, 0.4, 0.3])).toEqual([null, 0.2, 0.2, 0.2, 0.4, 0.4]);
});

test("deviation over runs is the population's by default, the sample's on demand", () => {
  expect(overRuns([1, 2, 3])).toEqual({ runCount: 3, mean: 2, std: Math.sqrt(2 / 3) });
  expect(overRuns([1, 2, 3], 1).std).toBe(1);
});
