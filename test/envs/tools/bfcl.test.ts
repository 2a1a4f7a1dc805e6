// Multi-turn tool use on upstream's tasks, through the helper process.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { selfIterationPrompts } from "../../../actors/index.ts";
import {
  type Environment,
  isOver,
  knownBad,
  replay,
  type Step,
  stratifiedHalf,
  suiteOf,
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
  const everyTask = async () => {
    const tasks: ToolTask[] = [];
    for await (const one of await suite.tasks()) tasks.push(one);
    return tasks;
  };
  const open = (requests: "first" | "all" = "all", more: object = {}): Environment<ToolTask> =>
    toolEnvironment({ suite, requests, prompts: selfIterationPrompts, ...more });

  test("the release is named by its data and code", async () => {
    const tasks = await suite.tasks();
    expect(tasks.length).toBe(200);
    expect(await suite.versions()).toMatchObject({
      "bfcl-eval": "2026.3.23",
      questions: "1a21a995d06fd6f2",
      answers: "1fee67823b317571",
    });
    expect(task.release).toMatch(/^bfcl-eval 2026.3.23, mpmath .*, questions 1a21a995d06fd6f2, .*, code [0-9a-f]{16}$/);
  });

  test("the list of held-out tasks is what the strata give, and both sides are alike", async () => {
    const tasks = await suite.tasks();
    const heldOut = await tasks.ids("heldOut");
    expect([...heldOut].sort()).toEqual(stratifiedHalf(await everyTask(), 0));
    expect([heldOut.length, (await tasks.ids("train")).length]).toEqual([100, 100]);
    const differences = async (keysOf: (task: ToolTask) => readonly string[]) => {
      const sums = new Map<string, number>();
      for (const one of await everyTask()) {
        for (const key of keysOf(one)) sums.set(key, (sums.get(key) ?? 0) + (heldOut.includes(one.id) ? 1 : -1));
      }
      return Math.max(...[...sums.values()].map(Math.abs));
    };
    expect(await differences(({ requests }) => [String(requests.length)])).toBeLessThanOrEqual(1);
    expect(await differences(({ apis }) => apis)).toBeLessThanOrEqual(3); // one task and a half from an even share
    expect(await differences(({ apis }) => [[...apis].sort().join(" ")])).toBeLessThanOrEqual(3);
  });

  test("tasks known to be bad are played and told apart, or left out where the source says so", async () => {
    const bad = (await everyTask()).filter(({ knownBad }) => knownBad !== undefined);
    expect(bad.map(({ id }) => id)).toEqual(Object.keys(knownBad));
    expect(bad.length).toBe(16);
    await using environment = open();
    await environment.reset({ task: bad[0]!, seed: 0, prefix: [], mode: "base" });
    const { info } = await environment.step("<TASK_ERROR>");
    expect(info.metrics).not.toHaveProperty("first_turn_sound");
    await using sound = new ToolSuite({ ...python, python: interpreter, ...suiteOf("bfcl:sound")! });
    const left = await (await sound.tasks()).ids();
    expect(left.length).toBe(184);
    expect(left.filter((id) => id in knownBad)).toEqual([]);
  });

  test("a task that is listed for a text nobody says has one in its reference, and no request says it", async () => {
    const letters = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
    const listed = (await everyTask()).filter((one) => one.knownBad?.includes("no request says"));
    expect(listed.length).toBe(14);
    for (const one of listed) {
      const said = letters(one.requests.join(" "));
      const texts = (await suite.reference(one)).flat().flatMap((call) => {
        const { message, content, description } = (JSON.parse(call) as { args: Record<string, unknown> }).args;
        return [message, content, description].filter((text) => typeof text === "string" && text.length > 12);
      });
      expect(
        texts.some((text) => !said.includes(letters(text as string))),
        one.id,
      ).toBe(true);
    }
  });

  test("every reference answer, played response by response, earns 1 under exit and under bfcl_official", async () => {
    for (const profile of ["exit", "bfcl_official"] as const) {
      const played = (await everyTask()).map(async (one) => {
        await using environment = open("all", { profile });
        await environment.reset({ task: one, seed: 0, prefix: [], mode: "base" });
        let last: Step | undefined;
        for (const calls of await suite.reference(one)) {
          for (const call of calls) await environment.step(`<tool>[${call}]</tool>`);
          last = await environment.step("<TASK_FINISHED>");
        }
        return [one.id, last!.reward, (last!.info.metrics as Record<string, number>).total_return];
      });
      expect(await Promise.all(played)).toEqual(
        (await everyTask()).map(({ id, requests }) => [id, 1, requests.length]),
      );
    }
  });

  test("each of the 734 boundaries between requests is restored by what was done, and forked, to the digest", async () => {
    let boundaryCount = 0;
    const { signal } = new AbortController();
    for (const one of await everyTask()) {
      const session = suite.session(one);
      await session.begin(signal);
      const done: (string | null)[] = [];
      for (const calls of await suite.reference(one)) {
        for (const call of calls) await session.take(call, signal);
        const fork = await session.fork(signal);
        const { digest } = await session.endRequest(signal);
        done.push(...calls, null);
        const restored = suite.session(one, done);
        expect(await restored.begin(signal), one.id).toBe(digest);
        expect((await fork.endRequest(signal)).digest, one.id).toBe(digest);
        await Promise.all([restored.close(), fork.close()]);
        boundaryCount += 1;
      }
      await session.close();
    }
    expect(boundaryCount).toBe(734);
  });

  test("functions are described to the policy, calls come back as texts, a request ends with a word", async () => {
    await using environment = open();
    const { messages } = await environment.reset({ task, seed: 0, prefix: [], mode: "base" });
    expect(messages.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(messages[0]!.content).toContain('"name":"get_stock_info"');
    expect(messages[0]!.content).not.toContain("Tool description:");
    const called = await environment.step('<tool>[{"name": "get_account_info", "args": {}}, {"name": "none"}]</tool>');
    expect(called).toMatchObject({ responseKind: "tool", terminated: false, info: { succeeded: false } });
    expect(called.info.calls).toEqual([
      { name: "get_account_info", arguments: "{}", succeeded: true },
      { name: "none", arguments: "{}", succeeded: false },
    ]);
    const results = JSON.parse(called.messages[0]!.content) as string[];
    expect(called.messages[0]!.role).toBe("tool");
    expect(results[0]).toContain('"account_id"');
    expect(results[1]).toBe("Error during execution: there is no function 'none'.");
    const next = await environment.step("<TASK_FINISHED>");
    expect(next.messages).toEqual([{ role: "user", content: task.requests[1] }]);
    const last = await environment.step("<TASK_ERROR>");
    expect(last).toMatchObject({ terminated: true, responseKind: "error", reward: 0 });
    expect(last.info.metrics).toEqual({ first_turn: 0, total_return: 0, all_requests: 0, first_turn_sound: 0 });
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
    expect([count, step.truncated, environment.quality()]).toEqual([10, "max_turns_per_request", 0]);
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
    expect(funded.info.calls).toEqual([{ name: "fund_account", arguments: '{"amount": 2.0}', succeeded: true }]);
    const broken = await environment.step("<tool>[{'name': 'f'}]</tool>");
    expect(broken.messages[0]!.content).toContain("The tool call is not valid JSON");
    expect(broken.info).toMatchObject({ calls: [], succeeded: false });
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
    const [pid] = (await own.pids()) as [number];
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
