// What a node promises to those who call its actors, however badly the actors behave.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ActorError, addressOf, cast, type Handle, Node } from "../../runtime/index.ts";
import {
  CrashesOutsideACallActor,
  ForwardsActor,
  NeverYieldsActor,
  TakesOneAtATimeActor,
} from "../fixtures/conduct.ts";
import { type Counter, CounterActor } from "../fixtures/counter.ts";
import { QueueingActor } from "../fixtures/queueing.ts";

let node: Node;
beforeAll(async () => {
  node = await Node.start({ name: "node-a", sharedThreads: 2 });
});
afterAll(() => node.stop());

const caught = async (call: Promise<unknown>): Promise<ActorError> => {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ActorError);
  return error as ActorError;
};

const pidOf = async (actor: object): Promise<number> => {
  const reports = await node.control().actors();
  return Number(reports.find(({ address }) => address === addressOf(actor))!.host.match(/pid (\d+)/)![1]);
};

describe("a handle", () => {
  test("travels in arguments and results and works where it arrives", async () => {
    const counter = await node.spawn(CounterActor, [1]);
    const forwards = await node.spawn(ForwardsActor, [counter], { placement: "process" });
    expect(await forwards.add(2)).toBe(3);
    const back: Handle<Counter> = await forwards.target();
    expect(await back.add(1)).toBe(4);
  });

  test("is found again by its name, and a name that nobody has is an error", async () => {
    await node.spawn(CounterActor, [7], { name: "found" });
    expect(await (await node.lookup<Counter>("found")).get()).toBe(7);
    expect((await caught(node.lookup("nobody"))).message).toBe(
      "no_such_actor: nobody in the cluster is called nobody. Spawn it first, or check the name.",
    );
  });

  test("called as a function says what it is", async () => {
    const counter = await node.spawn(CounterActor, []);
    expect(() => (counter as unknown as () => void)()).toThrow(
      /is a handle, not a function\. Call one of its methods\.$/,
    );
  });
});

describe("a nested call", () => {
  test("carries the error of the actor that threw, with every actor that it crossed", async () => {
    const counter = await node.spawn(CounterActor, []);
    const forwards = await node.spawn(ForwardsActor, [counter]);
    const error = await caught(forwards.fail("deep"));
    expect(error.path).toEqual([addressOf(counter), addressOf(forwards)]);
    expect(error.actor).toBe(addressOf(counter));
  });

  test("is called off with the call that it belongs to", async () => {
    const counter = await node.spawn(CounterActor, []);
    const forwards = await node.spawn(ForwardsActor, [counter], { placement: "thread" });
    await caught(forwards.with({ deadlineMs: 60 }).waitForever());
    await expect.poll(() => counter.abortReason()).toMatch(/^cancelled: waitForever was called off: /);
  });
});

describe("a mailbox that is full", () => {
  test("refuses the next call and says how full it is", async () => {
    const slow = await node.spawn(TakesOneAtATimeActor, []);
    const held = [slow.hold(), slow.hold(), slow.hold()].map(caught);
    const error = await caught(slow.hold());
    expect(error.message).toBe(
      `mailbox_full: ${addressOf(slow)} refused hold: mailbox 2 of 2, 2 of 268435456 bytes. It lives but is behind: send less, or raise mailboxCapacity or mailboxBytes.`,
    );
    await node.stopActor(slow, "seen enough", 10);
    const messages = (await Promise.all(held)).map(({ message }) => message);
    expect(messages).toEqual([
      `stopped: ${addressOf(slow)} was stopped while hold ran, and it did not end within 10 ms: seen enough.`,
      `stopped: ${addressOf(slow)} was stopped before hold could run: seen enough.`,
      `stopped: ${addressOf(slow)} was stopped before hold could run: seen enough.`,
    ]);
  });

  test("runs no call whose deadline passed while it waited", async () => {
    const counter = await node.spawn(CounterActor, [], { concurrency: 1 });
    const running = new AbortController();
    const first = caught(counter.with({ signal: running.signal }).waitForever());
    expect((await caught(counter.with({ deadlineMs: 60 }).add(1))).code).toBe("call_timeout");
    running.abort();
    await first;
    expect(await counter.get()).toBe(0);
  });

  test("a method whose name begins with an underscore is not there", async () => {
    const slow = (await node.spawn(TakesOneAtATimeActor, [])) as unknown as { _private(): Promise<string> };
    expect((await caught(slow._private())).code).toBe("no_such_method");
  });
});

