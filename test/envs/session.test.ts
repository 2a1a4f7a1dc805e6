// What a session makes of a world that fails, waits or misbehaves. The contract itself is the conformance suite's.
import { expect, test } from "vitest";
import {
  createEnvironment,
  type EpisodeStart,
  InfrastructureError,
  type Reply,
  rubricOf,
  type SessionOptions,
  type Task,
  type World,
} from "../../envs/index.ts";

const prompts = { improve: () => "improve", diverge: () => "diverge" };
const task: Task = { id: "t1", hash: "h1" };
const start: EpisodeStart = { task, seed: 1, prefix: [], mode: "base" };
const over: Reply = { messages: [], terminated: true, responseKind: "plain", feedback: "so it goes" };
const onward: Reply = { ...over, terminated: false };
const died = new InfrastructureError("worker_died", "the helper process ended with code 9");

let opened = 0;

/** A world that repeats what it is told; change what the test is about. */
function open(change: Partial<World<Task, { closedCount: number }>> = {}, options: Partial<SessionOptions<Task>> = {}) {
  const states: { closedCount: number }[] = [];
  const world: World<Task, { closedCount: number }> = {
    id: "plain",
    version: "1",
    open: () => {
      states.push({ closedCount: 0 });
      return states.at(-1)!;
    },
    opening: () => [{ role: "user", content: "well?" }],
    respond: (_, response) => (response === "end" ? over : onward),
    quality: () => 1,
    digest: () => null,
    close: (state) => {
      state.closedCount += 1;
    },
    ...change,
  };
  return { environment: createEnvironment(world, { prompts, ...options }), states };
}

test.each([
  ["open", { open: () => Promise.reject(died) }],
  ["opening", { opening: () => { throw died; } }], // biome-ignore format: one line a row
])("infrastructure that fails in %s ends the episode before it began", async (_, change) => {
  const { environment } = open(change);
  expect(await environment.reset(start)).toEqual({ messages: [], info: {}, failed: died.failure });
  expect(environment.outcome()).toEqual({ kind: "failed", cause: "worker_died", message: died.failure.message });
  await expect(environment.step("end")).rejects.toMatchObject({ code: "episode_over" });
});

test.each([
  ["its own fork", { fork: () => Promise.reject(died) }],
  ["an open of its replay", { open: () => (opened++ === 0 ? { closedCount: 0 } : Promise.reject(died)) }],
])("infrastructure that fails in %s ends a fork, and its origin goes on", async (_, change) => {
  opened = 0;
  const { environment } = open(change);
  await environment.reset(start);
  await environment.step("on");
  await using fork = await environment.fork();
  expect(fork.outcome()).toEqual({ kind: "failed", cause: "worker_died", message: died.failure.message });
  await expect(fork.step("end")).rejects.toMatchObject({ code: "episode_over" });
  expect(await environment.step("end")).toMatchObject({ terminated: true, reward: 1 });
});

test("a fork that leaves something out fails as a mismatch", async () => {
  const { environment } = open({ digest: ({ closedCount }) => closedCount, fork: () => ({ closedCount: 5 }) });
  await environment.reset(start);
  await using fork = await environment.fork();
  expect(fork.outcome()).toMatchObject({ kind: "failed", cause: "replay_mismatch" });
});

test("every fork is let go of once, one that was aborted too, and none with its origin", async () => {
  const { environment, states } = open();
  await environment.reset(start);
  const fork = await environment.fork();
  const abort = new AbortController();
  const aborted = environment.fork({ signal: abort.signal });
  abort.abort(new Error("enough"));
  await expect(aborted).rejects.toThrow("enough");
  await environment.close();
  expect(states.map(({ closedCount }) => closedCount).slice(0, 2), "the fork lives on").toEqual([1, 0]);
  expect((await fork.step("end")).terminated).toBe(true);
  await fork.close();
  expect(states.every(({ closedCount }) => closedCount === 1)).toBe(true);
});

test.each([
  ["respond", { respond: () => Promise.reject(died) }],
  ["quality", { quality: () => Promise.reject(died) }],
])("infrastructure that fails in %s ends the episode without a reward", async (_, change) => {
  const { environment } = open(change);
  await environment.reset(start);
  expect(await environment.step("end")).toEqual({
    messages: [],
    terminated: false,
    failed: died.failure,
    responseKind: "unread",
    info: {},
  });
  expect(environment.quality()).toBeNull();
});

test("a rubric that throws fails the episode and names the function", async () => {
  const broken = { name: "neat", weight: 1, score: () => Promise.reject(new Error("no ruler")) };
  const { environment } = open({}, { rubric: rubricOf([broken]) });
  await environment.reset(start);
  expect((await environment.step("end")).failed).toEqual({
    kind: "failed",
    cause: "grader_failed",
    message: "'neat' of the rubric threw: no ruler - plain, task t1 - mend it and score the record again",
  });
});

