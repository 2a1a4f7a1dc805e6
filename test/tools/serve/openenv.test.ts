// A world of ours served to clients of another system: upstream's own client, then the protocol message by message.
import { once } from "node:events";
import { connect as connectTo, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { selfIterationPrompts } from "../../../actors/index.ts";
import { createEnvironment, type Environment, InfrastructureError } from "../../../envs/index.ts";
import { OpenEnvServer, type OpenEnvServerOptions } from "../../../tools/serve/openenv-server.ts";
import { isMissing, upstreamClient } from "../../envs/adapters/openenv-process.ts";
import { guessTheNumber } from "../../envs/fixtures/guess-the-number.ts";
import { LiveCommand, runCli, survivors } from "../cli.ts";

const servers: OpenEnvServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.close())));

const tasks = ["a", "b", "c"].map((id) => ({ id, hash: id, highest: 3, answer: "not for clients" }));
async function serve(more: Partial<OpenEnvServerOptions> = {}): Promise<OpenEnvServer> {
  const server = await OpenEnvServer.open({
    name: "guess",
    description: "A number to guess.",
    version: "1",
    tasks: { train: tasks.slice(0, 2), test: tasks.slice(2) },
    environment: () => createEnvironment(guessTheNumber, { prompts: selfIterationPrompts }) as unknown as Environment,
    port: 0,
    ...more,
  });
  servers.push(server);
  return server;
}

/** A client that sends what it likes, and hears one answer to each. */
async function connect({ url }: OpenEnvServer, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, { headers });
  const heard: Promise<any>[] = [];
  const next = () => {
    const message = once(socket, "message").then(([data]) => JSON.parse(String(data)));
    heard.push(message);
    return message;
  };
  const unasked = next();
  unasked.catch(() => {});
  await once(socket, "open");
  const say = (message: unknown) => {
    const answer = heard.length === 1 ? unasked : next();
    heard.push(answer);
    socket.send(typeof message === "string" ? message : JSON.stringify(message));
    return answer;
  };
  return { socket, say, unasked };
}

describe.skipIf(isMissing)(isMissing ? "serve (skipped: OpenEnv is not installed)" : "iterant serve --openenv", () => {
  test("upstream's client resets and steps generated problems, and Ctrl-C ends it in order", async () => {
    const command = new LiveCommand(["serve", "--openenv", "math:generated:1-1:20", "--port", "0"]);
    while (!command.stdout.includes("\n")) {
      await Promise.race([
        once(command.child.stdout!, "data"),
        command.ended.then(({ stderr }) => Promise.reject(new Error(stderr))),
      ]);
    }
    const [, url] = command.stdout.match(
      /^math at (http:\/\/127\.0\.0\.1:\d+): \d+ tasks in train, \d+ in test; Ctrl-C ends it\.\n$/,
    )!;
    const [opening, wrong, state, again] = await upstreamClient(url!, [
      ["reset", { split: "train", index: 0, episode_id: "mine" }],
      ["step", { response: "I do not know: \\boxed{-12345}" }],
      ["state"],
      ["reset", { split: "train", index: 0 }],
    ]);
    expect(opening).toMatchObject({ reward: null, done: false });
    expect(opening.observation.messages.at(-1)).toMatchObject({ role: "user" });
    expect(wrong).toMatchObject({ observation: { messages: [] }, reward: 0, done: true, metadata: { quality: 0 } });
    expect(state).toEqual({ episode_id: "mine", step_count: 1, task: opening.metadata.task });
    expect(again.observation.messages).toEqual(opening.observation.messages);
    const helpers = command.descendants();
    expect(helpers.length).toBeGreaterThan(0);
    command.kill("SIGINT");
    expect(await command.ended).toMatchObject({ code: 0, stderr: "" });
    expect(survivors(helpers)).toEqual([]);
  });

  test("a client with types of its own reads every observation, reward and state", async () => {
    const { url } = await serve();
    const said = await upstreamClient(
      url,
      [["reset", { seed: 1 }], ["step", { response: "no idea" }], ["state"]],
      "typed",
    );
    expect(said[0]).toEqual([[{ role: "user", content: "Guess my number from 1 to 3." }], null, false]);
    expect(said[1]).toEqual([[{ role: "tool", content: "Not a number." }], null, false]);
    expect(said[2]).toMatchObject({ step_count: 1, task: "b" });
  });

  test("what goes wrong is told to upstream's client, and it may go on", async () => {
    const { url } = await serve();
    expect(
      await upstreamClient(url, [
        ["step", { response: "early" }],
        ["step", { action: "1" }],
        ["reset", { task: "d" }],
        ["reset", { task: "c" }],
      ]),
    ).toEqual([
      "Server error: not_reset: step before the first reset - guess-the-number - call reset first (code: EXECUTION_ERROR)",
      "Server error: Invalid message (code: VALIDATION_ERROR)",
      "Server error: Invalid message (code: VALIDATION_ERROR)",
      expect.objectContaining({ done: false, metadata: { task: "c" } }),
    ]);
  });
});

