import { expect, test } from "vitest";
import type { Draw } from "../../../actors/exit/curriculum.ts";
import { describeBuffer, describeDraws } from "../../../actors/exit/dynamics.ts";
import { baseInstance, type Mode } from "../../../actors/exit/instance.ts";

function draw(mode: Mode, response: string | null, depth = 0, createdIteration = 10): Draw {
  const turns =
    response === null
      ? []
      : [
          { response: "earlier", iterDepth: 0 },
          { response, iterDepth: depth },
        ];
  return {
    drawIndex: 0,
    iteration: 10,
    instance: { ...baseInstance("m", createdIteration), turns, depth },
    mode,
    isReplay: response !== null,
    bufferSize: 4,
    bufferRevision: 0,
    effectiveSampleSize: response === null ? null : 3,
  };
}

test("replays are described apart from all prompts, with depth counted from 1", () => {
  const draws = [draw("base", null), draw("base", null), draw("improve", "a", 2, 4), draw("diverge", "b", 0, 6)];
  expect(describeDraws(draws)).toEqual({
    modeShares: { base: 0.5, improve: 0.25, diverge: 0.25 },
    replayShare: 0.5,
    replays: { promptCount: 2, startTurn: 2, depth: 2, createdIteration: 5, distinctStartCount: 2 },
    all: { promptCount: 4, startTurn: 1, depth: 1.5, createdIteration: 7.5, distinctStartCount: 3 },
    effectiveSampleSize: 3,
  });
});

test("starts are distinct by the response that is shown; a plain attempt shows none", () => {
  const distinct = (...draws: Draw[]) => describeDraws(draws).replays.distinctStartCount;
  expect(distinct(draw("improve", "a"), draw("diverge", "a"))).toBe(1);
  expect(distinct(draw("improve", "a"), draw("improve", "b"))).toBe(2);
  expect(distinct(draw("base", "a"), draw("base", "b"))).toBe(1);
});

test("where nothing was replayed the replays have no means, rather than zero", () => {
  const { replays, effectiveSampleSize } = describeDraws([draw("base", null)]);
  expect(replays.promptCount).toBe(0);
  expect([replays.depth, effectiveSampleSize]).toEqual([Number.NaN, Number.NaN]);
});

test("a buffer is described by its scores, their spread and its ages", () => {
  const scored = [0, 0.109375, 0.1875, 0.234375, 0.25, 0.3].map((score, index) => ({
    ...baseInstance(`m${index}`, index),
    score,
    depth: 1,
    visitCount: 2,
  }));
  const { scoreBins, ...rest } = describeBuffer(scored, 0);
  expect(rest).toEqual({
    size: 6,
    effectiveSampleSize: expect.closeTo(6, 10),
    meanScore: expect.closeTo(1.08125 / 6, 10),
    lowestScore: 0,
    highestScore: 0.3,
    depth: 2,
    createdIteration: 2.5,
    visitCount: 2,
  });
  expect(scoreBins.flatMap((count, bin) => (count > 0 ? [[bin, count]] : []))).toEqual([
    [0, 1],
    [8, 1],
    [15, 1],
    [18, 1],
    [19, 2],
  ]);
  expect(describeBuffer([], 20)).toMatchObject({ size: 0, effectiveSampleSize: 0, meanScore: Number.NaN });
});
