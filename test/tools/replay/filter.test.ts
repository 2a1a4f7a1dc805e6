import { describe, expect, test } from "vitest";
import type { EpisodeLine } from "../../../actors/index.ts";
import { type FilterFlags, makeFilter } from "../../../tools/replay/filter.ts";

const line: EpisodeLine = {
  id: "g1.0.0/0",
  segment: "episodes-000001.journal",
  offset: 8,
  at: 0,
  iteration: 5,
  life: 0,
  task: "math-abc",
  mode: "improve",
  depth: 2,
  reward: 0.5,
  finish: "stop",
  failure: null,
  tokenCount: 3,
  versions: [4, 5],
};

const isMeant = (flags: FilterFlags, change: Partial<EpisodeLine> = {}) => makeFilter(flags)({ ...line, ...change });

describe("a filter", () => {
  test("without flags means every episode", () => {
    expect(isMeant({})).toBe(true);
    expect(isMeant({}, { reward: null })).toBe(true);
  });

  test.each([
    ["5", true],
    ["4..6", true],
    ["5..", true],
    ["..5", true],
    ["6..", false],
    ["..4", false],
    ["4", false],
  ])("of iterations takes %s for a range with both its ends", (iteration, expected) => {
    expect(isMeant({ iteration })).toBe(expected);
    expect(isMeant({ depth: iteration }, { depth: 5 })).toBe(expected);
  });

  test.each([
    ["0.5", true],
    ["=0.5", true],
    ["!=0.5", false],
    [">=0.5", true],
    ["> 0.5", false],
    ["<0.6", true],
    ["<=0.4", false],
    ["0.2..0.8", true],
    ["0.6..", false],
  ])("of rewards takes %s for a bound or a range", (reward, expected) => {
    expect(isMeant({ reward })).toBe(expected);
  });

  test("of rewards never means an episode that has none", () => {
    for (const reward of ["0", "<1", "!=1", "..1"]) expect(isMeant({ reward }, { reward: null })).toBe(false);
    expect(isMeant({ failed: true }, { reward: null })).toBe(true);
    expect(isMeant({ failed: true })).toBe(false);
  });

  test("of tasks takes the beginning of an id", () => {
    expect(isMeant({ task: "math-a" })).toBe(true);
    expect(isMeant({ task: "abc" })).toBe(false);
  });

  test.each(["", "x", "..", "1..2..3", "a..b", "1..x"])("of depths refuses '%s'", (depth) => {
    expect(() => makeFilter({ depth })).toThrow(
      `--depth ${depth}: give a number or a range, as in 3, 3..7, 3.. or ..7.`,
    );
  });

  test.each(["", "good", ">", "=>1", "1 2"])("of rewards refuses '%s'", (reward) => {
    expect(() => makeFilter({ reward })).toThrow(`--reward ${reward}: give a number, a bound or a range`);
  });
});
