// What is told of searches: means by step, shares by what counts, the rule in words.
import { expect, test } from "vitest";
import { type Finding, reportOf, searchPolicies } from "../../../actors/index.ts";

const options = { ...searchPolicies.greedy, steps: 2 };

function finding(task: string, sample: number, index: number, score: number | null, more: object = {}): Finding {
  const about = { operator: "draft" as const, parent: null, response: "", feedback: null, validationScore: null };
  const cost = { outcome: "ok", failure: null, tokenCount: 1, generateMs: 1500, worldMs: 500 };
  return { task, sample, node: { index, isValid: score !== null, score, ...about, ...cost, ...more } };
}

const findings = [
  ...[0.2, null, 0.6].map((score, index) => finding("a", 0, index, score)),
  ...[null, 0.4, 0.1].map((score, index) => finding("a", 1, index, score)),
  finding("b", 0, 0, 0.5),
  finding("b", 0, 1, null, { failure: "worker_died" }),
];

test("curves are means of the best so far; a search without a valid node counts as 0, a shorter one keeps its best", () => {
  const { tasks, mean } = reportOf(findings, options);
  expect(tasks.map(({ bestSoFar }) => bestSoFar)).toEqual([
    [0.1, 0.30000000000000004, 0.5],
    [0.5, 0.5, 0.5],
  ]);
  expect(mean).toEqual([0.3, 0.4, 0.5]);
});

test("shares are of nodes that infrastructure did not break; the sample submission is a line to beat", () => {
  const { tasks, rule } = reportOf(findings, options, { a: 0.3 });
  expect(tasks[0]).toMatchObject({
    searchCount: 2,
    validShare: 4 / 6,
    sampleScore: 0.3,
    beatsSampleShare: 0.5,
    wall_s: 12,
  });
  expect(tasks[1]).toMatchObject({ validShare: 1, failedCount: 1, sampleScore: null, beatsSampleShare: null });
  expect(rule).toBe("best by the grader's score (test labels), ties to the newer; improves the best");
});