test("the rubric sees the finished episode and sets the reward; its parts are recorded", async () => {
  const turns = { name: "turns", weight: 1, score: (episode: { turns: readonly unknown[] }) => episode.turns.length };
  const { environment } = open({}, { rubric: rubricOf([turns]) });
  await environment.reset(start);
  await environment.step("on");
  const parts = [{ name: "turns", weight: 1, value: 2 }];
  expect(await environment.step("end")).toMatchObject({ reward: 2, info: { rewardParts: parts } });
  expect(environment.outcome()).toEqual({ kind: "terminated", quality: 1, reward: 2 });
});

test("an episode nobody can score has no reward, rather than 0", async () => {
  const { environment } = open({ quality: () => null });
  await environment.reset(start);
  expect(await environment.step("end")).not.toHaveProperty("reward");
  expect(environment.outcome()).toEqual({ kind: "terminated", quality: null, reward: null });
});

test("a bug in a world throws, and the episode is broken off", async () => {
  const { environment } = open({
    respond: () => {
      throw new TypeError("undefined is not a function");
    },
  });
  await environment.reset(start);
  await expect(environment.step("end")).rejects.toThrow("undefined is not a function");
  await expect(environment.step("end")).rejects.toThrow(
    "episode_over: a step in an episode that is broken off - plain - call reset first",
  );
  await environment.reset(start);
});

test("every state is let go once: at the next reset, after a failure, after an abort, at close", async () => {
  const { environment, states } = open({ respond: () => Promise.reject(died) });
  await environment.reset(start);
  await environment.reset(start);
  expect(states.map(({ closedCount }) => closedCount)).toEqual([1, 0]);
  await environment.step("on");
  await environment.reset(start);
  await expect(environment.step("on", { signal: AbortSignal.abort("enough") })).rejects.toBe("enough");
  await environment.close();
  await environment.close();
  expect(states.map(({ closedCount }) => closedCount)).toEqual([1, 1, 1]);
});

test("a state that opens after its reset was aborted is let go, and not before its work has settled", async () => {
  let finish!: () => void;
  const log: string[] = [];
  const { environment } = open({
    open: () =>
      new Promise((resolve) => {
        finish = () => {
          log.push("opened");
          resolve({ closedCount: 0 });
        };
      }),
    close: () => {
      log.push("closed");
    },
  });
  const controller = new AbortController();
  const reset = environment.reset(start, { signal: controller.signal });
  while (!finish!) await Promise.resolve();
  controller.abort("enough");
  await expect(reset).rejects.toBe("enough");
  const closed = environment.close();
  expect(log).toEqual([]);
  finish();
  await closed;
  expect(log).toEqual(["opened", "closed"]);
});

test("time that runs out in the middle of a response ends the episode as truncated", async () => {
  const clock = new AbortController();
  const { environment } = open(
    { respond: () => new Promise(() => clock.abort()) },
    { limits: { maxWallMs: 1_000 }, timeout: () => clock.signal },
  );
  await environment.reset(start);
  expect(await environment.step("slow")).toMatchObject({ truncated: "max_wall", terminated: false });
  expect(() => environment.digest()).toThrow("episode_over: digest of a broken-off episode");
});

test("feedback on the last response is there for whoever tries again, and reaches the prompt", async () => {
  const { environment } = open({}, { prompts: { ...prompts, improve: ({ feedback }) => `improve: ${feedback}` } });
  await environment.reset(start);
  expect(environment.feedback()).toBeNull();
  await environment.step("on");
  expect(environment.feedback()).toBe("so it goes");
  const { messages } = await environment.reset({ ...start, prefix: environment.turns(), mode: "improve" });
  expect(messages).toEqual([{ role: "user", content: "improve: so it goes" }]);
});

test("a second attempt after a tool result comes after it, and repeats the world's instruction", async () => {
  const tool = { role: "tool" as const, content: "42" };
  const { environment } = open(
    { respond: () => ({ ...onward, messages: [tool] }), instruction: () => "the request" },
    { prompts: { ...prompts, diverge: ({ instruction, previousResponse }) => `${instruction}/${previousResponse}` } },
  );
  await environment.reset(start);
  await environment.step("call");
  await environment.step("<think>x</think>done");
  const { messages } = await environment.reset({ ...start, prefix: environment.turns(), mode: "diverge" });
  expect(messages).toEqual([
    { role: "user", content: "well?" },
    { role: "assistant", content: "call" },
    tool,
    { role: "user", content: "the request/done" },
  ]);
});

test("ten thousand sessions of one world cost nothing until they are reset", async () => {
  const { environment, states } = open();
  const sessions = Array.from({ length: 10_000 }, () => open().environment);
  expect(states).toEqual([]);
  await Promise.all([environment, ...sessions].map((session) => session.close()));
});
