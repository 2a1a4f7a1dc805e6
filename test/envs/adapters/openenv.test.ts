// OpenEnv's environments as worlds: a server of upstream's own, and a world of ours on its way there and back.
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { selfIterationPrompts } from "../../../actors/index.ts";
import { beginSession } from "../../../envs/adapters/openenv-connection.ts";
import { OpenEnv, type OpenEnvTask, openEnvSourceOf, type Step } from "../../../envs/index.ts";
import { OpenEnvServer } from "../../../tools/serve/openenv-server.ts";
import { openNamedWorld } from "../../../tools/worlds/named.ts";
import { environmentSuite } from "../../conformance/environment.ts";
import { isMissing, upstreamServer } from "./openenv-process.ts";

const prompts = selfIterationPrompts;
const press = (button: string, times: number) => `I press. <action>${JSON.stringify({ button, times })}</action>`;
const ends: (() => Promise<unknown>)[] = [];
afterAll(() => Promise.all(ends.map((end) => end())));

describe("an office of ours, served and played through the network", async () => {
  const named = await openNamedWorld("tools:office:tiny:60");
  const environment = () => named.world.environment("evaluate");
  const server = await OpenEnvServer.open({
    name: "tools-office",
    description: "An office.",
    version: environment().version,
    tasks: { train: named.train, test: named.heldOut },
    environment,
    port: 0,
  });
  ends.push(async () => {
    await server.close();
    await named[Symbol.asyncDispose]();
  });
  const office = await OpenEnv.open({ url: server.url });
  const tasks = office.tasks();
  const task = await tasks.get("test#0");
  const request = named.heldOut[0] as unknown as { requests: string[] };
  const calls = [...request.requests[0]!.matchAll(/move (\d) (\w+) (\w) to (\w)/g)].map(
    ([, count, part, source, target]) =>
      `{"name": "move_part", "args": {"part": "${part}", "count": ${count}, "source": "${source}", "target": "${target}"}}`,
  );
  const play = [`<tool>[${calls.join(", ")}]</tool>`, "I wonder.", "<TASK_FINISHED>"];

  environmentSuite({
    name: "OpenEnv, by our server and our client",
    create: (options) => office.environment(options),
    task,
    seed: 5,
    play,
  });

  test("is the world that it is without the network: its tasks, what is said, its reward", async () => {
    expect(await tasks.ids("train")).toHaveLength(named.train.length);
    expect(await tasks.ids("heldOut")).toHaveLength(named.heldOut.length);
    await using there = office.environment({ prompts });
    await using here = environment();
    const start = { seed: 0, prefix: [], mode: "base" as const };
    await there.reset({ ...start, task });
    await here.reset({ ...start, task: named.heldOut[0]! });
    for (const response of play) {
      await there.step(response);
      await here.step(response);
    }
    expect(there.messages()).toEqual(here.messages());
    expect([there.quality(), here.quality()]).toEqual([1, 1]);
  });
});

