// `iterant attach` for scripts and for those who mistype: tables, JSON, exit codes, actors that do not answer.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeKeys, Node, pythonActor } from "../../../runtime/index.ts";
import { NeverYieldsActor, TakesOneAtATimeActor } from "../../fixtures/conduct.ts";
import { CounterActor } from "../../fixtures/counter.ts";
import { iterant, type LiveRun, readLines, startRun } from "./live-run.ts";

let run: LiveRun;

beforeAll(async () => {
  run = await startRun();
  const counter = await run.node.spawn(CounterActor, [3], { name: "counter-1" });
  await counter.add(4);
  await run.node.spawn(pythonActor("counter:Counter"), [5], { name: "python-1" });
  const stuck = await run.node.spawn(NeverYieldsActor, [], { name: "stuck-1", placement: "thread" });
  const slow = await run.node.spawn(TakesOneAtATimeActor, [], { name: "slow-1" });
  const unending: Promise<unknown>[] = [
    stuck.with({ deadlineMs: null }).spin(),
    slow.with({ deadlineMs: null }).hold(),
  ];
  for (const call of unending) call.catch(() => {}); // they end with their node
});
afterAll(() => run.end());

const attach = (...args: string[]) => iterant(run, ["attach", ...args]);

describe("without an actor", () => {
  test("lists all of the newest run, and says of whom there is no answer", async () => {
    const { stdout, stderr, exitCode } = await attach();
    expect([stderr, exitCode]).toEqual(["", 0]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(
      /^actor +class +placement +state +mailbox +running +busy +handled +failed +restarts +age$/,
    );
    expect(lines[1]).toMatch(/^counter-1@node-a +Counter +shared +up +0\/10000 +0 +\d+ % +1 +0 +0 +[\d.]+ m?s$/);
    expect(lines[2]).toMatch(/^python-1@node-a +Counter +python +up /);
    expect(lines[3]).toMatch(/^stuck-1@node-a +NeverYields +thread +no answer +\? +\? +\? +\? +\? +0 +\?$/);
    expect(lines[4]).toMatch(/^slow-1@node-a +TakesOneAtATime +shared +up +0\/2 +1 /);
  });

  test("gives the same as JSON", async () => {
    const { stdout } = await attach("run-1", "--json");
    const { actors, silent } = JSON.parse(stdout) as { actors: Record<string, unknown>[]; silent: unknown[] };
    expect(silent).toEqual([]);
    expect(actors[0]).toMatchObject({
      address: "counter-1@node-a",
      handled: 1,
      mailboxLength: 0,
      busyShare: expect.any(Number),
    });
    expect(actors[2]).toMatchObject({ address: "stuck-1@node-a", state: "up", handled: null });
  });
});

describe("--eval", () => {
  test("prints the value, as text or as JSON", async () => {
    const cases: [string[], string][] = [
      [["counter-1", "--eval", "({ value: self.#value })"], "{ value: 7 }\n"],
      [["counter-1", "--eval", "({ value: self.#value })", "--json"], '{"value":7}\n'],
      [["counter-1", "--eval", "undefined", "--json"], "null\n"],
      [["python-1", "--eval", "{'value': self.value}", "--json"], '{"value": 5}\n'],
      [["python-1", "--eval", "None", "--json"], "null\n"],
    ];
    for (const [args, stdout] of cases) {
      expect(await attach("latest", ...args)).toEqual({ stdout, stderr: "", exitCode: 0 });
    }
  });

  test("of an expression that fails, is refused, or has no JSON ends with 1 and says why", async () => {
    const cases: [string[], string][] = [
      [["counter-1", "--eval", "nope"], "ReferenceError: nope is not defined"],
      [["counter-1", "--eval", "self.add(1)"], "refused: this expression would change something."],
      [["python-1", "--eval", "self.nope"], "AttributeError: 'Counter' object has no attribute 'nope'"],
      [["counter-1", "--eval", "self.add", "--json"], "the value has no JSON: [Function: add]. Leave --json out."],
    ];
    for (const [args, message] of cases) {
      const { stdout, stderr, exitCode } = await attach("latest", ...args);
      expect([stdout, exitCode]).toEqual(["", 1]);
      expect(stderr).toMatch(`iterant: ${message}`);
    }
  });

  test("shows no control characters of an actor's to the terminal", async () => {
    const { stderr } = await attach("latest", "counter-1", "--eval", "throw new Error('\\u001b[2J\\u0007')");
    expect(stderr).toMatch("Error: \\x1b[2J\\x07");
  });

  test("with --write changes the actor and is recorded", async () => {
    const writing = ["python-1", "--write", "--eval"];
    expect(await attach("latest", ...writing, "self.add(1)")).toMatchObject({ stdout: "6\n", exitCode: 0 });
    expect(await attach("latest", ...writing, "self.add(-1)")).toMatchObject({ stdout: "5\n", exitCode: 0 });
    expect(readLines(join(run.folder, "logs/audit.jsonl"))).toMatchObject([
      { actor: "python-1@node-a", expression: "self.add(1)", outcome: "begun" },
      { actor: "python-1@node-a", expression: "self.add(1)", outcome: "ok", text: "6" },
      { expression: "self.add(-1)", outcome: "begun" },
      { expression: "self.add(-1)", outcome: "ok" },
    ]);
  });
});

describe("an actor that does not answer", () => {
  test("is reported in time, with what it was asked and by whom", async () => {
    const { stderr, exitCode } = await attach("latest", "stuck-1", "--eval", "1", "--wait", "0.5");
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^iterant: stuck-1@node-a gave no answer within 500 ms: its host, thread \d of node-a, is busy\.\n {2}asked and not answered, the oldest first:\n {4}stuck-1@node-a spin, by driver@node-a, [\d.]+ m?i?n?s? ?ago\n {2}it runs, innermost first:\n {4}spin \(.*conduct\.js:\d+\)\n[\s\S]* {2}It goes on by itself: ask again later, or wait longer with --wait\.\n$/,
    );
  });

  test("does not keep another one from answering, nor one whose call only waits", async () => {
    expect(await attach("latest", "counter-1", "--eval", "1 + 1")).toMatchObject({ stdout: "2\n", exitCode: 0 });
    const { stdout } = await attach("slow-1", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      actor: { address: "slow-1@node-a", running: 1 },
      shape: { className: "TakesOneAtATime", methods: ["hold"] },
      recent: [{ method: "hold", outcome: "running" }],
      inFlight: [{ method: "hold", from: "driver@node-a" }],
    });
  });
});