describe("the protocol", () => {
  test("a session answers every message, the wrong ones with the code of what is wrong with them", async () => {
    const { say, socket } = await connect(await serve());
    const code = async (message: unknown) => (await say(message)).data.code;
    expect(await code("{")).toBe("INVALID_JSON");
    expect(await code("[]")).toBe("UNKNOWN_TYPE");
    expect(await code({ type: "dance" })).toBe("UNKNOWN_TYPE");
    expect(await code({ type: "step" })).toBe("VALIDATION_ERROR");
    for (const data of [
      [],
      { seed: -1 },
      { seed: "x" },
      { split: "dev" },
      { split: "train", index: 9 },
      { task: "d" },
    ]) {
      expect(await code({ type: "reset", data }), JSON.stringify(data)).toBe("VALIDATION_ERROR");
    }
    expect(await say({ type: "reset", data: { split: "test", index: 0, colour: "red" } })).toMatchObject({
      type: "observation",
      data: { observation: { metadata: { task: "c" } }, reward: null, done: false },
    });
    expect((await say({ type: "step", data: { response: "1", extra: 1 } })).data.errors).toEqual([
      { type: "value_error", loc: ["extra"], msg: "there is no such field" },
    ]);
    let answer: any;
    for (let guess = 1; !answer?.data.done; guess += 1)
      answer = await say({ type: "step", data: { response: `${guess}` } });
    expect(answer.data).toMatchObject({ observation: { messages: [] }, metadata: { response_kind: "guess" } });
    expect(answer.data.reward).toBe(answer.data.metadata.quality);
    expect(await code({ type: "step", data: { response: "1" } })).toBe("EXECUTION_ERROR");
    expect((await say({ type: "reset" })).type).toBe("observation");
    socket.send('{"type":"close"}');
    await once(socket, "close");
  });

  test("without a seed the next task is drawn, with one always the same", async () => {
    const { say } = await connect(await serve());
    const taskOf = async (data?: object) => (await say({ type: "reset", data })).data.metadata.task;
    expect([await taskOf(), await taskOf(), await taskOf(), await taskOf()]).toEqual(["a", "b", "c", "a"]);
    expect([await taskOf({ seed: 4 }), await taskOf({ seed: 4 })]).toEqual(["b", "b"]);
  });

  test("one session more than there is room for is told so, and has its place when another leaves", async () => {
    const server = await serve({ maxSessions: 1 });
    const first = await connect(server);
    expect((await first.say({ type: "reset" })).type).toBe("observation");
    const second = await connect(server);
    expect(await second.unasked).toMatchObject({
      type: "error",
      data: { code: "CAPACITY_REACHED", active_sessions: 1, max_sessions: 1 },
    });
    first.socket.terminate();
    while (server.sessionCount > 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await (await connect(server)).say({ type: "reset" })).type).toBe("observation");
  });

  test("a failure of infrastructure is an error with its cause, never a reward", async () => {
    const { say } = await connect(
      await serve({
        environment: () =>
          createEnvironment(
            { ...guessTheNumber, respond: () => Promise.reject(new InfrastructureError("worker_died", "it died")) },
            { prompts: selfIterationPrompts },
          ) as unknown as Environment,
      }),
    );
    await say({ type: "reset" });
    expect(await say({ type: "step", data: { response: "1" } })).toEqual({
      type: "error",
      data: { code: "EXECUTION_ERROR", message: "worker_died: it died" },
    });
    expect((await say({ type: "reset" })).type).toBe("observation");
  });

  test("a client that leaves in the middle of a step leaves nothing behind", async () => {
    let heard = () => {};
    const closed = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const server = await serve({
      environment: () =>
        createEnvironment(
          {
            ...guessTheNumber,
            respond: (_state, _response, { signal }) =>
              new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
            close: () => heard(),
          },
          { prompts: selfIterationPrompts },
        ) as unknown as Environment,
    });
    const { say, socket } = await connect(server);
    await say({ type: "reset" });
    socket.send('{"type":"step","data":{"response":"1"}}');
    socket.terminate();
    await closed;
    expect(server.sessionCount).toBe(0);
  });

  test("HTTP tells what a client asks first, and no field of a task but its name", async () => {
    const { url } = await serve();
    const get = async (path: string, body?: object) => {
      const response = await fetch(`${url}${path}`, body ? { method: "POST", body: JSON.stringify(body) } : {});
      return [response.status, await response.json()] as [number, any];
    };
    expect(await get("/health")).toEqual([200, { status: "healthy" }]);
    expect((await get("/metadata"))[1]).toMatchObject({ name: "guess", version: "1" });
    expect((await get("/schema"))[1].action.required).toEqual(["response"]);
    expect(await get("/list_environments")).toEqual([200, ["guess"]]);
    expect((await get("/guess/splits"))[1]).toEqual([
      { name: "train", type: "train" },
      { name: "test", type: "test" },
    ]);
    expect(await get("/guess/num_tasks", { split: "train" })).toEqual([200, { num_tasks: 2 }]);
    expect(await get("/guess/task", { split: "train", index: 1 })).toEqual([
      200,
      { task: { id: "b", split: "train", index: 1 } },
    ]);
    expect((await get("/guess/task_range", { split: "train", start: 1 }))[1].tasks).toHaveLength(1);
    expect((await get("/guess/task", { split: "train", index: 2 }))[0]).toBe(400);
    expect((await get("/guess/num_tasks", { split: "dev" }))[0]).toBe(400);
    expect((await get("/reset", { task: "a" }))[1].observation.messages).toHaveLength(1);
    expect((await get("/reset", { task: "d" }))[0]).toBe(422);
    expect((await get("/step", { action: { response: "1" } }))[0]).toBe(409);
    expect((await get("/nothing"))[0]).toBe(404);
  });

  test("a page from elsewhere is refused, whose browser is on this machine", async () => {
    const server = await serve();
    const origin = "http://elsewhere.example";
    await expect(connect(server, { origin })).rejects.toThrow("Unexpected server response: 403");
    expect((await fetch(`${server.url}/schema`, { headers: { origin } })).status).toBe(403);
    const renamed = { origin: "http://elsewhere.example:8000", host: "elsewhere.example:8000" }; // a name that leads here
    await expect(connect(server, renamed)).rejects.toThrow("Unexpected server response: 403");
    const { say } = await connect(server, { origin: server.url });
    expect((await say({ type: "state" })).data).toEqual({ episode_id: null, step_count: 0, task: null });
  });
});

