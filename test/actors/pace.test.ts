import { describe, expect, test } from "vitest";
import { decideLength } from "../../actors/pace.ts";

const options = { planned: 300, minimum: 60, targetMs: 240_000 };
const measured = { doneCount: 6, elapsedMs: 6000, iterationMs: 500, evaluationMs: 5000, evaluationsLeft: 4 };

describe("the length of a run that has a time to keep", () => {
  test("is what was planned where that fits", () => {
    expect(decideLength(options, measured)).toEqual({ iterations: 300, notice: null });
  });

  test("is what fits where less does, evaluations paid for, and says so", () => {
    expect(decideLength(options, { ...measured, iterationMs: 1000 })).toEqual({
      iterations: 220,
      notice:
        "this machine needs 1.00 s an iteration: 220 iterations instead of 300, because 300 iterations would take 5 min",
    });
  });

  test("is never less than shows something, however slow the machine", () => {
    expect(decideLength(options, { ...measured, iterationMs: 60_000 }).iterations).toBe(60);
  });

  test("is never less than has been done", () => {
    expect(decideLength({ ...options, minimum: 0, targetMs: 1 }, measured).iterations).toBe(6);
  });
});
