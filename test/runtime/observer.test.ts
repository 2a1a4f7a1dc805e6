// Looking on at a live cluster: who gets in, what may be asked, and that nothing is left behind.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ActorError, addressOf, makeKeys, Node, Observer } from "../../runtime/index.ts";
import { NeverYieldsActor, TakesOneAtATimeActor } from "../fixtures/conduct.ts";
import { CounterActor } from "../fixtures/counter.ts";

const reading = { canWrite: false, timeoutMs: 1000 };
const heartbeat = { everyMs: 100, suspectMs: 400, deadMs: 1500 };
const said: string[] = [];
const closing: (() => Promise<void>)[] = [];
let node: Node;

beforeEach(async () => {
  said.length = 0;
  node = await Node.start({ name: "node-a", heartbeat, onLine: (source, line) => said.push(`${source}: ${line}`) });
  closing.push(() => node.stop());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function connect(options: Partial<Parameters<typeof Observer.connect>[0]> = {}): Promise<Observer> {
  const { name, token } = node;
  const observer = await Observer.connect({ node: name, endpoints: await node.localEndpoints(), token, ...options });
  closing.push(() => observer.close());
  return observer;
}

describe("an observer", () => {
  test("sees the node, its actors, their shape and their last messages, and evaluates inside them", async () => {
    const counter = await node.spawn(CounterActor, [3], { name: "counter-1" });
    await counter.add(4);
    const control = (await connect()).control();
    expect(await control.info()).toMatchObject({ name: "node-a", pid: process.pid, actorCount: 1 });
    expect(await control.actors()).toMatchObject([{ address: "counter-1@node-a", state: "up", cell: { handled: 1 } }]);
    expect((await control.describe("counter-1")).fields).toContain("#value");
    expect(await control.recent("counter-1")).toMatchObject([{ method: "add", outcome: "ok", from: "driver@node-a" }]);
    expect((await control.evaluate("counter-1", "self.#value", reading)).json).toBe("7");
  });

  test("may look, and may not call actors, spawn or stop", async () => {
    await node.spawn(CounterActor, [3], { name: "counter-1" });
    const observer = await connect();
    const refused = /^unauthorised: observer-\w+ only looks on: it may not call/;
    await expect(observer.control().stopActor("counter-1", "for fun", 0)).rejects.toThrow(refused);
    await expect(observer.control("node-a").spawn({} as never)).rejects.toThrow(refused);
    expect(said).toEqual([]);
  });

  test("with a wrong token is turned away at once, and the node says so", async () => {
    const error = (await connect({ token: "guess", name: "stranger" }).catch(
      (caught: unknown) => caught,
    )) as ActorError;
    expect(error.message).toBe(
      "unauthorised: node-a did not let stranger in: its token is not the right one. Read the run's address and token anew.",
    );
    expect(said[0]).toMatch(/stranger said HELLO as observer without the right token/);
  });

  test("that finds nobody says so after its deadline", async () => {
    const endpoints = { ctl: "ipc:///tmp/iterant-nobody/ctl", dat: "ipc:///tmp/iterant-nobody/dat" };
    await expect(connect({ endpoints, deadlineMs: 300 })).rejects.toThrow(
      "node_down: node-a gave no sign of life at ipc:///tmp/iterant-nobody/ctl within 300 ms.",
    );
  });

  test("hears that the node stops, and what it still waited for fails", async () => {
    const observer = await connect();
    const waiting = observer
      .control()
      .awaitDown("nobody@node-a")
      .catch((error: Error) => error.message);
    expect(await waiting).toMatch("unauthorised");
    await node.stop("its work is done");
    expect(await observer.ended).toBe("node-a said goodbye: its work is done");
    await expect(observer.control().info()).rejects.toThrow("node_down: $node@node-a was lost before it answered info");
  });

  test("leaves nothing behind: no call in flight, no complaint, and the next one gets in under the same name", async () => {
    await node.spawn(NeverYieldsActor, [], { name: "stuck", placement: "thread" });
    const stuck = await node.lookup<{ spin(): void }>("stuck");
    const spinning = stuck.with({ deadlineMs: null }).spin();
    const first = await connect({ name: "me" });
    const evaluation = first
      .control()
      .evaluate("stuck", "1", reading)
      .catch((error: Error) => error.message);
    await expect.poll(() => node.control().info()).toMatchObject({ inFlightCount: 3 }); // spin, evaluate, this
    await first.close();
    expect(await evaluation).toBe("node_down: $node@node-a was lost before it answered evaluate: me has left.");
    await expect.poll(() => node.control().info()).toMatchObject({ inFlightCount: 2 });
    const second = await connect({ name: "me" });
    expect(await second.control().inFlight("stuck")).toMatchObject([{ method: "spin", from: "driver@node-a" }]);
    await second.close();
    expect(said).toEqual([]);
    spinning.catch(() => {}); // ends with its node
  });

  test("reaches actors of member nodes through the head", async () => {
    const keys = makeKeys();
    const listen = "tcp://127.0.0.1:*";
    const head = await Node.start({ name: "head", keys, listen, heartbeat });
    closing.push(() => head.stop());
    const memberKeys = makeKeys();
    head.allow(memberKeys.publicKey);
    const { publicKey } = keys;
    const member = await Node.start({
      name: "member",
      keys: memberKeys,
      listen,
      heartbeat,
      head: { name: "head", endpoints: head.endpoints!, publicKey },
    });
    closing.push(() => member.stop());
    await head.spawn(CounterActor, [41], { name: "far", node: "member" });
    const observer = await connect({ node: "head", endpoints: await head.localEndpoints(), token: head.token });
    expect((await observer.control().nodes()).map(({ name }) => name)).toEqual(["head", "member"]);
    expect(await observer.control("member").actors()).toMatchObject([{ address: "far@member" }]);
    expect((await observer.control("member").evaluate("far@member", "self.#value + 1", reading)).json).toBe("42");
    await expect(observer.control("elsewhere").info()).rejects.toThrow("no_such_node");
  });
});

describe("the stack", () => {
  test("of a thread that never yields is where it is; of one that rests it is empty; both go on", async () => {
    const stuck = await node.spawn(NeverYieldsActor, [], { name: "stuck", placement: "thread" });
    const counter = await node.spawn(CounterActor, [3], { name: "counter-1" });
    const spinning: Promise<unknown> = stuck.with({ deadlineMs: null }).spin();
    spinning.catch(() => {}); // ends with its node
    const control = (await connect()).control();
    await expect.poll(async () => (await control.stack("stuck"))[0]).toMatch(/^spin \(.*conduct\.js:\d+\)$/);
    expect(await control.stack("counter-1")).toEqual([]);
    expect(await counter.add(1)).toBe(4);
    expect((await control.stack("stuck"))[0]).toMatch(/^spin /);
  });
});

describe("what is in flight", () => {
  test("is known of an actor that takes one call at a time, the oldest first", async () => {
    const slow = await node.spawn(TakesOneAtATimeActor, [], { name: "slow" });
    const first = slow.with({ deadlineMs: null }).hold();
    const second = slow.with({ deadlineMs: null }).hold();
    for (const call of [first, second]) call.catch(() => {}); // they end with the node
    const control = (await connect()).control();
    await expect
      .poll(async () => (await control.inFlight(addressOf(slow))).map(({ method }) => method))
      .toEqual(["hold", "hold"]);
  });
});
