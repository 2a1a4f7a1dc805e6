import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { report } from "../../../tools/report/command.ts";
import { markLatest } from "../../../tools/run-folder.ts";
import { writeRun } from "../../fixtures/run-folder.ts";

const runs = mkdtempSync(join(tmpdir(), "iterant-report-"));

beforeAll(() => {
  process.env.ITERANT_RUNS = runs;
  for (const strategy of ["exit", "grpo"] as const) writeRun(join(runs, strategy), { strategy });
  markLatest(join(runs, "exit"));
});

afterAll(() => {
  delete process.env.ITERANT_RUNS;
  rmSync(runs, { recursive: true });
});

test("without a name the newest run's report is written, into its folder", async () => {
  const [file, ...rest] = await report([], {});
  expect(rest).toEqual([]);
  expect(file).toMatch(/report\.html$/);
  expect(readFileSync(join(runs, "exit", "report.html"), "utf8")).toContain("<h1>latest");
});

test("--out says where else", async () => {
  const out = join(runs, "elsewhere.html");
  expect(await report(["grpo"], { out })).toEqual([out]);
  expect(readFileSync(out, "utf8")).toContain("<h1>grpo");
  expect(existsSync(join(runs, "grpo", "report.html"))).toBe(false);
});

test("several runs become one page beside them, and a picture where it is asked for", async () => {
  const svg = join(runs, "accuracy.svg");
  expect(await report(["exit", "grpo"], { svg })).toEqual([join(runs, "compare.html"), svg]);
  expect(readFileSync(join(runs, "compare.html"), "utf8")).toContain("comparison of 2 runs");
  expect(readFileSync(svg, "utf8")).toMatch(/^<svg xmlns/);
});

test("--json prints the figures and writes nothing that was not named", async () => {
  const [one] = await report(["grpo"], { json: true });
  expect(JSON.parse(one!)).toMatchObject({ name: "grpo", strategy: "grpo", samples: 3840 });
  rmSync(join(runs, "compare.html"), { force: true });
  const [two] = await report(["exit", "grpo"], { json: true });
  const { runs: printed, comparison } = JSON.parse(two!);
  expect(printed).toHaveLength(2);
  expect(comparison.groups.map(({ strategy }: { strategy: string }) => strategy)).toEqual(["grpo", "exit"]);
  expect(existsSync(join(runs, "compare.html"))).toBe(false);
});

test("a run that there is not is named, with those that there are", async () => {
  await expect(report(["nowhere"], {})).rejects.toMatchObject({
    exitCode: 2,
    message: `no run 'nowhere' in ${runs}. There are: exit, grpo.`,
  });
});

test("runs that cannot be compared end with a usage message", async () => {
  writeRun(join(runs, "shorter"), { config: { evaluation: { K: 1 } } });
  await expect(report(["exit", "shorter"], {})).rejects.toMatchObject({
    exitCode: 2,
    message: "these runs are evaluated after different numbers of steps, K = 4, 1. Compare runs of one K.",
  });
});