describe("a Python actor in a call that does not end", () => {
  test("still shows what it does, where it is and how busy it is, and is reported in time", async () => {
    const busy = await run.node.spawn(pythonActor<{ wait(): Promise<void> }>("conduct:NeverReturns"), [], {
      name: "busy-1",
    });
    const waiting = busy.with({ deadlineMs: null }).wait();
    waiting.catch(() => {}); // ends with its process
    const { stderr } = await attach("busy-1", "--eval", "1", "--wait", "0.5");
    expect(stderr).toMatch(
      /^iterant: busy-1@node-a gave no answer within 500 ms: its host, node-a\/busy-1 \(pid \d+\), is busy\.\n {2}asked and not answered, the oldest first:\n {4}busy-1@node-a wait, by driver@node-a, [^\n]*ago\n {2}it runs, innermost first:\n/,
    );
    expect(stderr).toMatch(/\n {4}wait \(.*conduct\.py:\d+\)\n/);
    const { stdout } = await iterant(run, ["attach", "latest", "busy-1"], ".last\n.stats\n.stack\n");
    expect(stdout).toMatch(/driver@node-a +wait +running/);
    expect(stdout).toMatch(/running +1\n/);
    expect(stdout).toMatch(/\nwait \(.*conduct\.py:\d+\)\n/);
    const actors = await run.node.control().actors();
    process.kill(
      Number(/pid (\d+)/.exec(actors.find(({ address }) => address === "busy-1@node-a")!.host)![1]),
      "SIGKILL",
    );
    await expect(waiting).rejects.toThrow("actor_down");
  });
});

describe("lines from a pipe", () => {
  test("are answered in order, dot commands among them, and the last needs no end of line", async () => {
    const script = "[1,\n2]\n.use python-1\nlen(\n'abc')\n.nope\nself.nope\nself.value";
    const { stdout, exitCode } = await iterant(run, ["attach", "latest", "counter-1"], script);
    expect(exitCode).toBe(0);
    const lines = stdout.split("\n");
    expect(lines[0]).toBe("[ 1, 2 ]");
    expect(lines[1]).toMatch(
      /^python-1@node-a, a Counter on node-a\/python-1 \(pid \d+\)\. self is the actor, in Python\.$/,
    );
    expect(lines.slice(3)).toEqual([
      "3",
      "there is no .nope",
      "AttributeError: 'Counter' object has no attribute 'nope'",
      "5",
      "",
    ]);
  });
});