test("a request for what is no path is refused, and the server goes on", async () => {
  const server = await serve();
  const { port } = new URL(server.url);
  const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  for (const [path, more] of [
    ["/%E0%A4%A", upgrade],
    ["//", upgrade],
    ["/%E0%A4%A", "Connection: close\r\n"],
  ] as const) {
    const socket = connectTo(Number(port), "127.0.0.1");
    socket.write(`GET ${path} HTTP/1.1\r\nHost: here\r\n${more}\r\n`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
  }
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
});

test("a world that there is not, and a port that is taken, are told in a line", async () => {
  expect(await runCli(["serve", "--openenv", "chess"])).toMatchObject({
    code: 2,
    stderr:
      "iterant: no world 'chess': say math[:SOURCE], tools[:SOURCE], mle[:SOURCE], gymnasium:ID or openenv:URL. See iterant worlds list.\n",
  });
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as { port: number };
  const refused = await runCli(["serve", "--openenv", "tools:office:tiny:5", "--port", String(port)]);
  await new Promise((resolve) => taken.close(resolve));
  expect(refused).toMatchObject({
    code: 2,
    stderr: `iterant: cannot listen at 127.0.0.1:${port}: listen EADDRINUSE: address already in use 127.0.0.1:${port}.\n`,
  });
});
