// Multi-turn tool use on upstream's tasks, through the helper process.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { selfIterationPrompts } from "../../../actors/index.ts";
import {
  type Environment,
  isOver,
  replay,
  type Step,
  ToolSuite,
  type ToolTask,
  toolEnvironment,
} from "../../../envs/index.ts";
import { environmentSuite } from "../../conformance/environment.ts";
import { isGone, python } from "../python.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const interpreter = process.env.ITERANT_TOOLS_PYTHON ?? join(root, ".venv-tools/bin/python");
const isHere = existsSync(interpreter);
const suite = new ToolSuite({ ...python, python: interpreter, suite: "bfcl", maxFailedStarts: 1 });
afterAll(() => suite.close());
const task = isHere ? await (await suite.tasks()).get("multi_turn_base_100") : ({} as ToolTask);
const title = isHere ? "bfcl" : "bfcl (skipped: bfcl-eval is not installed, npm run setup -- tools)";

describe.skipIf(!isHere)(title, () => {
  const open = (requests: "first" | "all" = "all", more: object = {}): Environment<ToolTask> =>
    toolEnvironment({ suite, requests, prompts: selfIterationPrompts, ...more });

  test("the release is named by its data and code, and its tasks are halved by strata", async () => {
    const tasks = await suite.tasks();
    expect(tasks.length).toBe(200);
    expect((await tasks.ids("heldOut")).length).toBe(100);
    expect(await suite.versions()).toMatchObject({
      "bfcl-eval": "2026.3.23",
      questions: "1a21a995d06fd6f2",
      answers: "1fee67823b317571",
    });
    const counts = async (split: "train" | "heldOut") => {
      const requests = await Promise.all(
        (await tasks.ids(split)).map(async (id) => (await tasks.get(id)).requests.length),
      );
      return requests.reduce((sum, count) => sum + count, 0);
    };
    expect(Math.abs((await counts("train")) - (await counts("heldOut")))).toBeLessThan(20);
  });

  test("functions are described to the policy, calls come back as texts, a request ends with a word", async () => {
    await using environment = open();
    const { messages } = await environment.reset({ task, seed: 0, prefix: [], mode: "base" });
    expect(messages.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(messages[0]!.content).toContain('"name":"get_stock_info"');
    expect(messages[0]!.content).not.toContain("Tool description:");
    const called = await environment.step('<tool>[{"name": "get_account_info", "args": {}}, {"name": "none"}]</tool>');
    expect(called).toMatchObject({ responseKind: "tool", terminated: false, info: { succeeded: false } });
    const results = JSON.parse(called.messages[0]!.content) as string[];
    expect(called.messages[0]!.role).toBe("tool");
    expect(results[0]).toContain('"account_id"');
    expect(results[1]).toBe("Error during execution: there is no function 'none'.");
    const next = await environment.step("<TASK_FINISHED>");
    expect(next.messages).toEqual([{ role: "user", content: task.requests[1] }]);
    const last = await environment.step("<TASK_ERROR>");
    expect(last).toMatchObject({ terminated: true, responseKind: "error", reward: 0 });
    expect(last.info.metrics).toEqual({ first_turn: 0, total_return: 0, all_requests: 0 });
  });

  test("a response without a call is answered, and an episode of one request ends after ten", async () => {
    await using environment = open("first");
    await environment.reset({ task, seed: 0, prefix: [], mode: "base" });
    let step: Step;
    let count = 0;
    do {
      step = await environment.step("I think.");
      count += 1;
    } while (!isOver(step));
    expect([count, step.truncated, environment.quality()]).toEqual([10, "max_turns", 0]);
    expect(step.messages[0]!.content).toMatch(/^No <tool>…<\/tool>, <TASK_FINISHED> or <TASK_ERROR> was found/);
  });

  test("an episode of all requests ends after sixty responses, the last one scored", async () => {
    await using environment = open("all");
    await environment.reset({ task, seed: 0, prefix: [], mode: "base" });
    let step = await environment.step('<tool>[{"name": "get_account_info", "args": {}}]</tool>');
    for (let count = 1; count < 60; count += 1) step = await environment.step("x");
    expect([step.truncated, environment.turns().length]).toEqual(["max_turns", 60]);
  });

  test("what the model wrote goes to the helper as it stands: 2.0 is no 2, and what is no JSON is told why", async () => {
    await using environment = open();
    await environment.reset({ task, seed: 0, prefix: [], mode: "base" });
    const funded = await environment.step('<tool>[{"name": "fund_account", "args": {"amount": 2.0}}]</tool>');
    expect(funded.messages[0]!.content).toMatch(/\d+\.\d+/);
    const broken = await environment.step("<tool>[{'name': 'f'}]</tool>");
    expect(broken.messages[0]!.content).toContain("The tool call is not valid JSON");
  });

  test("feedback on a response is the result of its calls, where that is wanted", async () => {
    await using environment = open("all", { feedback: "tool_result" });
    await environment.reset({ task, seed: 0, prefix: [], mode: "base" });
    await environment.step('<tool>[{"name": "get_account_info", "args": {}}]</tool>');
    expect(environment.feedback()).toContain("account_id");
  });

  test("a helper that dies fails the episode it was busy with; the others go on in the next as if nothing had been", async () => {
    await using own = new ToolSuite({ ...python, python: interpreter, suite: "bfcl" });
    const make = () => toolEnvironment({ suite: own, requests: "all", prompts: selfIterationPrompts });
    const environments = [make(), make(), make()];
    const call = '<tool>[{"name": "fund_account", "args": {"amount": 10}}]</tool>';
    for (const environment of environments) {
      await environment.reset({ task, seed: 0, prefix: [], mode: "base" });
      await environment.step(call);
    }
    const digests = environments.map((environment) => environment.digest());
    const pid = await own.pid();
    process.kill(pid, "SIGKILL");
    await expect.poll(() => isGone(pid), { timeout: 60_000 }).toBe(true);
    const steps = await Promise.all(environments.map((environment) => environment.step(call)));
    expect(
      steps.map(({ failed }) => failed?.cause ?? null).filter((cause) => cause !== null && cause !== "worker_died"),
    ).toEqual([]);
    const alive = environments.filter((_, at) => steps[at]!.failed === undefined);
    expect(alive.length).toBeGreaterThanOrEqual(2);
    expect(new Set(digests).size).toBe(1);
    expect(new Set(alive.map((environment) => environment.digest())).size).toBe(1);
    for (const environment of environments) await environment.close();
  });

  test("an episode is made anew from its responses, digest for digest", async () => {
    await using environment = open();
    await environment.reset({ task, seed: 0, prefix: [], mode: "base" });
    await environment.step('<tool>[{"name": "fund_account", "args": {"amount": 10}}]</tool>');
    await environment.step("<TASK_FINISHED>");
    const snapshot = environment.snapshot();
    await using again = open();
    expect(await replay(again, snapshot, task)).toBeNull();
    expect(again.digest()).toBe(environment.digest());
  });

  environmentSuite({
    name: "bfcl-multi-turn",
    create: (options) => toolEnvironment({ suite, requests: "all", ...options }),
    task,
    seed: 0,
    play: [
      '<tool>[{"name": "get_account_info", "args": {}}]</tool>',
      "hm",
      '<tool>[{"name": "fund_account", "args": {"amount": 10.5}}]</tool>',
      ...(task.requests?.map(() => "<TASK_FINISHED>") ?? []),
    ],
  });
});
