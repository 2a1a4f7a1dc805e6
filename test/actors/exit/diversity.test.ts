import fc from "fast-check";
import { expect, test } from "vitest";
import { centroidDistances, diversityCoefficients, meanPairwiseDistances } from "../../../actors/exit/diversity.ts";

const options = { diversityMode: "paper", diversityRangeGuard: 1e-8, diversityCap: 10 } as const;
const vectors = (...rows: number[][]) => rows.map((row) => Float32Array.from(row));
const rounded = (values: readonly number[]) => values.map((value) => Number(value.toFixed(4)));

test("vector 'eq. 6': distances .2 .3 .5 .4 become the printed coefficients in each mode", () => {
  const distances = [0.2, 0.3, 0.5, 0.4];
  const inMode = (diversityMode: "paper" | "minmax" | "mean1") =>
    rounded(diversityCoefficients(distances, { ...options, diversityMode }).coefficients);
  expect(inMode("paper")).toEqual([0.6667, 1, 1.6667, 1.3333]);
  expect(inMode("minmax")).toEqual([0, 0.3333, 1, 0.6667]);
  expect(inMode("mean1")).toEqual([0, 0.6667, 2, 1.3333]);
});

test("the paper's coefficients keep the ratios of the distances: nothing is subtracted above the line", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 2, maxLength: 8 }), (distances) => {
      fc.pre(new Set(distances).size > 1);
      const { raw } = diversityCoefficients(distances, options);
      distances.forEach((value, index) => {
        expect(raw[index]! / raw[0]!).toBeCloseTo(value / distances[0]!, 8);
      });
    }),
  );
});

test("equal distances, and a range below the guard, give coefficients of 1", () => {
  expect(diversityCoefficients([0.3, 0.3, 0.3], options).coefficients).toEqual([1, 1, 1]);
  expect(diversityCoefficients([0.3, 0.3 + 1e-9], options).coefficients).toEqual([1, 1]);
  expect(diversityCoefficients([0.3, 0.3], { ...options, diversityRangeGuard: 0 }).coefficients).toEqual([1, 1]);
});

test("a small range blows up to the cap, and the raw values stay visible", () => {
  const { raw, coefficients } = diversityCoefficients([1, 1.01], options);
  expect(coefficients).toEqual([10, 10]);
  expect(rounded(raw)).toEqual([100, 101]);
});

test("distances are L2 from the group's mean embedding", () => {
  expect(centroidDistances(vectors([0, 0], [2, 0], [0, 2], [2, 2]))).toEqual(new Array(4).fill(Math.SQRT2));
  expect(centroidDistances(vectors([1, 5], [1, 5]))).toEqual([0, 0]);
  expect(centroidDistances([])).toEqual([]);
});

test("moving all embeddings together changes no distance", () => {
  const row = fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 6 }), row, (rows, shift) => {
      const moved = rows.map((values) => values.map((value, axis) => value + shift[axis]!));
      const before = centroidDistances(vectors(...rows));
      centroidDistances(vectors(...moved)).forEach((value, index) => {
        expect(value).toBeCloseTo(before[index]!, 10);
      });
    }),
  );
});

test("pairwise distances are means over pairs, raw and with unit length", () => {
  const { pairCount, cosine, l2, l2UnitNorm } = meanPairwiseDistances(vectors([2, 0], [0, 3], [4, 0]));
  expect(pairCount).toBe(3);
  expect(cosine).toBeCloseTo(2 / 3, 12); // 1, 0, 1
  expect(l2).toBeCloseTo((Math.sqrt(13) + 2 + 5) / 3, 12);
  expect(l2UnitNorm).toBeCloseTo((2 * Math.SQRT2) / 3, 12);
  expect(meanPairwiseDistances(vectors([1, 0])).cosine).toBeNaN();
});

test("embeddings of different models are refused with what to do", () => {
  expect(() => centroidDistances(vectors([1, 2], [1]))).toThrow(
    "embedding 1 cannot be compared: 1 values where the first has 2, all of them finite numbers — in diversity — embed " +
      "all solutions of a group with one model.",
  );
  expect(() => centroidDistances(vectors([1], [Number.NaN]))).toThrow("embedding 1 cannot be compared");
});
