// A rate over time that is told, not measured.
import { expect, test } from "vitest";
import { Throttle } from "../../../envs/terminal/throttle.ts";

test("a second's worth is free, what goes beyond it waits", () => {
  const throttle = new Throttle(1_000, 1_000, 0);
  expect(throttle.take(1_000, 0)).toBe(0);
  expect(throttle.take(500, 0)).toBe(500);
  expect(throttle.take(1, 500)).toBeCloseTo(1);
});

test("what was saved up never exceeds a second's worth", () => {
  const throttle = new Throttle(1_000, 1_000, 0);
  expect(throttle.take(1_000, 60_000)).toBe(0);
  expect(throttle.take(100, 60_000)).toBeCloseTo(100);
});

test("many small reads wait though their bytes would not", () => {
  const throttle = new Throttle(1_000_000, 100, 0);
  const waits = Array.from({ length: 110 }, () => throttle.take(1, 0));
  expect(waits[99]).toBe(0);
  expect(waits[109]).toBeCloseTo(100);
});

test("over ten seconds no more passes than ten seconds' worth and the second saved up", () => {
  const throttle = new Throttle(1_000, 1_000_000, 0);
  let nowMs = 0;
  let passed = 0;
  while (nowMs < 10_000) {
    passed += 70;
    nowMs += Math.max(1, throttle.take(70, nowMs));
  }
  expect(passed).toBeLessThanOrEqual(11_070);
  expect(passed).toBeGreaterThan(10_500);
});
