// Bad days: whatever dies, hangs or starts too late, whoever waits is told, and nothing is left running.
// Takes about a minute.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { ActorError, addressOf, type Handle, Node, type NodeOptions, pythonActor } from "../../runtime/index.ts";
import {
  DiesInAStreamActor,
  type Gate,
  GateActor,
  HangsInItsConstructorActor,
  RejectsUnheardActor,
  StartsWhenLetActor,
} from "../fixtures/bad-days.ts";
import { ForwardsActor, NeverYieldsActor } from "../fixtures/conduct.ts";
import { CounterActor } from "../fixtures/counter.ts";
import { survivors } from "../tools/cli.ts";

const pythonFixtures = fileURLToPath(new URL("../../../test/fixtures", import.meta.url));
const program = (name: string) => fileURLToPath(new URL(`../fixtures/${name}.js`, import.meta.url));
const again = { restart: "permanent", firstBackoffMs: 1 } as const;

const nodes: Node[] = [];
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

async function startNode(options: NodeOptions = {}): Promise<Node> {
  const node = await Node.start({ python: { path: [pythonFixtures] }, ...options });
  nodes.push(node);
  return node;
}

async function caught(call: Promise<unknown>): Promise<ActorError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ActorError);
  return error as ActorError;
}

async function pidOf(node: Node, actor: object): Promise<number> {
  const reports = await node.control().actors({ isBrief: true });
  return Number(reports.find(({ address }) => address === addressOf(actor))!.host.match(/pid (\d+)/)![1]);
}

const expectGone = (pids: number[]) => expect.poll(() => survivors(pids), { timeout: 20_000 }).toEqual([]);

