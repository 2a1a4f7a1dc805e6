import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { renderSummary } from "../../../tools/live/summary.ts";
import { type MadeRun, writeRun } from "../../fixtures/run-folder.ts";

const runs = mkdtempSync(join(tmpdir(), "iterant-summary-"));
let made: MadeRun;

beforeAll(() => {
  process.env.ITERANT_RUNS = runs;
  made = writeRun(join(runs, "x"));
});

afterAll(() => {
  delete process.env.ITERANT_RUNS;
  rmSync(runs, { recursive: true });
});

test("the summary says what was reached, what it cost and what to type next", () => {
  const report = join(runs, "x", "report.html");
  expect(renderSummary(made.summary!, join(runs, "x")).split("\n")).toEqual([
    "",
    "  exit, seed 1: 40 iterations in 0:20, done",
    "",
    "  held-out accuracy                before      after     points",
    "  first answer (k=0)               33.3 %     66.7 %      +33.3",
    "  after 4 steps (k=4)              50.0 %     83.3 %      +33.3",
    "  what the steps add                +16.7      +16.7",
    "",
    "  iterations      40 (40 updates of the weights)",
    "  samples         3840, 192.0 a second",
    "  time            0:20, set up in 2.0 s, first update after 1.5 s",
    "  policy lag      0.90 mean, 1 max",
    "  episodes        3840 admitted = 2880 trained + 960 filtered",
    "  learner         60 % updating, 30 % waiting, 8 % giving out, 2 % saving",
    "",
    `  report          ${report}`,
    "",
    "  Look at k=0 (+33.3 points): a model of 0.25 M parameters had wrong habits in",
    "  solving equations, such as moving a term without changing its sign, and reward",
    "  alone has changed them. k=4 is the same model shown its own answer 4 times;",
    "  in the report, follow three problems answer by answer, and how the curriculum",
    "  went from base tasks to improving the model's own answers.",
    "",
    "  next",
    "    iterant replay x                                       read its episodes",
    "    iterant eval x                                         measure it again",
    "    iterant train --preset tiny --strategy grpo --seed 1   the same, plain GRPO",
    "    iterant attach                                         look into a live run",
    "",
    "",
  ]);
});

test("the summary fits 80 columns but for long paths", () => {
  const lines = renderSummary(made.summary!, join(runs, "x")).split("\n");
  expect(lines.filter((line) => line.length > 80 && !line.includes("report "))).toEqual([]);
});

test("a run that ended early is shown how to go on, and what was not measured is a dash", () => {
  const accuracy = { k0: { before: 0.3, after: null }, kK: { before: null, after: null }, K: 4 };
  const text = renderSummary({ ...made.summary!, finished: false, accuracy, first_update_s: null }, join(runs, "x"));
  expect(text).toContain("40 iterations in 0:20, ended early, can be resumed");
  expect(text).toMatch(/first answer \(k=0\) +30\.0 % +– +–\n/);
  expect(text).toContain("no update");
  expect(text).not.toContain("Look at");
  expect(text).toMatch(/next\n {4}iterant resume x +go on from there\n/);
});

test("every admitted episode has its end in the ledger line", () => {
  const ledger = { admitted: 100, trained: 50, filtered: 20, stale: 1, failed: 9, cancelled: 20 };
  expect(renderSummary({ ...made.summary!, ledger }, join(runs, "x"))).toContain(
    "100 admitted = 50 trained + 20 filtered + 1 stale + 9 failed + 20 cancelled",
  );
});
