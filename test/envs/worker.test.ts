// One kind of helper process, seen from outside: what a call gets when the process behaves, and when it does not.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { InfrastructureError, WorkerPool, type WorkerPoolOptions } from "../../envs/index.ts";
import { isGone, python } from "./python.ts";

const helper = fileURLToPath(new URL("./fixtures/misbehaving-helper.js", import.meta.url));
const pools: WorkerPool[] = [];
const generous = { deadlineMs: 60_000 };

function open(conduct: string, options: WorkerPoolOptions = {}): WorkerPool {
  const command = { name: "misbehaving", file: process.execPath, args: [helper, conduct] };
  const pool = new WorkerPool(command, { processCount: 1, firstBackoffMs: 1, maxBackoffMs: 1, ...options });
  pools.push(pool);
  return pool;
}

/** The failure of a call that must fail, with the pid taken out of its message. */
async function failureOf(call: Promise<unknown>): Promise<{ cause: string; message: string }> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof InfrastructureError)) throw new Error(`not an InfrastructureError: ${error}`);
  const message = error.failure.message.replace(/pid (\d+|none)/, "pid P").replace(helper, "HELPER");
  return { cause: error.failure.cause, message: message.replace(process.execPath, "NODE") };
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

test("a helper says its versions before its first call", async () => {
  const hello = await open("well").ready;
  expect(hello).toEqual({ protocol: 1, name: "misbehaving", pid: expect.any(Number), versions: { sums: "1.0" } });
});

test("any JSON comes back as it went, lone surrogates and line separators included", async () => {
  const pool = open("well");
  const texts = fc.string({ unit: "binary", maxLength: 2_000 });
  const values = fc.jsonValue({ stringUnit: "binary" });
  await fc.assert(
    fc.asyncProperty(values, texts, async (value, text) => {
      const echoed = await pool.call("echo", [value, text, "\ud800", "\u2028\n"], generous);
      expect(echoed).toEqual(JSON.parse(JSON.stringify([value, text, "\ud800", "\u2028\n"])));
    }),
    { numRuns: 100 },
  );
});

test("two processes take calls at the same time", async () => {
  const pool = open("well", { processCount: 2 });
  const hung = pool.call("hang", {}, generous);
  hung.catch(() => {});
  expect(await pool.call("echo", "past it", generous)).toBe("past it");
});

test("a method that raises fails its call and nothing else", async () => {
  const pool = open("well");
  const before = await pool.call("pid", {}, generous);
  expect(await failureOf(pool.call("raise", {}, generous))).toEqual({
    cause: "worker_error",
    message:
      "the helper process raised ValueError in raise: a bad sum - misbehaving, pid P - run NODE HELPER well by hand",
  });
  expect(await pool.call("pid", {}, generous)).toBe(before);
});

test("a call past its deadline kills the process, and the rest of the queue goes on in its successor", async () => {
  const pool = open("well");
  const before = (await pool.call("pid", {}, generous)) as number;
  const hung = failureOf(pool.call("hang", {}, { deadlineMs: 50 }));
  const behind = pool.call("pid", {}, generous);
  expect(await hung).toEqual({
    cause: "worker_timeout",
    message:
      "the helper process gave no answer to hang within 50 ms and was killed - misbehaving, pid P - run NODE HELPER well by hand",
  });
  expect(await behind).not.toBe(before);
  expect(isGone(before)).toBe(true);
});

test("a process that dies in a call fails that call with its last words, and the rest of the queue goes on", async () => {
  const pool = open("well");
  const died = failureOf(pool.call("die", {}, generous));
  const behind = pool.call("echo", "alive", generous);
  expect(await died).toEqual({
    cause: "worker_died",
    message: "the helper process ended with code 3 - misbehaving, pid P - its last words:\nSegmentation fault",
  });
  expect(await behind).toBe("alive");
});

test("a process that dies between calls is replaced before the next", async () => {
  const pool = open("well");
  const before = (await pool.call("pid", {}, generous)) as number;
  process.kill(before, "SIGKILL");
  await vi.waitUntil(() => isGone(before), 60_000);
  await vi.waitUntil(() => pool.stats.restartCount === 1, 60_000);
  expect(await pool.call("pid", {}, generous)).not.toBe(before);
});

test("a process that says what is no answer is killed", async () => {
  const { cause, message } = await failureOf(open("well").call("babble", {}, generous));
  expect(cause).toBe("worker_died");
  expect(message).toMatch(/^the helper process said what is no answer: Unexpected token/);
});

test("a process that says a line without end is killed", async () => {
  const { cause, message } = await failureOf(open("well").call("flood", {}, generous));
  expect(cause).toBe("worker_died");
  expect(message).toContain("said what is no answer: a line is longer than 16777216 bytes");
});

test("a call longer than a line may be is refused before it is sent", async () => {
  const pool = open("well");
  const { cause, message } = await failureOf(pool.call("echo", "x".repeat(16 * 1024 * 1024), generous));
  expect(cause).toBe("worker_error");
  expect(message).toContain("was to be sent 16777272 bytes, more than 16777216");
  expect(await pool.call("echo", "short", generous)).toBe("short");
});

test("an aborted call rejects at once with the signal's reason, also while its process is busy with it", async () => {
  const pool = open("well");
  const controller = new AbortController();
  await pool.call("echo", "up", generous);
  const call = pool.call("hang", {}, { deadlineMs: 100, signal: controller.signal });
  await setImmediate();
  expect(pool.stats.queuedCount).toBe(0);
  controller.abort(new Error("enough"));
  await expect(call).rejects.toThrow("enough");
  expect(await pool.call("echo", "later", generous)).toBe("later");
});