describe("a thread", () => {
  test("that a rejection ends which nobody heard takes its own actors along, and says why", async () => {
    const node = await startNode();
    const counter = await node.spawn(CounterActor, [1], { placement: "thread" });
    const rejecting = await node.spawn(RejectsUnheardActor, [], { placement: "thread" });
    const down = node.monitor(rejecting);
    await rejecting.reject("nobody heard this").catch(() => {});
    expect(await down).toMatchObject({ isRestarting: false, reason: "nobody heard this" });
    expect(await counter.add(1)).toBe(2);
  });

  test("whose heap is full ends alone, and the program goes on", async () => {
    const child = spawn(process.execPath, ["--max-old-space-size=48", program("hoarding-program")], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    const line = await new Promise<string>((resolve) =>
      createInterface({ input: child.stdout! }).once("line", resolve),
    );
    expect(await ended).toBe(0);
    const { message, next } = JSON.parse(line) as { message: string; next: number };
    expect(message).toMatch(/^actor_down: hoarding@node-a was lost before it answered hoard .*reaching memory limit/);
    expect(next).toBe(2);
  });

  test("that dies while an actor streams breaks the stream after the items that came", async () => {
    const node = await startNode();
    const dying = await node.spawn(DiesInAStreamActor, [], { placement: "thread" });
    const seen: number[] = [];
    const error = await caught(
      (async () => {
        for await (const item of dying.items()) seen.push(item);
      })(),
    );
    expect(error.message).toMatch(new RegExp(`^actor_down: ${addressOf(dying)} was lost before it answered items `));
    expect([[], [1], [1, 2]]).toContainEqual(seen);
  });

  test("that never yields is killed with the actor that blocks it, and the others of that thread come back", async () => {
    const node = await startNode({ sharedThreads: 1 });
    const counter = await node.spawn(CounterActor, [5], again);
    const spinning = await node.spawn(NeverYieldsActor, []);
    const call = caught(spinning.with({ deadlineMs: null }).spin());
    await node.stopActor(spinning, "it took too long", 10);
    expect((await call).code).toBe("actor_down");
    expect([await counter.get(), await counter.reason()]).toEqual([5, "restart"]);
  });
});

describe("a process", () => {
  test("that is frozen is given up: it is killed, its call ends, and its actor lives again elsewhere", async () => {
    const node = await startNode({ heartbeat: { everyMs: 100, suspectMs: 400, deadMs: 1000 } });
    const counter = await node.spawn(CounterActor, [5], { ...again, placement: "process" });
    const pid = await pidOf(node, counter);
    process.kill(pid, "SIGSTOP");
    const error = await caught(counter.with({ deadlineMs: null }).waitForever());
    expect(error.message).toMatch(
      new RegExp(
        `^actor_down: ${addressOf(counter)} was lost before it answered waitForever .*has been silent for 1 s\\.$`,
      ),
    );
    expect([await counter.get(), await counter.reason()]).toEqual([5, "restart"]);
    await expectGone([pid]);
  });

  test("that is killed calls off what it had asked of others", async () => {
    const node = await startNode();
    const counter = await node.spawn(CounterActor, []);
    const forwards = await node.spawn(ForwardsActor, [counter], { placement: "process" });
    const call = caught(forwards.waitForever());
    await expect.poll(() => node.control().inFlight(addressOf(counter))).toHaveLength(1);
    process.kill(await pidOf(node, forwards), "SIGKILL");
    expect((await call).code).toBe("actor_down");
    await expect.poll(() => counter.abortReason()).toMatch(/, which asked, is gone\.$/);
  });

  test("of Python that is killed in a call lives again, and is given up after the third crash in a row", async () => {
    const node = await startNode();
    const NeverReturns = pythonActor<{ sit(): void; pid(): number }>("bad_days:NeverReturns");
    const sitting = await node.spawn(NeverReturns, [], {
      ...again,
      name: "sitting",
      maxRestarts: 2,
      withinMs: 600_000,
    });
    const pids: number[] = [];
    for (let crash = 1; crash <= 3; crash += 1) {
      pids.push(await sitting.with({ deadlineMs: null }).pid());
      const call = caught(sitting.with({ deadlineMs: null }).sit());
      await expect.poll(() => node.control().inFlight("sitting@node-a")).toHaveLength(1);
      const down = node.monitor(sitting);
      process.kill(pids.at(-1)!, "SIGKILL");
      const error = await call;
      expect([error.code, error.actor, error.method]).toEqual(["actor_down", "sitting@node-a", "sit"]);
      expect(await down).toMatchObject({ incarnation: crash, isRestarting: crash < 3, reason: "killed by SIGKILL" });
    }
    expect(new Set(pids).size).toBe(3);
    expect((await caught(sitting.pid())).message).toBe(
      "restart_intensity: sitting@node-a was given up after more than 2 restarts in 600 s; it died last because: killed by SIGKILL.",
    );
  });

  test("of Python that ends itself is quoted with its last words", async () => {
    const node = await startNode();
    const leaving = await node.spawn(pythonActor<{ leave(code: number): void }>("bad_days:Exits"), []);
    const down = node.monitor(leaving);
    await caught(leaving.leave(7));
    expect((await down).reason).toBe("exit code 7; it said last:\nno more of this");
  });
});

describe("a start", () => {
  async function startLate(
    node: Node,
    options: { placement: "shared" | "thread" | "process" },
  ): Promise<{ gate: Handle<Gate>; late: Promise<ActorError> }> {
    const gate = await node.spawn(GateActor, []);
    const late = caught(node.spawn(StartsWhenLetActor, [gate], { ...options, ...again, name: "late" }));
    await gate.visitor(1);
    return { gate, late };
  }

  test.each(["shared", "thread", "process"] as const)(
    "of a %s actor is called off by stopping it",
    async (placement) => {
      const node = await startNode({ sharedThreads: 1 });
      const { gate, late } = await startLate(node, { placement });
      const down = node.monitor("late@node-a");
      await node.stopActor("late@node-a", "not wanted");
      const text = "stopped: late@node-a was stopped while it started: not wanted.";
      expect((await late).message).toBe(text);
      expect(await down).toMatchObject({ isRestarting: false });
      if (placement === "process") expect(survivors([await gate.visitor(1)])).toEqual([]);
      await gate.setOpen(true);
      expect(await (await node.spawn(StartsWhenLetActor, [gate], { placement, name: "late" })).ping()).toBe("pong");
    },
  );

  test("that was called off does no harm to a later one of its name on the same thread", async () => {
    const node = await startNode({ sharedThreads: 1 });
    const { gate } = await startLate(node, { placement: "shared" });
    await node.stopActor("late@node-a", "not wanted");
    const second = node.spawn(StartsWhenLetActor, [gate], { name: "late" });
    await gate.visitor(2);
    await gate.setOpen(true);
    const late = await second;
    for (let time = 0; time < 20; time += 1) expect(await late.ping()).toBe("pong");
  });

  test("that follows a crash is called off by stopping it, and leaves no process", async () => {
    const node = await startNode();
    const gate = await node.spawn(GateActor, []);
    await gate.setOpen(true);
    const actor = await node.spawn(StartsWhenLetActor, [gate], { ...again, placement: "process" });
    await gate.setOpen(false);
    process.kill(await gate.visitor(1), "SIGKILL");
    const second = await gate.visitor(2);
    const waiting = caught(actor.ping());
    await node.stopActor(actor, "not wanted");
    expect((await waiting).message).toBe(`stopped: ${addressOf(actor)} was stopped: not wanted.`);
    expect(survivors([second])).toEqual([]);
  });

  test("under way when its node stops ends with it, and no other begins", async () => {
    const node = await startNode();
    const { gate, late } = await startLate(node, { placement: "process" });
    const pid = await gate.visitor(1);
    const stopping = node.stop("enough");
    const refused = await caught(node.spawn(CounterActor, []));
    expect(refused.message).toBe("stopped: node-a is stopping and starts no actors.");
    await stopping;
    expect((await late).message).toBe("stopped: late@node-a was stopped while it started: enough.");
    expect(survivors([pid])).toEqual([]);
  });

  test.each(["shared", "thread", "process"] as const)(
    "that never ends is given up, and a %s actor's place is free again",
    async (placement) => {
      const node = await startNode({ sharedThreads: 1 });
      const options = { placement, name: "stuck", startDeadlineMs: 700 };
      const error = await caught(node.spawn(HangsInItsConstructorActor, [], options));
      expect(error.message).toBe(
        "start_failed: stuck@node-a (HangsInItsConstructor) did not start within 700 ms. " +
          "See what its constructor and start hook wait for, or give it more startDeadlineMs.",
      );
      expect(await (await node.spawn(CounterActor, [3], { placement, name: "stuck" })).get()).toBe(3);
    },
  );

  test("from a file that is also the program says so, instead of starting the program for ever", async () => {
    const child = spawn(process.execPath, [program("starts-itself")], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((resolve) => child.on("close", resolve));
    const line = await new Promise<string>((resolve) =>
      createInterface({ input: child.stdout! }).once("line", resolve),
    );
    expect(line).toMatch(
      /^start_failed: starts-itself-1@node-a \(StartsItself\) did not start: bad_option: .*starts-itself\.js starts a node while it is loaded for an actor\. Give the actor's class a file of its own\.$/,
    );
    expect(await ended).toBe(0);
  });

  test("without a Python says what to do", async () => {
    const node = await startNode({ python: { executable: "no-such-python" } });
    const error = await caught(node.spawn(pythonActor("counter:Counter"), [], { name: "learner" }));
    expect(error.message).toBe(
      "start_failed: learner@node-a did not start: process_failed: node-a/learner cannot be started: " +
        "no program no-such-python. Install Python 3.11 or newer, or name an interpreter in ITERANT_PYTHON.",
    );
  });

  test("with a Python that lacks a package says which, and what to do", async () => {
    const node = await startNode({ python: { env: { PYTHONPATH: "/nowhere" } } });
    const error = await caught(node.spawn(pythonActor("counter:Counter"), []));
    expect(error.message).toMatch(/^start_failed: .* ended before it said HELLO: exit code 1; it said last:\n/);
    expect(error.message).toMatch(/No module named '?iterant/);
    expect(error.message).toMatch(/\nThis Python lacks a package: npm run setup makes one that has them all, or name /);
  });

  test("of a Python class that is not there says where it was looked for", async () => {
    const node = await startNode();
    const error = await caught(node.spawn(pythonActor("counter:Nobody"), [], { name: "nobody" }));
    expect(error.message).toBe(
      "start_failed: nobody@node-a (Nobody) did not start: module counter has no class Nobody",
    );
  });
});

describe("a node that is killed", () => {
  test("leaves no process behind: not of Node, not of Python, not one that never yields", async () => {
    const child = spawn(process.execPath, [program("node-to-be-killed"), pythonFixtures], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const line = await new Promise<string>((resolve) =>
      createInterface({ input: child.stdout! }).once("line", resolve),
    );
    const pids = JSON.parse(line) as number[];
    expect(survivors(pids)).toHaveLength(3);
    const ended = new Promise((resolve) => child.on("close", resolve));
    child.kill("SIGKILL");
    await ended;
    await expectGone(pids);
  });
});