describe.skipIf(isMissing)(isMissing ? "OpenEnv (skipped: it is not installed)" : "OpenEnv's own server", async () => {
  const start = async (name: string, sessions?: number) => {
    const server = await upstreamServer(name, sessions);
    ends.push(server.end);
    return server;
  };
  const begin = (task: OpenEnvTask) => ({ task, seed: 0, prefix: [], mode: "base" as const });

  if (!isMissing) {
    const lift = await OpenEnv.open({ url: (await start("lift")).url });
    const task = await lift.tasks().get(3); // floor 3
    environmentSuite({
      name: "OpenEnv, by upstream's server",
      create: (options) => lift.environment(options),
      task,
      seed: 5,
      play: [press("up", 2), press("sideways", 1), "No action.", press("up", 1)],
    });

    test("an action that its schema refuses is told field by field, and one is no action for want of tags or JSON", async () => {
      await using environment = lift.environment({ prompts });
      const { messages } = await environment.reset(begin(task));
      expect(messages[0]!.content).toMatch(
        /^You act in Lift\.\n\nLift environment\n\nEnd your response with one action as <action>…<\/action>\. An action is a JSON object by this schema: .*"times":\{"maximum":3.*\n\nObservation: \{"floor":0,"sign":"somewhere above"\}$/,
      );
      const said = async (response: string) => (await environment.step(response)).messages[0]!.content;
      expect(await said(press("left", 7))).toMatch(
        /^The action was not taken: button: Input should be 'up' or 'down'; times: Input should be less than or equal to 3\./,
      );
      expect(await said("<action>up</action>")).toMatch(/^The action was not taken: it is not JSON: /);
      expect(await said("<action>[1]</action>")).toMatch(/^The action was not taken: it is not a JSON object\./);
      expect(await said("up")).toMatch(/^No <action>…<\/action> was found/);
      expect(await said(press("down", 1))).toBe('Observation: {"floor":-1,"sign":"above"}\nReward: 0');
      await environment.step(press("up", 3));
      expect(await environment.step(press("up", 1))).toMatchObject({ terminated: true, reward: 0.8 });
      expect(environment.episode().quality).toBe(0.8);
    });
  }

  test("an environment that does not replay says so, and begins at its beginning alone", async () => {
    const forgets = await OpenEnv.open({ url: (await start("forgets")).url });
    expect([forgets.replayable, forgets.difference]).toEqual([
      false,
      "two resets with seed 0 show different observations",
    ]);
    await using environment = forgets.environment({ prompts });
    const task = await forgets.tasks().get(0);
    await environment.reset(begin(task));
    await environment.step(press("up", 1));
    const prefix = environment.turns();
    await expect(environment.reset({ ...begin(task), prefix })).rejects.toMatchObject({ code: "not_replayable" });
  });

  test("tasks come from a server that lists them, and a conversation that it shows whole is appended to", async () => {
    const talks = await OpenEnv.open({ url: (await start("talks")).url, quality: { kind: "threshold", at: 0.5 } });
    const tasks = talks.tasks();
    expect([await tasks.ids("train"), await tasks.ids("heldOut")]).toEqual([
      ["train#0", "train#1", "train#2"],
      ["test#0", "test#1"],
    ]);
    await using environment = talks.environment({ prompts });
    await environment.reset(begin(await tasks.get("test#1")));
    const steps: Step[] = [];
    for (const response of ["<think>hm</think>a", "b", "c"]) steps.push(await environment.step(response));
    expect(environment.messages().map(({ content }) => content)).toEqual([
      "Say something of 1.",
      "<think>hm</think>a",
      "a?",
      "b",
      "b?",
      "c",
      "c?",
    ]);
    expect(steps.at(-1)).toMatchObject({ terminated: true, reward: 1, info: { metrics: { return: 0.5, steps: 3 } } });
  });

  test("what is said in the settings of a source goes to every reset", async () => {
    const { url } = await start("lift");
    const low = await OpenEnv.open(openEnvSourceOf(`${url}?top=2&return=1`));
    await using environment = low.environment({ prompts });
    await environment.reset(begin(await low.tasks().get(3)));
    expect(await environment.step(press("up", 2))).toMatchObject({ terminated: true, reward: 1 });
  });

  test("an environment that breaks, or takes its server along, fails the episode with a cause and no reward", async () => {
    const causes = { breaks: "server_error", dies: "server_unreachable" };
    for (const [name, cause] of Object.entries(causes)) {
      const world = await OpenEnv.open({ url: (await start(name)).url });
      await using environment = world.environment({ prompts });
      await environment.reset(begin(await world.tasks().get(0)));
      let step: Step;
      do step = await environment.step(press("down", 3));
      while (!step.failed);
      expect(step.failed).toMatchObject({ cause });
      expect(environment.outcome()).toEqual(step.failed);
    }
  });

  test("a server that is full is waited for, and after the deadline it was too busy", async () => {
    const { url } = await start("lift", 1);
    const lift = await OpenEnv.open({ url, deadlineMs: 60_000 });
    const task = await lift.tasks().get(3);
    const first = lift.environment({ prompts });
    await first.reset(begin(task));
    await expect(OpenEnv.open({ url, deadlineMs: 300 })).rejects.toMatchObject({ failure: { cause: "server_busy" } });
    await using second = lift.environment({ prompts });
    const waiting = second.reset(begin(task));
    await first.close();
    expect((await waiting).failed).toBeUndefined();
  });
});

test("a server that cannot be reached, or never answers, is a failure of infrastructure", async () => {
  const silent = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as { port: number };
  ends.push(() => new Promise((resolve) => silent.close(resolve)));
  await expect(OpenEnv.open({ url: `http://127.0.0.1:${port}`, deadlineMs: 100 })).rejects.toMatchObject({
    failure: { cause: "server_timeout" },
  });
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port: free } = closed.address() as { port: number };
  await new Promise((resolve) => closed.close(resolve));
  await expect(OpenEnv.open({ url: `http://127.0.0.1:${free}` })).rejects.toThrow(
    `server_unreachable: connect ECONNREFUSED 127.0.0.1:${free} - OpenEnv server http://127.0.0.1:${free}/schema - start it, or name another`,
  );
  expect(() => openEnvSourceOf("localhost")).toThrow("write openenv:http://127.0.0.1:8000");
});

test("what is no JSON, from a page or through the socket, is the server's fault and ends nothing else", async () => {
  const http = createHttpServer((_request, response) => response.end("<html>"));
  const sockets = new WebSocketServer({ server: http });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  ends.push(() => new Promise((resolve) => http.close(resolve)));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  await expect(OpenEnv.open({ url })).rejects.toThrow("server_error: its answer is no JSON - ");
  for (const said of ["not JSON", "null", "[]"]) {
    sockets.removeAllListeners("connection");
    sockets.on("connection", (socket) => socket.on("message", () => socket.send(said)));
    await expect(beginSession({ url, deadlineMs: 5000 }, {}, new AbortController().signal)).rejects.toThrow(
      `server_error: it answered ${said} - `,
    );
  }
});
