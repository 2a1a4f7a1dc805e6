// Scores as qualities.
import { expect, test } from "vitest";
import { qualityOf, type ScoreRanges, scoreRangeOf } from "../../../envs/index.ts";

test.each([
  ["synth-insults", "full", 0.861, 0.861],
  ["random-acts-of-pizza", "paper", 0.5, 0.5],
  ["spooky-author-identification", "full", 1.5, 0],
  ["spooky-author-identification", "full", 0.45, 0.7],
  ["spooky-author-identification", "full", 36.04, 0],
  ["spooky-author-identification", "paper", 1.0986, 0.8028],
  ["spooky-author-identification", "paper", 0.45, 1],
  ["nomad2018-predict-transparent-conductors", "full", 0.21174, 0.78826],
  ["synth-conductors", "full", 2.5, 0],
] as const)("%s, %s: a score of %d is of quality %d", (id, ranges: ScoreRanges, score, quality) => {
  expect(qualityOf(score, scoreRangeOf(id, ranges))).toBeCloseTo(quality, 10);
});

test("a competition without a known range wants one", () => {
  expect(() => scoreRangeOf("tossed-coins", "full")).toThrow(
    "bad_data: no score range is known - competition tossed-coins - hand in its worst and best score as scoreRangeOf",
  );
});
