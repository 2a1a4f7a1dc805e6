// Calls of a Python actor whose main thread is busy: taken in, refused, seen and called off all the same.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ActorError, addressOf, type Handle, Node, pythonActor, realClock } from "../../runtime/index.ts";
import { Turn, turns } from "../../runtime/turn.ts";
import type { Queueing } from "../fixtures/queueing.ts";

type Conduct = Pick<Queueing, "note" | "notes" | "hold"> & { work_until_called_off(): Promise<void> };
const Actor = pythonActor<Conduct>("queueing:Queueing");
let node: Node;

beforeAll(async () => {
  const fixtures = fileURLToPath(new URL("../../../test/fixtures", import.meta.url));
  node = await Node.start({ name: "node-a", python: { path: [fixtures] } });
});
afterAll(() => node.stop());

const caught = (call: Promise<unknown>): Promise<ActorError> =>
  call.then(
    (value) => expect.fail(`answered ${String(value)}`),
    (error: unknown) => error as ActorError,
  );
const cellOf = async (actor: object) =>
  (await node.control().actors()).find(({ address }) => address === addressOf(actor))!.cell;
const lastOf = async (actor: object) => (await node.control().recent(addressOf(actor))).at(-1);
const until = (actor: object, fields: object) =>
  expect.poll(() => cellOf(actor), { timeout: 20_000 }).toMatchObject(fields);

describe("a method that never leaves its thread", () => {
  test("hears at its next check that it was called off, and what waits runs", async () => {
    const actor = await node.spawn(Actor, []);
    const running = new AbortController();
    const working = caught(actor.with({ signal: running.signal, deadlineMs: null }).work_until_called_off());
    await until(actor, { running: 1 });
    const next = actor.note("next");
    running.abort();
    expect((await working).code).toBe("cancelled");
    expect(await next).toBe("next");
    expect((await node.control().recent(addressOf(actor)))[0]).toMatchObject({ outcome: "cancelled" });
  });

  test("hears at its next check that its deadline has passed", async () => {
    const actor = await node.spawn(Actor, []);
    expect((await caught(actor.with({ deadlineMs: 100 }).work_until_called_off())).code).toBe("call_timeout");
    await expect.poll(() => lastOf(actor), { timeout: 20_000 }).toMatchObject({ runMs: expect.any(Number) });
    expect(await actor.note("next")).toBe("next");
  });

  test("hears of the stop of its actor", async () => {
    const actor = await node.spawn(Actor, []);
    const working = caught(actor.with({ deadlineMs: null }).work_until_called_off());
    await until(actor, { running: 1 });
    await node.stopActor(actor, "seen enough");
    expect((await working).message).toBe("cancelled: work_until_called_off was called off: seen enough.");
  });

  test("keeps nobody from being refused, called off or seen", async () => {
    const actor = await node.spawn(Actor, [], { concurrency: 1, mailboxCapacity: 1 });
    const running = new AbortController();
    const working = caught(actor.with({ signal: running.signal, deadlineMs: null }).work_until_called_off());
    await until(actor, { running: 1 });
    const [first, second] = [new AbortController(), new AbortController()];
    const waits = caught(actor.with({ signal: first.signal }).note("waits"));
    const kept = caught(actor.with({ signal: second.signal }).note("kept"));
    await until(actor, { running: 1, mailboxLength: 1, parked: 1 });
    second.abort();
    await until(actor, { running: 1, mailboxLength: 1, parked: 0 });
    first.abort();
    await until(actor, { running: 1, mailboxLength: 0, parked: 0 });
    running.abort();
    await Promise.all([waits, kept, working]);
    expect(await actor.notes()).toEqual([]);
  });
});

describe("a call in a circle", () => {
  /** As if the actor had made it within a call of its own. */
  const within = <T>(actor: object, call: () => T): T => {
    const fields = {
      actor: addressOf(actor),
      incarnation: 1,
      from: "driver@node-a",
      method: "hold",
      deadlineAtMs: null,
    };
    return turns.run(new Turn({ ...fields, chain: null, clock: realClock, caller: node.caller }), call);
  };

  test("is refused by an actor that runs one at a time, with the circle", async () => {
    const actor: Handle<Conduct> = await node.spawn(Actor, [], { concurrency: 1 });
    const address = addressOf(actor);
    expect((await caught(within(actor, () => actor.note("a")))).message).toBe(
      `call_cycle: ${address} would wait for itself: ${address}.hold → ${address}.note. note did not run. Cast it, or give the actor reentrancy callchain.`,
    );
  });

  test("runs inside under callchain, though its place is taken", async () => {
    const actor = await node.spawn(Actor, [], { concurrency: 1, reentrancy: "callchain" });
    const held = new AbortController();
    const holding = caught(actor.with({ signal: held.signal }).hold());
    await until(actor, { running: 1 });
    expect(await within(actor, () => actor.note("inside"))).toBe("inside");
    held.abort();
    await holding;
  });
});
