// Multi-turn tool use from end to end: trained on, evaluated with every turn improved, recorded, scored again.
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { EvaluationRow, RunSummary } from "../../../actors/index.ts";
import { readSummary } from "../../../tools/run-folder.ts";
import { makeRunsFolder, readRows, runCli } from "../cli.ts";

const runs = makeRunsFolder();
afterAll(runs.remove);
const env = { ITERANT_RUNS: runs.path };

test("a run on the office goes through all its stages, and its rewards are the reward code's", async () => {
  const few = [
    "evaluation.problems=10",
    "evaluation.samples=1",
    "evaluation.K=1",
    "training.promptsPerBatch=4",
    "exit.minBufferSize=4",
  ];
  const trained = await runCli(
    [
      "train",
      "--preset",
      "tiny-tools",
      "--iterations",
      "4",
      "--name",
      "office",
      ...few.flatMap((one) => ["--set", one]),
    ],
    { env },
  );
  expect(trained).toMatchObject({ code: 0 });
  const folder = join(runs.path, "office");
  const { ledger, accuracy } = readSummary(folder) as RunSummary;
  expect(ledger.trained + ledger.filtered).toBe(ledger.admitted);
  expect(accuracy.k0.before).toBeGreaterThan(0);
  const evaluations = readRows(folder).filter((row): row is EvaluationRow => row.kind === "evaluation");
  expect(Object.keys(evaluations[0]!.metrics)).toEqual(["first_turn", "total_return", "all_requests"]);
  expect(evaluations[0]!.metrics.first_turn).toBeCloseTo(evaluations[0]!.accuracy[1]!, 10);
  const rescored = await runCli(["replay", "office", "--rescore"], { env });
  expect(rescored.stdout).toMatch(/(\d+) episodes re-scored · \1 equal · 0 different · 0 could not be told/);
  const verified = await runCli(["replay", "office", "--verify"], { env });
  expect(verified.stdout).toMatch(/(\d+) episodes verified · \1 same · 0 diverged · 0 could not be told/);
});

test("tasks that there are not are refused before anything starts", async () => {
  const refused = await runCli(["train", "--preset", "tiny-tools", "--problems", "office:hard"], { env });
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toMatch(/no such tasks - office:hard - write office, office:easy or office:tiny:600/);
});
