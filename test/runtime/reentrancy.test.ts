// Calls in a circle: found by the chain that travels with them, wherever the actors of the circle live.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ActorError, addressOf, Node, type Placement, type SpawnOptions } from "../../runtime/index.ts";
import { CirclingActor, QueueingActor } from "../fixtures/queueing.ts";

let node: Node;
beforeAll(async () => {
  node = await Node.start({ name: "node-a" });
});
afterAll(() => node.stop());

const caught = (call: Promise<unknown>): Promise<ActorError> =>
  call.then(
    (value) => expect.fail(`answered ${String(value)}`),
    (error: unknown) => error as ActorError,
  );

const spawn = (options: SpawnOptions = {}) => node.spawn(CirclingActor, [], options);

describe.each<Placement>(["shared", "thread", "process"])("a circle of calls among %s actors", (placement) => {
  test("fails at once on an actor that runs one call at a time, and prints the circle", async () => {
    const [a, b, c] = await Promise.all([spawn({ placement }), spawn(), spawn({ placement })]);
    const error = await caught(a.ask([b, c, a]));
    const [first, second, third] = [a, b, c].map(addressOf);
    expect(error.message).toBe(
      `call_cycle: ${first} would wait for itself: ${first}.ask → ${second}.ask → ${third}.ask → ${first}.ask. ask did not run. Cast it, or give the actor reentrancy callchain.`,
    );
    expect(error.path).toEqual([third, second, first]);
  });

  test("runs inside under callchain", async () => {
    const a = await spawn({ placement, concurrency: 1, reentrancy: "callchain" });
    const b = await spawn();
    expect(await a.ask([b, a])).toBe("asked asked nobody");
  });
});

describe("a circle of calls", () => {
  test("of one actor with itself is one too", async () => {
    const a = await spawn();
    expect((await caught(a.ask([a]))).code).toBe("call_cycle");
  });

  test("within a stream is one too", async () => {
    const [a, b] = await Promise.all([spawn(), spawn()]);
    const items = a.stream([b, a])[Symbol.asyncIterator]();
    expect((await caught(items.next())).code).toBe("call_cycle");
  });

  test("runs inside an actor that runs several at a time, even if all its places are taken", async () => {
    const a = await spawn({ concurrency: 2 });
    const b = await spawn({ concurrency: 2 });
    const circles = [a.ask([b, a]), a.ask([b, a]), a.ask([b, a])];
    expect(await Promise.all(circles)).toEqual(Array.from({ length: 3 }, () => "asked asked nobody"));
  });

  test("is nothing that lets calls of others in: under callchain they wait as ever", async () => {
    const actor = await node.spawn(QueueingActor, [], { concurrency: 1, reentrancy: "callchain" });
    const held = new AbortController();
    const holding = caught(actor.with({ signal: held.signal }).hold());
    const later = actor.note("later");
    const waiting = async () =>
      (await node.control().actors()).find(({ address }) => address === addressOf(actor))!.cell;
    await expect.poll(waiting, { timeout: 20_000 }).toMatchObject({ running: 1, mailboxLength: 1 });
    held.abort();
    await holding;
    expect(await later).toBe("later");
  });

  test("is none where the first call is over, or where nobody calls back", async () => {
    const [a, b] = await Promise.all([spawn(), spawn()]);
    expect(await a.ask([b])).toBe("asked nobody");
    expect(await b.ask([a])).toBe("asked nobody");
  });

  test("under always every call runs at once", async () => {
    const actor = await node.spawn(QueueingActor, [], { reentrancy: "always" });
    const held = new AbortController();
    const holding = actor.with({ signal: held.signal }).hold();
    expect(await actor.note("beside")).toBe("beside");
    held.abort();
    expect((await caught(holding)).code).toBe("cancelled");
  });

  test("is refused as an option by any other name", async () => {
    const error = await caught(spawn({ reentrancy: "maybe" as never }));
    expect(error.message).toBe("bad_option: reentrancy is never, callchain or always, not maybe.");
  });
});

describe("options of a mailbox that cannot be are refused", () => {
  test.each<[SpawnOptions, string]>([
    [{ lanes: {} }, "lanes: there are none. Name one, or leave lanes out."],
    [{ lanes: { fast: { weight: 0.5 } } }, "weight of lane fast is a whole number from 1, not 0.5."],
    [{ mailboxCapacity: 0 }, "mailboxCapacity is a whole number from 1, not 0."],
    [{ whenFull: "panic" as never }, "whenFull is wait, fail or drop-oldest, not panic."],
  ])("%o", async (options, message) => {
    expect((await caught(spawn(options))).message).toBe(`bad_option: ${message}`);
  });

  test("and so is a priority that is no whole number", async () => {
    const actor = await node.spawn(QueueingActor, []);
    const error = await caught(actor.with({ priority: 0.5 }).note("a"));
    expect(error.message).toBe("bad_option: priority is a whole number, not 0.5; note was not sent.");
  });
});

describe("a deadline", () => {
  test("is carried through a nested call as the time that is left", async () => {
    const [outer, inner] = [await spawn({ placement: "process" }), await node.spawn(QueueingActor, [])];
    const leftMs = await outer.with({ deadlineMs: 20_000 }).leftMs(inner);
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(20_000); // not the 30 000 that a call has of its own
  });
});
