import { expect, test } from "vitest";
import type { ChainRecord } from "../../../actors/index.ts";
import { choosePairs } from "../../../tools/report/episodes.ts";

function chain(task: string, scores: (number | null)[], sample = 0): ChainRecord {
  return { task, sample, scores, responses: scores.map(String) };
}

function chosen(before: ChainRecord[], after: ChainRecord[]): [string, number][] {
  return choosePairs(before, after).map(({ task, change }) => [task, change]);
}

test("the problems that gained most are shown, and the one that lost most comes last", () => {
  const before = [chain("a", [0, 0]), chain("b", [0, 1]), chain("c", [1, 1]), chain("d", [0, 0]), chain("e", [1, 0])];
  const after = [chain("a", [1, 1]), chain("b", [0, 0]), chain("c", [0, 0]), chain("d", [0, 1]), chain("e", [1, 0])];
  expect(chosen(before, after)).toEqual([
    ["a", 1],
    ["d", 0.5],
    ["c", -1],
  ]);
});

test("where nothing got worse, three that gained are shown; equals in the order of their ids", () => {
  const tasks = ["d", "c", "b", "a"];
  expect(
    chosen(
      tasks.map((task) => chain(task, [0])),
      tasks.map((task) => chain(task, [1])),
    ),
  ).toEqual([
    ["a", 1],
    ["b", 1],
    ["c", 1],
  ]);
});

test("a problem is shown once, by the sample that changed most, and unscored iterates do not count", () => {
  const before = [chain("a", [0, 0], 0), chain("a", [0, 0], 1)];
  const after = [chain("a", [0, null], 0), chain("a", [1, null], 1)];
  expect(choosePairs(before, after)).toMatchObject([{ task: "a", sample: 1, change: 1 }]);
});

test("a problem that only one of the evaluations had is not compared", () => {
  expect(chosen([chain("a", [0])], [chain("b", [1])])).toEqual([]);
});
