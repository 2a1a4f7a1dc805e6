import { appendFileSync, mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { EvaluationRow, LogRow } from "../../../actors/index.ts";
import { Recorder } from "../../../actors/recorder.ts";
import { describeMachine, recordMachine } from "../../../tools/report/machine.ts";
import { readRecords, survivingRows } from "../../../tools/report/records.ts";
import { runFiles } from "../../../tools/run-folder.ts";
import { rolloutOf } from "../../actors/rollouts.ts";
import { makeRun, writeRun } from "../../fixtures/run-folder.ts";

const runs = mkdtempSync(join(tmpdir(), "iterant-records-"));
afterAll(() => rmSync(runs, { recursive: true }));

const { rows } = makeRun();

function between(first: number, last: number): LogRow[] {
  return rows.filter((row) => row.kind !== "notice" && row.iteration >= first && row.iteration <= last);
}

test("a run that was resumed counts each iteration once, as its last life has it", () => {
  const resumed = between(20, 40).flatMap((row): LogRow[] => {
    if (row.kind !== "iteration") return [row];
    return row.iteration === 20 ? [] : [{ ...row, meanReward: 1 }];
  });
  const { iterations, evaluations } = survivingRows([...between(0, 34), ...resumed]);
  expect(iterations.map(({ iteration }) => iteration)).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));
  expect(iterations.filter(({ meanReward }) => meanReward === 1).map(({ iteration }) => iteration)[0]).toBe(21);
  expect(evaluations.map(({ iteration }) => iteration)).toEqual([0, 10, 20, 30, 40]);
});

test("an evaluation of an abandoned life does not count, also if the next life ends before it", () => {
  const { evaluations } = survivingRows([...between(0, 34), ...between(21, 25)]);
  expect(evaluations.map(({ iteration }) => iteration)).toEqual([0, 10, 20]);
});

test("the chains of an evaluation are its newest", async () => {
  const folder = join(runs, "chains");
  const { chains } = writeRun(folder);
  const newest = { ...chains[0]!, responses: ["newest"], scores: [1] };
  appendFileSync(join(folder, runFiles.evaluations), `${JSON.stringify(newest)}\n`);
  const records = await readRecords(folder);
  expect(records.chains.get(0)).toHaveLength(6);
  expect(records.chains.get(0)!.map(({ responses }) => responses[0])).toContain("newest");
});

test("a line that a crash has torn is left out", async () => {
  const folder = join(runs, "torn");
  writeRun(folder, { brokeOffAt: 15 });
  appendFileSync(join(folder, runFiles.metrics), '{"kind":"iteration","iterat');
  const { iterations, summary } = await readRecords(folder);
  expect(iterations.at(-1)!.iteration).toBe(14);
  expect(summary).toBeUndefined();
});

test("a run began when its first group was written; without episodes, when its configuration was", async () => {
  const folder = join(runs, "date");
  const { config } = writeRun(folder);
  const configuredAt = new Date("2026-03-01T10:00:00Z");
  utimesSync(join(folder, runFiles.config), configuredAt, configuredAt);
  expect((await readRecords(folder)).begunAt).toEqual(configuredAt);
  const beforeMs = Date.now();
  const recorder = new Recorder({ folder: join(folder, runFiles.episodes), life: 0 });
  await recorder.start();
  const episode = {
    rollout: rolloutOf("g0/0", 1),
    steps: [],
    messages: [],
    reward: 1,
    advantage: 0,
    generateMs: 1,
    worldMs: 1,
  };
  await recorder.write({
    ticket: { groupIndex: 0, groupId: "g0.0.0", attempt: 0 },
    draw: { iteration: 0, mode: "base", instance: { baseId: "t", depth: 0 }, seed: config.seed } as never,
    task: { id: "t", hash: "h" },
    world: { id: "math", version: "1" },
    episodes: [episode],
  });
  await recorder.stop();
  expect((await readRecords(folder)).begunAt.getTime()).toBeGreaterThanOrEqual(beforeMs);
});

test("the machine is the one that was written down, and none is made up", async () => {
  const folder = join(runs, "machine");
  writeRun(folder);
  expect((await readRecords(folder)).machine).toBeUndefined();
  recordMachine(folder);
  expect((await readRecords(folder)).machine).toEqual(describeMachine());
  expect(describeMachine().description).toMatch(/^\d+ × .+, \d+ GiB, \w+ \w+$/);
});

test("a second evaluation of the same iteration replaces the first", () => {
  const evaluation = rows[0] as EvaluationRow;
  const { evaluations } = survivingRows([evaluation, { ...evaluation, accuracy: [0.9] }]);
  expect(evaluations.map(({ accuracy }) => accuracy)).toEqual([[0.9]]);
});
