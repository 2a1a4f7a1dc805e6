// Rubrics: values and errors are kept apart, and what was not scored is not zero.
import { expect, test } from "vitest";
import { type Episode, type RewardFunction, rubricOf } from "../../envs/index.ts";

const turns = [{ response: "four", observation: [], iterDepth: 0 }];
const episode: Episode = {
  task: { id: "t", hash: "h" },
  seed: 0,
  prefix: [],
  mode: "base",
  turns,
  messages: [],
  quality: 0.5,
};
const { signal } = new AbortController();
const correct: RewardFunction = { name: "correct", weight: 2, score: ({ quality }) => quality };
const length: RewardFunction = { name: "length", weight: 0, score: async ({ turns: [turn] }) => turn!.response.length };
const absent: RewardFunction = { name: "absent", weight: 1, score: () => null };

test("the reward is the weighted sum of the values", async () => {
  const brief: RewardFunction = { name: "brief", weight: -0.5, score: () => 1 };
  expect(await rubricOf([correct, brief]).score(episode, { signal })).toEqual({
    reward: 0.5,
    parts: [
      { name: "correct", weight: 2, value: 0.5 },
      { name: "brief", weight: -0.5, value: 1 },
    ],
  });
});

test("a metric is recorded and earns nothing", async () => {
  const { reward, parts } = await rubricOf([correct, length]).score(episode, { signal });
  expect(reward).toBe(1);
  expect(parts[1]).toEqual({ name: "length", weight: 0, value: 4 });
});

test("what does not apply adds nothing, and if nothing applies there is no reward", async () => {
  expect((await rubricOf([correct, absent]).score(episode, { signal })).reward).toBe(1);
  expect((await rubricOf([absent, length]).score(episode, { signal })).reward).toBeNull();
  expect((await rubricOf([]).score(episode, { signal })).reward).toBeNull();
});

test.each([
  ["throws", () => Promise.reject(new Error("no ruler")), "no ruler"],
  ["gives NaN", () => Number.NaN, "NaN is not a finite number"],
])("a function that %s leaves its error beside the other values, and no reward", async (_, score, error) => {
  const { reward, parts } = await rubricOf([correct, { name: "broken", weight: 1, score }]).score(episode, { signal });
  expect(reward).toBeNull();
  expect(parts).toEqual([
    { name: "correct", weight: 2, value: 0.5 },
    { name: "broken", weight: 1, value: null, error },
  ]);
});