describe("a crash", () => {
  test("in a thread ends the calls in flight there, and nothing else", async () => {
    const other = await node.spawn(CounterActor, [], { placement: "thread" });
    const crashing = await node.spawn(CrashesOutsideACallActor, [], { placement: "thread" });
    const inFlight = caught(crashing.neverReplies());
    const down = node.monitor(crashing);
    cast(crashing).crash("nobody catches this");
    expect((await inFlight).message).toMatch(
      /^actor_down: .* was lost before it answered neverReplies .*nobody catches this/,
    );
    expect(await down).toMatchObject({
      incarnation: 1,
      isRestarting: false,
      reason: expect.stringContaining("nobody"),
    });
    expect((await caught(crashing.ping())).message).toMatch(
      /Nobody starts it again: its restart policy is temporary\.$/,
    );
    expect(await other.add(1)).toBe(1);
  });

  test("in a shared thread brings every actor of that thread back that wants to come back", async () => {
    await using shared = await Node.start({ name: "one-thread", sharedThreads: 1 });
    const stays = await shared.spawn(CounterActor, [5], { restart: "permanent", firstBackoffMs: 1 });
    const crashing = await shared.spawn(CrashesOutsideACallActor, [], { restart: "permanent", firstBackoffMs: 1 });
    await stays.add(1);
    cast(crashing).crash("together");
    await expect.poll(() => stays.reason().catch(() => "")).toBe("restart");
    expect(await crashing.ping()).toBe("pong");
    expect(await stays.get()).toBe(5);
  });

  test("of a process is seen when it is killed, and the next life starts afresh behind the same handle", async () => {
    const counter = await node.spawn(CounterActor, [5], {
      placement: "process",
      restart: "permanent",
      firstBackoffMs: 1,
    });
    await counter.add(1);
    const down = node.monitor(counter);
    process.kill(await pidOf(counter), "SIGKILL");
    expect(await down).toMatchObject({ incarnation: 1, isRestarting: true, reason: "killed by SIGKILL" });
    expect([await counter.get(), await counter.reason()]).toEqual([5, "restart"]);
  });

  test("lets nothing run later that was given up while the actor was down", async () => {
    const counter = await node.spawn(CounterActor, [5], {
      placement: "process",
      restart: "permanent",
      firstBackoffMs: 500,
      lastBackoffMs: 500,
    });
    const down = node.monitor(counter);
    process.kill(await pidOf(counter), "SIGKILL");
    await down;
    const running = new AbortController();
    const calledOff = caught(counter.with({ signal: running.signal }).add(10));
    const late = caught(counter.with({ deadlineMs: 20 }).add(100));
    const inTime = counter.add(1);
    running.abort();
    expect([(await calledOff).code, (await late).code]).toEqual(["cancelled", "call_timeout"]);
    expect(await inTime).toBe(6);
    expect(await counter.get()).toBe(6);
  });

  test("takes from a call's deadline the time for which the actor was down", async () => {
    const actor = await node.spawn(QueueingActor, [], {
      placement: "process",
      restart: "permanent",
      firstBackoffMs: 500,
      lastBackoffMs: 500,
    });
    const down = node.monitor(actor);
    process.kill(await pidOf(actor), "SIGKILL");
    await down;
    expect(await actor.with({ deadlineMs: 60_000 }).leftMs()).toBeLessThan(59_700);
  });

  test("that comes back too often is given up, and whoever waited is told why", async () => {
    const crashing = await node.spawn(CrashesOutsideACallActor, [], {
      placement: "thread",
      restart: "permanent",
      maxRestarts: 1,
      firstBackoffMs: 1,
    });
    const firstEnd = node.monitor(crashing);
    cast(crashing).crash("first");
    expect((await firstEnd).isRestarting).toBe(true);
    expect(await crashing.ping()).toBe("pong");
    const secondEnd = node.monitor(crashing);
    cast(crashing).crash("second");
    expect((await secondEnd).isRestarting).toBe(false);
    expect((await caught(crashing.ping())).message).toMatch(
      /^restart_intensity: .* was given up after more than 1 restarts in 5 s; it died last because: second\.$/,
    );
  });

  test("by process.exit in a thread ends that thread alone", async () => {
    const crashing = await node.spawn(CrashesOutsideACallActor, [], { placement: "thread" });
    const error = await caught(crashing.exit(3));
    expect(error.code).toBe("actor_down");
  });

  test("an actor that never yields can still be stopped, by killing its thread", async () => {
    const spinning = await node.spawn(NeverYieldsActor, [], { placement: "process" });
    const call = caught(spinning.with({ deadlineMs: null }).spin());
    process.kill(await pidOf(spinning), "SIGKILL");
    expect((await call).code).toBe("actor_down");
  });
});

describe("names", () => {
  test("are unique in the cluster and free again after the actor's end", async () => {
    const first = await node.spawn(CounterActor, [], { name: "only" });
    const error = await caught(node.spawn(CounterActor, [], { name: "only" }));
    expect(error.message).toBe(
      "name_taken: the name only is taken by only@node-a. Choose another, or look that one up.",
    );
    await node.stopActor(first);
    expect(addressOf(await node.spawn(CounterActor, [], { name: "only" }))).toBe("only@node-a");
  });

  test.each(["a@b", "a/b", "$a", "a b", ""])("'%s' is no name", async (name) => {
    expect((await caught(node.spawn(CounterActor, [], { name }))).code).toBe("bad_option");
  });
});

describe("a monitor", () => {
  test("of an actor that never lived is told at once", async () => {
    expect(await node.monitor("ghost")).toMatchObject({ incarnation: 0, isRestarting: false });
  });
});

describe("stopping a node", () => {
  test("settles every call in flight and leaves no process behind", async () => {
    const short = await Node.start({ name: "short" });
    const inProcess = await short.spawn(CounterActor, [], { placement: "process" });
    const inThread = await short.spawn(CounterActor, []);
    const { host } = (await short.control().actors()).find(({ placement }) => placement === "process")!;
    const calls = Promise.allSettled([inProcess.waitForever(), inThread.with({ deadlineMs: null }).waitForever()]);
    cast(inThread).add(1);
    await short.stop();
    const outcomes = await calls;
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(ActorError);
      else expect(outcome.value).toBe("aborted"); // it ended in order while it was given time
    }
    expect(() => process.kill(Number(host.match(/pid (\d+)/)![1]), 0)).toThrow("ESRCH");
    await short.stop(); // twice is fine
  });

  test("a bad name is refused", async () => {
    await expect(Node.start({ name: "a@b" })).rejects.toThrow("bad_option: 'a@b' is no name for a node");
  });
});
