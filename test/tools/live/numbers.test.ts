import { expect, test } from "vitest";
import { clock, count, decimal, grouped, percent, points, unmeasured } from "../../../tools/live/numbers.ts";

test("what was not measured is a dash, in memory (NaN) as from JSON (null)", () => {
  for (const write of [percent, decimal, count, clock, grouped]) {
    expect([write(null), write(Number.NaN), write(undefined)]).toEqual([unmeasured, unmeasured, unmeasured]);
  }
  expect(points(null, 0.5)).toBe(unmeasured);
});

test("differences carry their sign, and one that rounds to nothing carries none", () => {
  expect(points(0.3917, 0.4417)).toBe("+5.0");
  expect(points(0.425, 0.3083)).toBe("-11.7");
  expect(points(0.5, 0.4999)).toBe("0.0");
});

test("seconds are a clock that grows hours when it needs them", () => {
  expect([0, 7.4, 760, 10929].map(clock)).toEqual(["0:00", "0:07", "12:40", "3:02:09"]);
});

test("numbers of a page are grouped by three, numbers of a terminal are not", () => {
  expect([grouped(999), grouped(11520), grouped(1234567)]).toEqual(["999", "11\u00a0520", "1\u00a0234\u00a0567"]);
  expect(count(11520)).toBe("11520");
});
