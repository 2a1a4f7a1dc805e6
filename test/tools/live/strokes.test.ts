import fc from "fast-check";
import { expect, test } from "vitest";
import { ascii, blocks, progress, rangeOf, sharesBar, sparkline } from "../../../tools/live/strokes.ts";

test("a curve spans the strokes from its lowest value to its highest", () => {
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8, blocks)).toBe("▁▂▃▄▅▆▇█");
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8, ascii)).toBe("_.-=+*%#");
});

test("curves side by side share a range", () => {
  const [low, high] = [
    [0, 1],
    [3, 4],
  ];
  const range = rangeOf(low!, high!);
  expect(sparkline(low!, 9, blocks, range)).toBe("▁▃");
  expect(sparkline(high!, 9, blocks, range)).toBe("▇█");
});

test("a longer series is averaged into the width, one that does not move is a line, none is nothing", () => {
  expect(sparkline([0, 0, 4, 4, 8, 8], 3, blocks)).toBe("▁▅█");
  expect(sparkline([0.5, 0.5, 0.5], 9, blocks)).toBe("▄▄▄");
  expect(sparkline([], 9, blocks)).toBe("");
  expect(sparkline([Number.NaN, 1], 9, blocks)).toBe("▄");
});

test("the parts of a bar together have exactly its width", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(share, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 50 }), (shares, width) => {
      fc.pre(shares.some((value) => value > 1e-9));
      const lengths = sharesBar(shares, width, blocks).map((part) => part.length);
      expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(width);
      for (const [at, value] of shares.entries()) {
        const exact = (value / shares.reduce((sum, one) => sum + one, 0)) * width;
        expect(Math.abs(lengths[at]! - exact)).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test("progress never overruns its width", () => {
  expect(progress(1.5, 4, blocks)).toEqual({ done: "━━━━", left: "" });
  expect(progress(0.5, 4, blocks)).toEqual({ done: "━━", left: "──" });
});