test("a call aborted in the queue never reaches a process", async () => {
  const pool = open("well");
  const controller = new AbortController();
  const dying = failureOf(pool.call("hang", {}, { deadlineMs: 100 }));
  const queued = pool.call("die", {}, { ...generous, signal: controller.signal });
  const behind = pool.call("echo", "spared", generous);
  await setImmediate();
  expect(pool.stats.queuedCount).toBeGreaterThanOrEqual(2);
  controller.abort(new Error("enough"));
  await expect(queued).rejects.toThrow("enough");
  expect((await dying).cause).toBe("worker_timeout");
  expect(await behind).toBe("spared");
  expect(pool.stats.restartCount).toBe(1);
});

test("a full queue makes the next call wait for a place, and every call is answered in turn", async () => {
  const pool = open("well", { maxQueue: 3 });
  const answers: number[] = [];
  let mostQueued = 0;
  const calls = Array.from({ length: 50 }, async (_, index) => {
    const answer = (await pool.call("echo", index, generous)) as number;
    mostQueued = Math.max(mostQueued, pool.stats.queuedCount);
    answers.push(answer);
  });
  await Promise.all(calls);
  expect(answers.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 50 }, (_, index) => index));
  expect(mostQueued).toBe(3);
});

test("a call that waits for a place gives it to the next when it is aborted", async () => {
  const pool = open("well", { maxQueue: 1 });
  const controller = new AbortController();
  const { signal } = controller;
  const first = failureOf(pool.call("hang", {}, { deadlineMs: 100 }));
  const queued = pool.call("echo", "queued", generous);
  const waiting = pool.call("echo", "waiting", { ...generous, signal });
  const behind = pool.call("echo", "behind", generous);
  controller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  expect((await first).cause).toBe("worker_timeout");
  expect(await Promise.all([queued, behind])).toEqual(["queued", "behind"]);
});

test("a helper that does not come up is tried three times, and every call says why", async () => {
  const pool = open("dies-before-hello");
  const why = {
    cause: "worker_start",
    message:
      "the helper process ended with code 1 - misbehaving, pid P - its last words:\nModuleNotFoundError: no module named sums",
  };
  expect(await failureOf(pool.call("echo", 1, generous))).toEqual(why);
  expect(await failureOf(pool.ready)).toEqual(why);
  expect(await failureOf(pool.call("echo", 2, generous))).toEqual(why);
  expect(pool.stats.restartCount).toBe(2);
});

test("a helper whose program does not exist says so", async () => {
  const pool = new WorkerPool({ name: "absent", file: "/nowhere/python", args: [] }, { firstBackoffMs: 1 });
  pools.push(pool);
  expect(await failureOf(pool.ready)).toEqual({
    cause: "worker_start",
    message:
      "the helper process could not be started: spawn /nowhere/python ENOENT - absent, pid P - run /nowhere/python by hand",
  });
});

test("a helper that never says hello is killed at the deadline of its start", async () => {
  const { cause, message } = await failureOf(open("mute", { startDeadlineMs: 200, maxFailedStarts: 1 }).ready);
  expect(cause).toBe("worker_start");
  expect(message).toContain("gave no answer to hello within 200 ms and was killed");
});

test("a helper of another name is refused", async () => {
  const { cause, message } = await failureOf(open("other-name", { maxFailedStarts: 1 }).ready);
  expect(cause).toBe("worker_start");
  expect(message).toBe(
    "the helper process calls itself stranger and speaks protocol 1, not 1 - misbehaving, pid P - install both sides from the same release",
  );
});

test("a helper that dies at every call fails each of them and is given up after so many in a row", async () => {
  const pool = open("dies-at-every-call", { maxCrashes: 3 });
  const causes = [];
  for (let index = 0; index < 5; index += 1) causes.push((await failureOf(pool.call("echo", index, generous))).cause);
  expect(causes).toEqual(["worker_died", "worker_died", "worker_died", "worker_start", "worker_start"]);
  expect((await failureOf(pool.call("echo", 9, generous))).message).toBe(
    "the helper process died 3 times without an answer in between - misbehaving - look at its last words in the failed calls before this one",
  );
});

test("close fails what is under way and what waits, leaves no process, and may be called twice", async () => {
  const pool = open("well", { processCount: 2 });
  const pids = [await pool.call("pid", {}, generous), await pool.call("pid", {}, generous)] as number[];
  const underWay = [1, 2, 3, 4].map(() => failureOf(pool.call("hang", {}, generous)));
  await pool.close();
  await pool.close();
  expect((await Promise.all(underWay)).map(({ cause }) => cause)).toEqual(Array(4).fill("worker_closed"));
  expect(await failureOf(pool.call("echo", 1, generous))).toEqual({
    cause: "worker_closed",
    message: "the pool was closed - misbehaving - open another",
  });
  expect(pids.every(isGone)).toBe(true);
  expect(pool.stats.pids).toEqual([]);
});

test("a helper that ignores the end of its stdin is killed", async () => {
  const pool = open("ignores-end");
  const pid = (await pool.call("pid", {}, generous)) as number;
  await pool.close();
  expect(isGone(pid)).toBe(true);
});

test("a Python helper ends with a parent that was killed, also in the middle of a call", async () => {
  const orphaner = fileURLToPath(new URL("./fixtures/orphans-its-helper.js", import.meta.url));
  const args = [orphaner, python.python, python.pythonPath![0]!, "9^{9^9}"];
  const parent = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(said.toString());
  expect(isGone(pid)).toBe(false);
  parent.kill("SIGKILL");
  await vi.waitUntil(() => isGone(pid), 60_000);
});
