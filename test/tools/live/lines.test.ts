import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import type { LogRow } from "../../../actors/index.ts";
import { startLiveView } from "../../../tools/live/index.ts";
import { Lines } from "../../../tools/live/lines.ts";
import { makeRun } from "../../fixtures/run-folder.ts";

const { config, rows } = makeRun({ notices: ["the learner was lost;\nit is brought back"] });

async function* inTurn(shown: readonly LogRow[]): AsyncGenerator<LogRow> {
  yield* shown;
}

test("without a terminal a run is plain lines: start, evaluations, notices, an iteration every ten seconds", async () => {
  const stream = new PassThrough();
  await startLiveView({ rows: inTurn(rows), config, stream: stream as unknown as NodeJS.WriteStream });
  const lines = String(stream.read()).split("\n");
  expect(lines.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
    "start strategy=exit",
    "evaluation iteration=0",
    "notice at_s=0.5",
    "iteration iteration=1/40",
    "evaluation iteration=10",
    "evaluation iteration=20",
    "iteration iteration=21/40",
    "evaluation iteration=30",
    "iteration iteration=40/40",
    "evaluation iteration=40",
    "",
  ]);
});

test("each line is name=value in an order that stays", () => {
  const lines = new Lines();
  const [evaluation, notice, iteration] = rows.slice(0, 3).map((row) => lines.of(row));
  expect(evaluation).toBe(
    "evaluation iteration=0 version=0 at_s=0.1 k0=0.3333 k1=0.3333 k2=0.5000 k3=0.5000 k4=0.5000 repaired=1 broken=0 problems=3",
  );
  expect(notice).toBe("notice at_s=0.5 the learner was lost; it is brought back");
  expect(iteration).toBe(
    "iteration iteration=1/40 version=1 wall_s=0.5 reward=0.3521 samples_per_s=192.0 wait_s=0.150 update_s=0.300 " +
      "lag_mean=0.900 lag_max=1 running=12 waiting=8 buffer=12 depth=1.025 S=0.1512 base=1.000 improve=0.000 " +
      "diverge=0.000 admitted=192 trained=72 filtered=24 stale=0 failed=0 cancelled=0",
  );
});

test("a view whose rows break off says why to its caller", async () => {
  async function* broken(): AsyncGenerator<LogRow> {
    yield rows[0]!;
    throw new Error("the log is gone");
  }
  const stream = new PassThrough() as unknown as NodeJS.WriteStream;
  await expect(startLiveView({ rows: broken(), config, stream })).rejects.toThrow("the log is gone");
});
