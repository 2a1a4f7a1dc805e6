// Our own tool-use tasks, which need no package: played by a script that reads the request.
import { afterAll, describe, expect, test } from "vitest";
import { selfIterationPrompts } from "../../../actors/index.ts";
import { suiteOf, ToolSuite, type ToolTask, toolEnvironment } from "../../../envs/index.ts";
import { environmentSuite } from "../../conformance/environment.ts";
import { python } from "../python.ts";

const tiny = new ToolSuite({ ...python, ...suiteOf("office:tiny:60")! });
const full = new ToolSuite({ ...python, ...suiteOf("office:full:40")! });
afterAll(() => Promise.all([tiny.close(), full.close()]));

/** Reads `move 3 bolt A to B then move …`. */
function calls({ requests }: ToolTask): string {
  const moves = [...requests[0]!.matchAll(/move (\d) (\w+) (\w) to (\w)/g)].map(([, count, part, source, target]) => {
    return `{"name": "move_part", "args": {"part": "${part}", "count": ${count}, "source": "${source}", "target": "${target}"}}`;
  });
  return `<tool>[${moves.join(", ")}]</tool>`;
}

test("a policy that does what it is asked wins every tiny task, and one that stops short wins none", async () => {
  const tasks = await tiny.tasks();
  const rewards: (number | null)[] = [];
  for await (const task of tasks) {
    await using environment = toolEnvironment({
      suite: tiny,
      requests: "first",
      docs: "none",
      prompts: selfIterationPrompts,
    });
    await environment.reset({ task, seed: 0, prefix: [], mode: "base" });
    await environment.step(calls(task));
    await environment.step("<TASK_FINISHED>");
    await using idle = toolEnvironment({ suite: tiny, requests: "first", docs: "none", prompts: selfIterationPrompts });
    await idle.reset({ task, seed: 0, prefix: [], mode: "base" });
    await idle.step("<TASK_FINISHED>");
    rewards.push(environment.quality(), idle.quality());
  }
  expect(rewards).toEqual(Array.from({ length: 60 }, () => [1, 0]).flat());
});

test("tasks come divided by what is asked, whatever the seed", async () => {
  const tasks = await tiny.tasks(7);
  const heldOut = await tasks.ids("heldOut");
  expect(heldOut).toEqual(await (await tiny.tasks(1)).ids("heldOut"));
  expect(heldOut.length).toBeGreaterThan(5);
  expect(heldOut.length).toBeLessThan(30);
});

test("what a policy is told fits a model of a quarter of a million parameters, or has all there is to know", async () => {
  const [task] = [await (await full.tasks()).get(0)];
  const systemOf = async (docs: "json" | "brief" | "none") => {
    await using environment = toolEnvironment({ suite: full, requests: "all", docs, prompts: selfIterationPrompts });
    return (await environment.reset({ task, seed: 0, prefix: [], mode: "base" })).messages;
  };
  expect((await systemOf("none")).map(({ role }) => role)).toEqual(["user"]);
  expect((await systemOf("brief"))[0]!.content).toMatch(/^Functions: (\w+\([\w, ]*\) ?)+$/);
  expect((await systemOf("json"))[0]!.content).toContain('"description"');
});

test("sessions are dealt to as many processes as are wanted, and a fork lives beside its origin", async () => {
  await using two = new ToolSuite({ ...python, ...suiteOf("office:tiny:4")!, processCount: 2 });
  const task = await (await two.tasks()).get(0);
  expect(new Set(await two.pids()).size).toBe(2);
  const { signal } = new AbortController();
  const count = '{"name": "count_part", "args": {"part": "bolt", "bin": "A"}}';
  const order = '{"name": "order_part", "args": {"part": "bolt", "count": 2}}';
  const sessions = [two.session(task), two.session(task), two.session(task, [order])];
  const digests = await Promise.all(sessions.map((session) => session.begin(signal)));
  expect(digests[0]).toBe(digests[1]);
  expect(digests[0]).not.toBe(digests[2]);
  const fork = await sessions[1]!.fork(signal);
  await fork.take(order, signal);
  const after = await Promise.all([...sessions, fork].map((session) => session.take(count, signal)));
  expect(after[1], "the origin did not notice").toEqual(after[0]);
  expect(after[3]!.digest).not.toBe(after[0]!.digest);
  const pids = await two.pids();
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await expect.poll(async () => (await two.pids()).some((pid) => pids.includes(pid)), { timeout: 60_000 }).toBe(false);
  const again = await Promise.all([...sessions, fork].map((session) => session.take(count, signal)));
  expect(again, "made anew by their calls").toEqual(after);
  await Promise.all([...sessions, fork].map((session) => session.close()));
});

test.each([
  ["bfcl", { suite: "bfcl" }],
  ["bfcl:sound", { suite: "bfcl", isSound: true }],
  ["office", { suite: "office", args: ["--level", "easy", "--count", "400"] }],
  ["office:full:12", { suite: "office", args: ["--level", "full", "--count", "12"] }],
  ["train.jsonl", null],
])("the source %s", (source, suite) => {
  expect(suiteOf(source)).toEqual(suite);
});

test.each(["office:hard", "office:tiny:0", "office:tiny:5:6"])(
  "the source %s is refused with how one is written",
  (source) => {
    expect(() => suiteOf(source)).toThrow(/no such tasks - office:.* - write office, office:easy or office:tiny:600/);
  },
);

describe("the contract", async () => {
  const task = await (await full.tasks()).get(3);
  environmentSuite({
    name: "tools-office",
    create: (options) => toolEnvironment({ suite: full, requests: "all", ...options }),
    task,
    seed: 0,
    play: ['<tool>[{"name": "nothing"}]</tool>', "hm", ...task.requests.map(() => "<TASK_FINISHED>")],
  });
});
