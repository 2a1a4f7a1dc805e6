import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { chartsOf, smoothed } from "../../../tools/report/charts.ts";
import { type Figures, figuresOf } from "../../../tools/report/figures.ts";
import { readRecords } from "../../../tools/report/records.ts";
import { type MadeUpRun, writeRun } from "../../fixtures/run-folder.ts";

const runs = mkdtempSync(join(tmpdir(), "iterant-figures-"));
afterAll(() => rmSync(runs, { recursive: true }));

async function figuresFor(name: string, run: MadeUpRun = {}): Promise<Figures> {
  writeRun(join(runs, name), run);
  return figuresOf(await readRecords(join(runs, name)));
}

test("the figures of a finished run are those of its rows and its summary", async () => {
  const figures = await figuresFor("finished");
  expect(figures).toMatchObject({
    name: "finished",
    strategy: "exit",
    seed: 1,
    state: "finished",
    K: 4,
    iterations: 40,
    version: 40,
    samples: 3840,
    wall_s: 20,
    samplesPerSecond: 192,
    firstUpdate_s: 1.5,
    lag: { mean: 0.9, max: 1 },
    ledger: { admitted: 3840, trained: 2880, filtered: 960, open: 0 },
  });
  expect(figures.evaluations.iteration).toEqual([0, 10, 20, 30, 40]);
  expect(figures.evaluations.samples).toEqual([0, 960, 1920, 2880, 3840]);
  expect(figures.accuracy.k0).toEqual({ before: figures.steps.first![0], after: figures.steps.last![0] });
  expect(figures.accuracy.kK).toEqual({ before: figures.steps.first![4], after: figures.steps.last![4] });
  expect(figures.training.base[0]).toBe(1);
  const { update, wait, publish, checkpoint } = figures.training;
  expect(update[0]! + wait[0]! + publish[0]! + checkpoint[0]!).toBeCloseTo(1);
});

test("a run that broke off has the figures that it came to, and says that it has no end", async () => {
  const figures = await figuresFor("broke-off", { brokeOffAt: 25 });
  expect(figures).toMatchObject({ state: "no end recorded", iterations: 24, setup_s: null, firstUpdate_s: null });
  expect(figures.ledger!.open).toBe(96);
  expect(figures.samples).toBe(24 * 96);
  expect(figures.lag.mean).toBeCloseTo(0.9);
});

test("a run without a row has no figure and no chart, instead of zeros", async () => {
  const figures = await figuresFor("empty", { brokeOffAt: 1, iterations: 5 });
  const bare = { ...figures, evaluations: { iteration: [], samples: [], k0: [], kK: [] } };
  expect(figures).toMatchObject({ wall_s: null, samples: 0, samplesPerSecond: null, ledger: null });
  expect(figures.accuracy.k0.after).toBeNull();
  const { accuracy, training, asynchrony } = chartsOf({ ...bare, steps: { ...bare.steps, first: null, last: null } });
  expect([accuracy, training, asynchrony]).toEqual([[], [], []]);
});

test("GRPO has no curriculum to draw, the others have four charts of it", async () => {
  expect(chartsOf(await figuresFor("grpo", { strategy: "grpo" })).curriculum).toEqual([]);
  const { curriculum } = chartsOf(await figuresFor("improve", { strategy: "improve" }));
  expect(curriculum.map(({ id }) => id)).toEqual(["draws", "depth", "score", "buffer"]);
});

test("every figure survives JSON: what was not measured is null, never NaN", async () => {
  const figures = await figuresFor("grpo-json", { strategy: "grpo" });
  expect(JSON.parse(JSON.stringify(figures))).toEqual(figures);
});

test("smoothing is a mean over a twentieth that passes over gaps and leaves short series alone", () => {
  expect(smoothed([1, null, 3])).toEqual([1, null, 3]);
  const steps = Array.from({ length: 80 }, (_, at) => (at < 40 ? 0 : 1));
  const smooth = smoothed(steps);
  expect([smooth[0], smooth[39], smooth[79]]).toEqual([0, 2 / 5, 1]);
  expect(smoothed(steps.map((value, at) => (at === 40 ? null : value)))[40]).toBe(0.5);
});
