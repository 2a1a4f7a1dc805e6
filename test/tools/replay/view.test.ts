import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DEFAULT_OPTIONS, type EpisodeLine, exitOptionsOf } from "../../../actors/index.ts";
import type { GroupToWrite } from "../../../actors/recorder.ts";
import { readEpisodes, tryReadGroup } from "../../../tools/replay/recording.ts";
import { creditOf, findRelatives } from "../../../tools/replay/view.ts";
import { config, groupOf, instanceAfter, threeGroups, writeRun } from "./recordings.ts";

const options = exitOptionsOf(config);
const ignore = () => {};
const task = { problem: "What is 1 + 1?", answer: "2" };
const other = { problem: "What is 2 + 2?", answer: "4" };

let run: string;
const recording = () => join(run, "episodes");
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "replay-view-"));
});
afterEach(() => rmSync(run, { recursive: true, force: true }));

async function viewOf(id: string) {
  const lines: EpisodeLine[] = [];
  for await (const line of readEpisodes(recording(), ignore)) lines.push(line);
  const line = lines.find((one) => one.id === id)!;
  const group = (await tryReadGroup(recording(), line))!;
  return { line, group, ...(await findRelatives(recording(), { group, line }, options, ignore)) };
}

/**
 * Attempts, an improvement of the first of them, a departure from that; in between the same task drawn plainly, twice,
 * once with the improvement's very words, and another task.
 */
function lineage(): GroupToWrite[] {
  const said = (...texts: string[]) => texts.map((text, at) => [text, at % 2] as const);
  const first = groupOf({ task, said: said("it is 3", "it is 2") }, 0);
  const between = groupOf({ task, said: said("it is 5", "it is 2") }, 1);
  const second = groupOf(
    { task, from: { instance: instanceAfter(first, 0), mode: "improve" }, said: said("no, 4", "no, 2") },
    2,
  );
  const foreign = groupOf({ task: other, said: said("it is 3", "it is 4") }, 3);
  const echo = groupOf({ task, said: said("no, 4", "it is 2") }, 5);
  const third = groupOf(
    { task, from: { instance: instanceAfter(second, 0), mode: "diverge" }, said: said("count", "two: 2") },
    4,
  );
  return [first, between, second, foreign, echo, third];
}

describe("an episode's relatives", () => {
  test("are the chain that it came from, the nearest first, over lives and segments", async () => {
    const [first, between, second, foreign, echo, third] = lineage() as [GroupToWrite, ...GroupToWrite[]];
    await writeRun(run, [first, between!], [second!, foreign!], [echo!, third!]);
    const { ancestors } = await viewOf("g4.0.0/1");
    expect(ancestors).toEqual([
      { id: "g2.0.0/0", iteration: 2, mode: "improve", reward: 0 },
      { id: "g0.0.0/0", iteration: 0, mode: "base", reward: 0 },
    ]);
  });

  test("are the groups that started from it, and from none of its siblings", async () => {
    await writeRun(run, lineage());
    expect((await viewOf("g0.0.0/0")).descendants).toEqual([
      { groupId: "g2.0.0", iteration: 2, mode: "improve", rewards: [0, 1] },
    ]);
    expect((await viewOf("g2.0.0/0")).descendants.map(({ groupId }) => groupId)).toEqual(["g4.0.0"]);
    for (const id of ["g0.0.0/1", "g1.0.0/0", "g2.0.0/1", "g4.0.0/0", "g5.0.0/0"]) {
      expect((await viewOf(id)).descendants).toEqual([]);
    }
  });

  test("end where the recording does: a parent that is not in it is none", async () => {
    const [, , second, , , third] = lineage();
    await writeRun(run, [second!, third!]);
    expect((await viewOf("g4.0.0/0")).ancestors.map(({ id }) => id)).toEqual(["g2.0.0/0"]);
    expect((await viewOf("g2.0.0/0")).ancestors).toEqual([]);
  });

  test("do not count the episode itself, when it says again what it was shown", async () => {
    const base = groupOf({ task, said: [["it is 2", 1]] }, 0);
    const again = groupOf(
      { task, from: { instance: instanceAfter(base, 0), mode: "improve" }, said: [["it is 2", 1]] },
      1,
    );
    await writeRun(run, [base, again]);
    const { ancestors, descendants } = await viewOf("g1.0.0/0");
    expect(ancestors.map(({ id }) => id)).toEqual(["g0.0.0/0"]);
    expect(descendants).toEqual([]);
  });
});

describe("credit made anew from a record", () => {
  test("is the credit that the group got", async () => {
    const written = threeGroups();
    await writeRun(run, written);
    for (const { ticket, episodes } of written) {
      const { group } = await viewOf(`${ticket.groupId}/0`);
      const credit = creditOf(group, options)!;
      expect(credit.score).toBe(0.25);
      expect(credit.verdict).toEqual({ kind: "trainable" });
      expect(credit.rewards).toEqual(episodes.map(({ reward }) => reward));
    }
  });

  test("says why a group was not trained on", async () => {
    await writeRun(run, [
      groupOf(
        {
          task,
          said: [
            ["a", 0],
            ["b", 0],
          ],
        },
        0,
      ),
      groupOf(
        {
          task,
          said: [
            ["a", 1],
            ["b", "engine"],
          ],
        },
        1,
      ),
    ]);
    expect(creditOf((await viewOf("g0.0.0/0")).group, options)).toMatchObject({
      score: 0,
      verdict: { kind: "filtered", cause: "all-zero" },
    });
    expect(creditOf((await viewOf("g1.0.0/0")).group, options)).toMatchObject({
      score: null,
      verdict: { kind: "failed" },
    });
  });

  test("is none where the record breaks the rules of a rollout", async () => {
    await writeRun(run, [
      groupOf(
        {
          task,
          said: [
            ["a", 0],
            ["b", 1],
          ],
        },
        0,
      ),
    ]);
    const { group } = await viewOf("g0.0.0/0");
    group.episodes[0]!.logprobs.fill(1);
    expect(creditOf(group, DEFAULT_OPTIONS)).toBeNull();
  });
});
