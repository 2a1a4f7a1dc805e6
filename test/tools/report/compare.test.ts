import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compareRuns, interpolated } from "../../../tools/report/compare.ts";
import { type Figures, figuresOf } from "../../../tools/report/figures.ts";
import { readRecords } from "../../../tools/report/records.ts";
import { comparisonSvg, scaleOf } from "../../../tools/report/svg.ts";
import { type MadeUpRun, writeRun } from "../../fixtures/run-folder.ts";

const runs = mkdtempSync(join(tmpdir(), "iterant-compare-"));
afterAll(() => rmSync(runs, { recursive: true }));

let made = 0;
async function figuresFor(run: MadeUpRun): Promise<Figures> {
  const folder = join(runs, String(made++));
  writeRun(folder, { tasks: Array.from({ length: 30 }, (_, at) => `task-${at}`), ...run });
  return figuresOf(await readRecords(folder));
}

test("runs are grouped by strategy in the order of the paper, and their seeds become mean and range", async () => {
  const all = [
    await figuresFor({ strategy: "exit", seed: 2 }),
    await figuresFor({ strategy: "exit", seed: 1 }),
    await figuresFor({ strategy: "grpo", seed: 1 }),
  ];
  const { K, groups } = compareRuns(all);
  expect(K).toBe(4);
  expect(groups.map(({ strategy, seeds }) => [strategy, seeds])).toEqual([
    ["grpo", [1]],
    ["exit", [1, 2]],
  ]);
  const exit = groups[1]!;
  expect(exit.samples).toEqual([0, 960, 1920, 2880, 3840]);
  const ends = [all[0]!.evaluations.k0.at(-1)!, all[1]!.evaluations.k0.at(-1)!];
  expect(ends[0]).not.toBe(ends[1]);
  expect(exit.k0.mean.at(-1)).toBeCloseTo((ends[0]! + ends[1]!) / 2);
  expect([exit.k0.low.at(-1), exit.k0.high.at(-1)]).toEqual([Math.min(...ends), Math.max(...ends)]);
});

test("a group's curve ends where its shortest run does, and other points lie on straight lines", async () => {
  const long = await figuresFor({ seed: 1, iterations: 40, every: 20 });
  const short = await figuresFor({ seed: 2, iterations: 30, every: 10 });
  const [group] = compareRuns([long, short]).groups;
  expect(group!.samples).toEqual([0, 960, 1920, 2880]);
  const [start, middle] = long.evaluations.k0;
  const between = (start! + middle!) / 2;
  expect(group!.k0.mean[1]).toBeCloseTo((between + short.evaluations.k0[1]!) / 2);
});

test("between two points a value lies on their line, over gaps too; outside there is none", () => {
  const y = [0, null, 1];
  expect([-1, 0, 5, 10, 11].map((at) => interpolated([0, 4, 10], y, at))).toEqual([null, 0, 0.5, 1, null]);
});

test("runs that measure different things are not put into one picture", async () => {
  const other = await figuresFor({ config: { evaluation: { K: 2 } } });
  const one = await figuresFor({});
  expect(() => compareRuns([one, other])).toThrow(
    "these runs are evaluated after different numbers of steps, K = 4, 2. Compare runs of one K.",
  );
  const never = { ...one, evaluations: { iteration: [], samples: [], k0: [], kK: [] } };
  expect(() => compareRuns([never])).toThrow("none of these runs has an evaluation. Compare runs that have one.");
  expect(compareRuns([never, one]).groups[0]!.seeds).toEqual([1]);
});

test("the picture has a line for each strategy in both panels, a band where there are seeds to spread, and only finite places", async () => {
  const all = [
    await figuresFor({ strategy: "exit", seed: 1 }),
    await figuresFor({ strategy: "exit", seed: 2 }),
    await figuresFor({ strategy: "grpo" }),
  ];
  const svg = comparisonSvg(compareRuns(all));
  const linesOf = (of: string) => svg.match(new RegExp(`class="${of}" d="M[^"]+ L`, "g"))?.length ?? 0;
  expect([linesOf("line c0"), linesOf("line c1"), linesOf("band c0"), linesOf("band c1")]).toEqual([2, 2, 0, 2]);
  expect(svg).toMatch(/<text class="label"[^>]*>exit \(2 seeds\)<\/text>/);
  expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
});

test("axes have round steps that cover the values", () => {
  expect(scaleOf(0.31, 0.68, 5).ticks.map((tick) => tick.toFixed(1))).toEqual(["0.3", "0.4", "0.5", "0.6", "0.7"]);
  expect(scaleOf(0, 3840, 4).ticks).toEqual([0, 1000, 2000, 3000, 4000]);
  const flat = scaleOf(0.5, 0.5, 5);
  expect(flat.high).toBeGreaterThan(flat.low);
});
