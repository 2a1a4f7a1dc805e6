// The same story told to an actor wherever it lives: what it answers must not depend on where that is.
// Hand in how to spawn the counter; get the suite. Run for shared, thread, process and python.
import { describe, expect, test } from "vitest";
import { ActorError, cast, type Handle, type Node } from "../../runtime/index.ts";
import type { Counter } from "../fixtures/counter.ts";

export type SharedConduct = Pick<Counter, "add" | "get" | "reason" | "echo" | "countTo" | "fail" | "waitForever">;

export interface PlacementUnderTest {
  node: () => Node;
  spawn: (startAt: number, name?: string) => Promise<Handle<SharedConduct>>;
  /** What an exception of the language for a bad number is called there. */
  errorName: string;
}

export function placementConformance(title: string, { node, spawn, errorName }: PlacementUnderTest): void {
  describe(title, () => {
    test("answers calls in the order of their coming", async () => {
      const counter = await spawn(10);
      expect(await Promise.all([counter.add(1), counter.add(2), counter.get(), counter.add()])).toEqual([
        11, 13, 13, 14,
      ]);
      expect(await counter.reason()).toBe("first");
    });

    test("gives values back as they were sent", async () => {
      const counter = await spawn(0);
      const value = { a: [1, -1, 2.5, "é", true, null, 2 ** 40], f: new Float32Array(1000).fill(1.5), at: new Date(9) };
      expect(await counter.echo(value)).toEqual(value);
      expect(await counter.echo(new Uint8Array(2000).fill(3))).toEqual(Buffer.alloc(2000, 3));
    });

    test("streams more items than its window, and stops when its consumer does", async () => {
      const counter = await spawn(0);
      const seen: number[] = [];
      for await (const item of counter.with({ window: 8 }).countTo(100)) seen.push(item);
      expect(seen).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
      for await (const item of counter.countTo(1_000_000)) if (item === 10) break;
      expect(await counter.get()).toBe(0);
    });

    test("an exception reaches the caller with its name, its words and who threw it", async () => {
      const counter = await spawn(0, `thrower-${title}`);
      const error = (await (counter.fail("out of range") as Promise<void>).catch((caught) => caught)) as ActorError;
      const address = `thrower-${title}@${node().name}`;
      expect(error).toBeInstanceOf(ActorError);
      expect(error.message).toBe(`method_threw: ${address} threw ${errorName} in fail: out of range`);
      expect([error.code, error.actor, error.method, error.path]).toEqual(["method_threw", address, "fail", [address]]);
      expect(error.cause).toMatchObject({ name: errorName, message: "out of range" });
    });

    test("a method that is not there is refused with those that are", async () => {
      const counter = (await spawn(0)) as unknown as Record<string, () => Promise<unknown>>;
      await expect(counter.nope!()).rejects.toThrow(/no_such_method: .* has no method nope\. A Counter has: .*add, /);
      await expect(counter.start!()).rejects.toThrow("no_such_method");
    });

    test("a call that takes too long ends with its deadline, and the actor goes on", async () => {
      const counter = await spawn(0);
      const error = await counter
        .with({ deadlineMs: 60 })
        .waitForever()
        .catch((caught: unknown) => caught);
      expect((error as ActorError).code).toBe("call_timeout");
      expect(await counter.add(1)).toBe(1);
    });

    test("a call whose signal is aborted ends at once, and the actor goes on", async () => {
      const counter = await spawn(0);
      const controller = new AbortController();
      const call = counter.with({ signal: controller.signal, deadlineMs: null }).waitForever();
      controller.abort();
      await expect(call).rejects.toThrow(/^cancelled: waitForever of .* was called off: its signal was aborted\.$/);
      expect(await counter.add(1)).toBe(1);
    });

    test("a cast is done and not answered", async () => {
      const counter = await spawn(0);
      cast(counter).add(5);
      expect(await counter.get()).toBe(5);
    });

    test("a constructor that throws is a start that failed, with the reason", async () => {
      const error = (await spawn(-1, `stillborn-${title}`).catch((caught: unknown) => caught)) as ActorError;
      expect(error.message).toBe(
        `start_failed: stillborn-${title}@${node().name} (Counter) did not start: a counter starts at 0 or more`,
      );
      expect(error.cause).toMatchObject({ name: errorName });
    });

    test("shows its state, its methods and its last messages", async () => {
      const name = `shown-${title}`;
      const counter = await spawn(41, name);
      await counter.add(1);
      const address = `${name}@${node().name}`;
      const control = node().control();
      expect((await control.recent(address)).at(-1)).toMatchObject({ method: "add", outcome: "ok" });
      expect((await control.describe(address)).methods).toContain("add");
      const report = (await control.actors()).find((actor) => actor.address === address);
      expect(report).toMatchObject({
        className: "Counter",
        state: "up",
        restarts: 0,
        cell: { handled: 1, mailboxLength: 0 },
      });
    });

    test("stops for good when asked, and says so to whoever calls later", async () => {
      const name = `stopped-${title}`;
      const counter = await spawn(0, name);
      const down = node().monitor(counter);
      await node().stopActor(counter, "its work is done");
      expect(await down).toMatchObject({ reason: "its work is done", isRestarting: false });
      await expect(counter.get()).rejects.toThrow(`stopped: ${name}@${node().name} was stopped: its work is done.`);
    });
  });
}