describe("what cannot be attached to", () => {
  const told = async (...args: string[]) => {
    const { stderr, exitCode } = await attach(...args);
    return [stderr.trimEnd(), exitCode];
  };

  test("a wrong name is answered with the nearest", async () => {
    expect(await told("run-1", "conter-1")).toEqual([
      `iterant: ${run.runs}/run-1 has no actor conter-1. Did you mean counter-1?`,
      2,
    ]);
    expect(await told("run-1", "zebra")).toEqual([
      `iterant: ${run.runs}/run-1 has no actor zebra. There are: counter-1, python-1, stuck-1, slow-1.`,
      2,
    ]);
  });

  test("a run that does not live says so", async () => {
    const dead = await startRun("run-9");
    await dead.node.stop();
    const door = join(dead.folder, "node.json");
    const withPid = (pid: number) => {
      rmSync(door);
      writeFileSync(
        door,
        JSON.stringify({
          node: "node-a",
          pid,
          endpoints: { ctl: "ipc:///nowhere/ctl", dat: "ipc:///nowhere/dat" },
          token: "x",
        }),
      );
    };
    const attachDead = async () => (await iterant(dead, ["attach", "run-9", "--wait", "0.2"])).stderr;
    withPid(2 ** 22 + 1);
    expect(await attachDead()).toMatch(/is not running: its process 4194305 is gone and left no word\. Go on with/);
    withPid(process.pid);
    expect(await attachDead()).toMatch(
      /node_down: node-a gave no sign of life at ipc:\/\/\/nowhere\/ctl within 400 ms\./,
    );
    rmSync(door);
    expect(await attachDead()).toMatch(/is not running\. Look at it with: iterant replay/);
    await dead.end();
  });

  test("a wrong token is refused", async () => {
    const other = await startRun("run-8");
    const door = join(other.folder, "node.json");
    const endpoints = await other.node.localEndpoints();
    rmSync(door);
    writeFileSync(door, JSON.stringify({ node: "node-a", pid: process.pid, endpoints, token: "guess" }));
    const { stderr, exitCode } = await iterant(other, ["attach", "run-8"]);
    expect(stderr).toMatch(/unauthorised: node-a did not let observer-\w+ in: its token is not the right one\./);
    expect(exitCode).toBe(1);
    await other.end();
  });

  test("flags that need an actor, and one that needs all, are refused before anything else", async () => {
    expect(await told("latest", "--eval", "1")).toEqual([
      "iterant: --eval needs an actor: iterant attach RUN ACTOR --eval …",
      2,
    ]);
    expect(await told("latest", "counter-1", "--watch")).toEqual([
      "iterant: --watch shows the table of all actors: leave the actor out.",
      2,
    ]);
    expect(await told("--wait", "soon")).toEqual(["iterant: 'soon' is no time: give seconds, as in 0.5.", 2]);
  });
});

test("nobody who attached has left anything behind", async () => {
  expect(run.said).toEqual([]);
  const { inFlightCount } = await run.node.control().info();
  expect(inFlightCount).toBe(3); // spin, hold, and this question
});

describe("a run on two nodes", () => {
  test("lists the actors of both, and evaluates on either", async () => {
    const [keys, memberKeys] = [makeKeys(), makeKeys()];
    const two = await startRun("run-2", { keys, listen: "tcp://127.0.0.1:*" });
    two.node.allow(memberKeys.publicKey);
    const head = { name: "node-a", endpoints: two.node.endpoints!, publicKey: keys.publicKey };
    const member = await Node.start({ name: "node-b", keys: memberKeys, listen: "tcp://127.0.0.1:*", head });
    await two.node.spawn(CounterActor, [1], { name: "near" });
    await two.node.spawn(CounterActor, [2], { name: "far", node: "node-b" });
    const { stdout } = await iterant(two, ["attach"]);
    expect(stdout).toMatch(/\nnear@node-a .*\nfar@node-b /);
    const far = await iterant(two, ["attach", "far", "--eval", "self.#value"]);
    expect(far).toEqual({ stdout: "2\n", stderr: "", exitCode: 0 });
    await member.stop();
    await two.end();
  });
});
