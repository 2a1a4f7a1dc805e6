import { afterEach, describe, expect, test } from "vitest";
import { makeKeys, Node, Program } from "../../runtime/index.ts";
import { CrashesOutsideACallActor, ForwardsActor } from "../fixtures/conduct.ts";
import { CounterActor } from "../fixtures/counter.ts";

const nodes: Node[] = [];
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

async function startNode(options: Parameters<typeof Node.start>[0]): Promise<Node> {
  const node = await Node.start({ heartbeat: { everyMs: 100, suspectMs: 400, deadMs: 1500 }, ...options });
  nodes.push(node);
  return node;
}

describe("a program", () => {
  test("is a plan whose handles are passed before anything lives, and called after the launch", async () => {
    const program = new Program();
    const counter = program.add(CounterActor, [5], { name: "counter" });
    const forwards = program.add(ForwardsActor, [counter], { name: "forwards" });
    await expect(forwards.add(1)).rejects.toThrow(
      "bad_option: forwards does not live yet: launch the program before you call add.",
    );
    const live = await program.launch(await startNode({ name: "here" }));
    expect(await forwards.add(2)).toBe(7);
    await live.stop();
    await expect(counter.get()).rejects.toThrow(/stopped|no_such_actor/);
  });

  test("has each name once", () => {
    const program = new Program();
    program.add(CounterActor, [], { name: "counter" });
    expect(() => program.add(CounterActor, [], { name: "counter" })).toThrow(
      "name_taken: the program has an actor called counter already. Choose another name.",
    );
  });

  test("whose third actor cannot start stops the two before it", async () => {
    const node = await startNode({ name: "here" });
    const program = new Program();
    program.add(CounterActor, [1], { name: "a" });
    program.add(CounterActor, [-1], { name: "b" });
    await expect(program.launch(node)).rejects.toThrow("a counter starts at 0 or more");
    expect(await node.control().actors()).toEqual([]);
  });

  test("fails when an actor is given up for good, and says which and why", async () => {
    const node = await startNode({ name: "here" });
    const program = new Program();
    const crashing = program.add(CrashesOutsideACallActor, [], { name: "crashing", placement: "thread" });
    const live = await program.launch(node);
    await crashing.ping();
    void crashing.crash("no way back").catch(() => {});
    await expect(live.failed).rejects.toThrow(/^actor_down: crashing@here is gone for good: no way back\.$/);
  });

  test("puts actors where they prefer to be, and starts them elsewhere when that node is lost", async () => {
    const headKeys = makeKeys();
    const memberKeys = makeKeys();
    const head = await startNode({ name: "head", keys: headKeys, listen: "tcp://127.0.0.1:*" });
    head.allow(memberKeys.publicKey);
    const member = await startNode({
      name: "member",
      keys: memberKeys,
      labels: { environments: "yes" },
      head: { name: "head", endpoints: head.endpoints!, publicKey: headKeys.publicKey },
    });
    const program = new Program();
    const counter = program.add(CounterActor, [5], { name: "counter", prefers: "environments" });
    const live = await program.launch(head);
    expect((await member.control().actors()).map(({ address }) => address)).toEqual(["counter@member"]);
    expect(await counter.add(1)).toBe(6);
    await member.stop();
    await expect.poll(() => counter.get().catch(() => "lost")).toBe(5);
    expect((await head.control().actors()).map(({ address }) => address)).toEqual(["counter@head"]);
    await live.stop();
  });
});
