// Two nodes over tcp with keys: who gets in, how calls cross, what happens when one goes.
import { afterEach, describe, expect, test } from "vitest";
import { type ActorError, addressOf, type KeyPair, makeKeys, Node } from "../../runtime/index.ts";
import { ForwardsActor } from "../fixtures/conduct.ts";
import { CounterActor } from "../fixtures/counter.ts";
import { CirclingActor, QueueingActor } from "../fixtures/queueing.ts";

const heartbeat = { everyMs: 100, suspectMs: 400, deadMs: 1500 };
const nodes: Node[] = [];
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

const started = async (options: Parameters<typeof Node.start>[0]): Promise<Node> => {
  const node = await Node.start({ heartbeat, ...options });
  nodes.push(node);
  return node;
};

async function startHead(): Promise<{ head: Node; keys: KeyPair }> {
  const keys = makeKeys();
  return { head: await started({ name: "head", keys, listen: "tcp://127.0.0.1:*" }), keys };
}

async function join(head: Node, headKeys: KeyPair, name: string, isAllowed = true): Promise<Node> {
  const keys = makeKeys();
  if (isAllowed) head.allow(keys.publicKey);
  return started({
    name,
    keys,
    listen: "tcp://127.0.0.1:*",
    head: { name: head.name, endpoints: head.endpoints!, publicKey: headKeys.publicKey },
  });
}

describe("two nodes", () => {
  test("spawn on each other, call each other, and pass handles across", async () => {
    const { head, keys } = await startHead();
    const member = await join(head, keys, "member");
    expect(head.nodes().map(({ name }) => name)).toEqual(["head", "member"]);
    const far = await head.spawn(CounterActor, [1], { node: "member", name: "far" });
    expect(addressOf(far)).toBe("far@member");
    expect(await far.add(1)).toBe(2);
    const near = await member.spawn(ForwardsActor, [far], { node: "head" });
    expect(await near.add(5)).toBe(7);
    expect(await (await member.lookup<{ get(): number }>("far")).get()).toBe(7);
    const big = new Float32Array(1_000_000).fill(2);
    const back = (await far.echo(big)) as Float32Array;
    expect(Buffer.compare(Buffer.from(back.buffer, back.byteOffset, back.byteLength), Buffer.from(big.buffer))).toBe(0);
  });

  test("callers wait for room in a mailbox on the other one, and a circle over both is found", async () => {
    const { head, keys } = await startHead();
    const member = await join(head, keys, "member");
    const far = await head.spawn(QueueingActor, [], { node: "member", mailboxCapacity: 2, cancelGraceMs: null });
    const held = new AbortController();
    const holding = far
      .with({ signal: held.signal })
      .hold()
      .catch((error: ActorError) => error.code);
    const texts = Array.from({ length: 20 }, (_, at) => `call ${at}`);
    const calls = texts.map((text) => far.note(text));
    const cell = async () => (await member.control().actors()).at(-1)!.cell;
    await expect.poll(cell, { timeout: 20_000 }).toMatchObject({ mailboxLength: 2, parked: 18 });
    held.abort();
    expect([await holding, ...(await Promise.all(calls))]).toEqual(["cancelled", ...texts]);
    expect(await far.notes()).toEqual(texts);

    const [a, b] = [await head.spawn(CirclingActor, []), await head.spawn(CirclingActor, [], { node: "member" })];
    const error = (await a.ask([b, a]).catch((caught: unknown) => caught)) as ActorError;
    expect(error.message).toContain(`${addressOf(a)}.ask → ${addressOf(b)}.ask → ${addressOf(a)}.ask.`);
  });

  test("a name is unique over both", async () => {
    const { head, keys } = await startHead();
    const member = await join(head, keys, "member");
    await head.spawn(CounterActor, [], { name: "buffer" });
    const error = await member.spawn(CounterActor, [], { name: "buffer" }).catch((caught: unknown) => caught);
    expect((error as ActorError).message).toMatch(/^name_taken: the name buffer is taken by buffer@head\./);
  });

  test("streams cross", async () => {
    const { head, keys } = await startHead();
    await join(head, keys, "member");
    const far = await head.spawn(CounterActor, [], { node: "member" });
    let sum = 0;
    for await (const item of far.countTo(500)) sum += item;
    expect(sum).toBe((500 * 501) / 2);
  });

  test("a node that stops says goodbye: its calls and monitors end at once, its names are free", async () => {
    const { head, keys } = await startHead();
    const member = await join(head, keys, "member");
    const far = await head.spawn(CounterActor, [], { node: "member", name: "far" });
    const lost: string[] = [];
    head.onNodeDown((name) => lost.push(name));
    const down = head.monitor(far);
    await member.stop();
    expect(await down).toMatchObject({ isRestarting: false });
    await expect.poll(() => lost).toEqual(["member"]);
    await expect(far.get()).rejects.toThrow(/no_such_node: there is no way to a node member from head/);
    expect(await (await head.spawn(CounterActor, [3], { name: "far" })).get()).toBe(3);
  });

  test("a node without an allowed key does not get in", async () => {
    const { head, keys } = await startHead();
    await expect(join(head, keys, "stranger", false)).rejects.toThrow("node_down");
    expect(head.nodes().map(({ name }) => name)).toEqual(["head"]);
  });

  test("a node that expects another head's key does not trust this one", async () => {
    const { head } = await startHead();
    await expect(join(head, makeKeys(), "careful")).rejects.toThrow("node_down");
  });
});

describe("a listener", () => {
  test("that opens as soon as another has closed asks its own list who may enter", async () => {
    for (let at = 0; at < 20; at += 1) {
      const { head } = await startHead();
      await nodes.pop()!.stop();
      expect(head.isStopping).toBe(true);
    }
    const { head, keys } = await startHead();
    await expect(join(head, keys, "stranger", false)).rejects.toThrow("node_down");
    await join(head, keys, "member");
    expect(head.nodes().map(({ name }) => name)).toEqual(["head", "member"]);
  });

  test("on a fixed port has control there and data on the next one", async () => {
    const { head } = await startHead();
    const port = Number(head.endpoints!.dat.match(/\d+$/)![0]);
    await head.stop();
    const keys = makeKeys();
    const fixed = await started({ name: "fixed", keys, listen: `tcp://127.0.0.1:${port}` });
    expect(fixed.endpoints).toEqual({ ctl: `tcp://127.0.0.1:${port}`, dat: `tcp://127.0.0.1:${port + 1}` });
    const member = await join(fixed, keys, "member", true);
    expect(await (await member.spawn(CounterActor, [1], { node: "fixed" })).add(1)).toBe(2);
  });

  test("over tcp without keys is refused", async () => {
    await expect(Node.start({ name: "open", listen: "tcp://127.0.0.1:*" })).rejects.toThrow(
      "bad_option: open shall speak over tcp and has no keys. Give it a pair: makeKeys().",
    );
  });

  test("on a port that is taken says so and what to do", async () => {
    const { head } = await startHead();
    const taken = head.endpoints!.ctl;
    await expect(started({ name: "second", keys: makeKeys(), listen: taken })).rejects.toThrow(
      /^process_failed: cannot listen on .*Another process has it: choose another port, or \* for a free one\.$/,
    );
  });
});
