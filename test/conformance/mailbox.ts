// What a mailbox does, told to an actor wherever it lives: order, lanes, bounds, deadlines, calling off.
// Hand in how to spawn the actor that can be held; get the suite. Run for shared, thread, process and python.
import { afterEach, describe, expect, test } from "vitest";
import {
  type ActorError,
  addressOf,
  type CellReport,
  type Handle,
  type Node,
  type SpawnOptions,
} from "../../runtime/index.ts";
import type { Queueing } from "../fixtures/queueing.ts";

export type QueueingConduct = Pick<
  Queueing,
  "hold" | "ignore" | "note" | "notes" | "weigh" | "block" | "produce" | "leftMs"
>;

export interface MailboxUnderTest {
  node: () => Node;
  spawn: (options: SpawnOptions) => Promise<Handle<QueueingConduct>>;
  /** What the node had to say to people so far. */
  lines: () => readonly string[];
  /** Whether the actor has a thread or process of its own, which can be killed. */
  isKillable: boolean;
}

const caught = (call: Promise<unknown>): Promise<ActorError> =>
  call.then(
    (value) => expect.fail(`answered ${String(value)}`),
    (error: unknown) => error as ActorError,
  );

export function mailboxConformance(title: string, { node, lines, isKillable, ...given }: MailboxUnderTest): void {
  const actors: object[] = [];
  const spawn: MailboxUnderTest["spawn"] = async (options) => {
    const actor = await given.spawn(options);
    actors.push(actor);
    return actor;
  };
  const reportOf = async (actor: object): Promise<CellReport> => {
    const found = (await node().control().actors()).find(({ address }) => address === addressOf(actor));
    return found!.cell!;
  };
  /** Takes the actor's place until the returned function is called, which resolves once the place is free. */
  const hold = async (actor: Handle<QueueingConduct>, lane?: string): Promise<() => Promise<void>> => {
    const held = new AbortController();
    const call = actor
      .with({ signal: held.signal, deadlineMs: null, ...(lane ? { lane } : {}) })
      .hold()
      .catch(() => {}); // called off, or stopped with its actor
    await expect.poll(async () => (await reportOf(actor)).running, { timeout: 20_000 }).toBe(1);
    return async () => {
      held.abort();
      await call;
    };
  };
  /** Resolves when so many calls wait before the actor, and so many are kept by their callers. */
  const waiting = (actor: object, mailboxLength: number, parked = 0) =>
    expect.poll(() => reportOf(actor), { timeout: 20_000 }).toMatchObject({ mailboxLength, parked });

  describe(`the mailbox of a ${title} actor`, () => {
    afterEach(() => Promise.all(actors.splice(0).map((actor) => node().stopActor(actor, "the test is over", 0))));

    test("runs what waits by priority, and equal ones in the order of their coming", async () => {
      const actor = await spawn({ concurrency: 1 });
      const release = await hold(actor);
      const calls = [actor.note("a"), actor.with({ priority: 1 }).note("b"), actor.note("c")];
      calls.push(actor.with({ priority: -1 }).note("d"), actor.with({ priority: 1 }).note("e"));
      await waiting(actor, 5);
      await release();
      await Promise.all(calls);
      expect(await actor.notes()).toEqual(["b", "e", "a", "c", "d"]);
    });

    test("shares its places between lanes by their weights", async () => {
      const actor = await spawn({ concurrency: 1, lanes: { main: { weight: 2 }, side: { weight: 1 } } });
      const release = await hold(actor, "side");
      const calls = ["a", "b", "c", "d", "e"].map((text) => actor.note(text));
      calls.push(...["1", "2", "3"].map((text) => actor.with({ lane: "side" }).note(text)));
      await waiting(actor, 8);
      await release();
      await Promise.all(calls);
      expect(await actor.notes()).toEqual(["a", "b", "1", "c", "d", "2", "e", "3"]);
    });

    test("a lane with places of its own goes on while another is taken", async () => {
      const actor = await spawn({ lanes: { main: { concurrency: 1 }, side: { concurrency: 1 } } });
      const release = await hold(actor);
      const blocked = actor.note("main");
      expect(await actor.with({ lane: "side" }).note("side")).toBe("side");
      await release();
      await blocked;
      expect(await actor.notes()).toEqual(["side", "main"]);
    });

    test("a lane that is not there is refused with those that are", async () => {
      const actor = await spawn({ lanes: { main: {}, side: {} } });
      const error = await caught(actor.with({ lane: "fast" }).note("a"));
      expect(error.message).toBe("bad_option: there is no lane fast. There are: main, side.");
    });

    test("without room lets callers wait, and runs all that they asked in order", async () => {
      const actor = await spawn({ concurrency: 1, mailboxCapacity: 2 });
      const release = await hold(actor);
      const texts = Array.from({ length: 50 }, (_, at) => `call ${at}`);
      const calls = texts.map((text) => actor.note(text));
      await waiting(actor, 2, 48);
      const later = actor.note("later");
      await release();
      expect(await Promise.all(calls)).toEqual(texts);
      await later;
      expect(await actor.notes()).toEqual([...texts, "later"]);
    });

    test("without room for so many bytes lets callers wait, who keep what they sent", async () => {
      const actor = await spawn({ concurrency: 1, mailboxBytes: 25_000 });
      const release = await hold(actor);
      const calls = [20_000, 20_001, 4000, 20_002].map((bytes) => actor.weigh(new Uint8Array(bytes)));
      await waiting(actor, 1, 3);
      expect((await reportOf(actor)).mailboxBytes).toBeLessThan(25_000);
      await release();
      expect(await Promise.all(calls)).toEqual([20_000, 20_001, 4000, 20_002]);
    });

    test("a caller whose deadline passes while it waits for room is told so, and its call never runs", async () => {
      const actor = await spawn({ concurrency: 1, mailboxCapacity: 1 });
      const release = await hold(actor);
      const kept = actor.note("kept");
      const error = await caught(actor.with({ deadlineMs: 100 }).note("late"));
      expect(error.message).toMatch(
        /^call_timeout: .* gave no answer to note within \d+ ms\. Its mailbox had no room all that time, so it did not run: send less, or raise mailboxCapacity or mailboxBytes\.$/,
      );
      await waiting(actor, 1, 0);
      await release();
      await kept;
      expect(await actor.notes()).toEqual(["kept"]);
    });

    test("under fail refuses at once what finds no room", async () => {
      const actor = await spawn({ concurrency: 1, mailboxCapacity: 1, whenFull: "fail" });
      const release = await hold(actor);
      const kept = actor.note("kept");
      const error = await caught(actor.note("refused"));
      expect(error.message).toBe(
        `mailbox_full: ${addressOf(actor)} refused note: mailbox 1 of 1, 6 of 268435456 bytes. It lives but is behind: send less, or raise mailboxCapacity or mailboxBytes.`,
      );
      await release();
      expect(await kept).toBe("kept");
    });

    test("under drop-oldest makes room for the newest, and tells the caller whose call it dropped", async () => {
      const actor = await spawn({ concurrency: 1, mailboxCapacity: 1, whenFull: "drop-oldest" });
      const release = await hold(actor);
      const dropped = caught(actor.note("old"));
      const kept = actor.note("new");
      expect((await dropped).message).toBe(
        `mailbox_full: ${addressOf(actor)} dropped note from its mailbox for a newer call. It lives but is behind: send less, or raise mailboxCapacity.`,
      );
      await release();
      await kept;
      expect(await actor.notes()).toEqual(["new"]);
    });

    test("what was called off while it waited, or while its caller kept it, never runs", async () => {
      const actor = await spawn({ concurrency: 1, mailboxCapacity: 1 });
      const release = await hold(actor);
      const [first, second] = [new AbortController(), new AbortController()];
      const waits = caught(actor.with({ signal: first.signal }).note("waits"));
      const kept = caught(actor.with({ signal: second.signal }).note("kept"));
      const runs = actor.note("runs");
      await waiting(actor, 1, 2);
      second.abort();
      expect((await kept).code).toBe("cancelled");
      first.abort();
      expect((await waits).code).toBe("cancelled");
      await release();
      await runs;
      expect(await actor.notes()).toEqual(["runs"]);
    });

    test("is seen, and the actor stopped, while it is busy and its mailbox full", async () => {
      const actor = await spawn({ concurrency: 1, mailboxCapacity: 1 });
      await hold(actor);
      const calls = [caught(actor.note("waits")), caught(actor.note("kept"))];
      await waiting(actor, 1, 1);
      expect((await reportOf(actor)).lanes).toEqual([
        { name: "default", weight: 1, waiting: 1, parked: 1, running: 1 },
      ]);
      expect((await node().control().recent(addressOf(actor))).at(-1)).toMatchObject({ method: "hold" });
      await node().stopActor(actor, "seen enough");
      const codes = (await Promise.all(calls)).map(({ message }) => message);
      expect(codes).toEqual([
        `stopped: ${addressOf(actor)} was stopped before note could run: seen enough.`,
        `stopped: ${addressOf(actor)} had no room for this call before it was stopped: seen enough.`,
      ]);
    });

    test("runs no call whose deadline passed while the actor blocked its thread", async () => {
      const actor = await spawn({ concurrency: 1 });
      const blocking = actor.block(400);
      await Promise.resolve();
      const error = await caught(actor.with({ deadlineMs: 50 }).note("late"));
      expect(error.code).toBe("call_timeout");
      await blocking;
      expect(await actor.notes()).toEqual([]);
    });

    test("tells a running call that it was called off, and goes on", async () => {
      const actor = await spawn({ concurrency: 1 });
      const release = await hold(actor);
      const next = actor.note("next");
      await waiting(actor, 1);
      await release();
      expect(await next).toBe("next");
      expect((await node().control().recent(addressOf(actor))).map(({ method, outcome }) => [method, outcome])).toEqual(
        [
          ["hold", "cancelled"],
          ["note", "ok"],
        ],
      );
    });

    test("a stream whose consumer stops is stopped where it is made", async () => {
      const actor = await spawn({ concurrency: 1 });
      for await (const item of actor.with({ window: 4 }).produce()) if (item === 2) break;
      expect(await actor.notes()).toEqual(["stopped"]);
    });

    test("tells a call what is left of its deadline", async () => {
      const actor = await spawn({});
      const leftMs = await actor.with({ deadlineMs: 60_000 }).leftMs();
      expect(leftMs).toBeGreaterThan(0);
      expect(leftMs).toBeLessThanOrEqual(60_000);
      expect(await actor.with({ deadlineMs: null }).leftMs()).toBeNull();
    });

    test("that ignores being called off loses its life after the grace period, unless it shares its thread", async () => {
      const cancelGraceMs = 2000; // a busy machine may take its time to obey
      const obeys = await spawn({ cancelGraceMs, concurrency: 1, mailboxCapacity: 1 });
      await obeys.note("of its only life");
      const release = await hold(obeys);
      const calledOff = new AbortController();
      const two = [1, 2].map(() => caught(obeys.with({ signal: calledOff.signal }).note("never")));
      await waiting(obeys, 1, 1);
      calledOff.abort();
      await Promise.all([...two, release()]);
      const actor = await spawn({ concurrency: 2, cancelGraceMs, restart: "permanent", firstBackoffMs: 1 });
      const address = addressOf(actor);
      await actor.note("of the first life");
      const down = isKillable ? node().monitor(actor) : undefined;
      const running = new AbortController();
      const ignored = caught(actor.with({ signal: running.signal }).ignore());
      await expect.poll(async () => (await reportOf(actor)).running, { timeout: 20_000 }).toBe(1);
      running.abort();
      expect((await ignored).code).toBe("cancelled");
      const what = `${address} went on with ignore for 2000 ms after it was called off (its signal was aborted)`;
      if (down) {
        expect(await down).toMatchObject({ reason: expect.stringContaining(what), isRestarting: true });
        expect(await actor.notes()).toEqual([]);
      } else {
        const advice = "Let it look at callSignal(), or give it a thread of its own.";
        const line = `${what}; it shares its thread, so nobody ends it. ${advice}`;
        await expect.poll(lines, { timeout: 20_000 }).toContain(line);
        expect(await actor.notes()).toEqual(["of the first life"]);
      }
      expect(await obeys.notes()).toEqual(["of its only life"]); // its grace period was over before
    });
  });
}
