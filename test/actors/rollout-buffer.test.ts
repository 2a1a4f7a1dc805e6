import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RolloutBuffer, type Ticket } from "../../actors/rollout-buffer.ts";
import { groupOf } from "./rollouts.ts";

const config = { promptsPerBatch: 2, rolloutsPerPrompt: 4, maxLag: 1, iterations: 5, life: 0 };

/** Whether a promise has settled once everything that could run has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let hasSettled = false;
  const note = () => {
    hasSettled = true;
  };
  promise.then(note, note);
  await new Promise((resolve) => setImmediate(resolve));
  return hasSettled;
}

/** Everything that may run now, and the place in line for what comes next. */
class Line {
  readonly owner: string;
  readonly #buffer: RolloutBuffer;
  #next: Promise<Ticket | null>;

  constructor(buffer: RolloutBuffer, owner = "env") {
    this.owner = owner;
    this.#buffer = buffer;
    this.#next = buffer.admit(owner);
  }

  async take(): Promise<Ticket[]> {
    const tickets: Ticket[] = [];
    while (await isSettled(this.#next)) {
      const ticket = await this.#next;
      if (!ticket) break;
      tickets.push(ticket);
      this.#next = this.#buffer.admit(this.owner);
    }
    return tickets;
  }

  /** What the next in line gets, once it gets something. */
  get next(): Promise<Ticket | null> {
    return this.#next;
  }
}

const finish = (buffer: RolloutBuffer, ticket: Ticket, qualities: (number | null)[], version = 0) =>
  buffer.finish(ticket, groupOf(ticket.groupId, qualities, version));
const good = [1, 0, 1, 0];

describe("admission", () => {
  test("lets K + 1 batches run ahead, and one more batch for each that was trained", async () => {
    const buffer = new RolloutBuffer(config);
    const line = new Line(buffer);
    const first = await line.take();
    expect(first.map(({ groupIndex }) => groupIndex)).toEqual([0, 1, 2, 3]);
    for (const ticket of first.slice(0, 2)) finish(buffer, ticket, good);
    await buffer.take(0);
    expect(await line.take()).toEqual([]);
    buffer.trained(0);
    expect((await line.take()).map(({ groupIndex }) => groupIndex)).toEqual([4, 5]);
  });

  test("with K = 0 begins a batch only when the one before is trained", async () => {
    expect(await new Line(new RolloutBuffer({ ...config, maxLag: 0 })).take()).toHaveLength(2);
  });

  test("ends with the plan, and waits until then for what may still come back", async () => {
    const buffer = new RolloutBuffer({ ...config, iterations: 1, maxLag: 3 });
    const line = new Line(buffer);
    const tickets = await line.take();
    expect(tickets).toHaveLength(2);
    expect(await isSettled(line.next)).toBe(false);
    for (const ticket of tickets) finish(buffer, ticket, good);
    await buffer.take(0);
    buffer.trained(0);
    expect(await line.next).toBeNull();
  });

  test("gives the places of a lost environment out again, under another id", async () => {
    const buffer = new RolloutBuffer({ ...config, maxLag: 0 });
    const lost = new Line(buffer, "lost");
    const [first] = await lost.take();
    const other = buffer.admit("other"); // in line behind the lost one's own
    buffer.disown("lost");
    expect(await lost.next).toBeNull(); // it stood in line and is gone: nothing may be given to it
    const again = [await buffer.admit("third"), await other];
    expect(again).toContainEqual({ groupIndex: 1, groupId: "g1.0.1", attempt: 1 });
    finish(buffer, first!, good); // too late: nobody counts it
    expect(buffer.report().ledger).toMatchObject({ trained: 0, failed: 8 });
    expect(buffer.report().causes).toEqual({ "environment lost": 8 });
  });

  test("the plan can be made shorter, but not shorter than has begun", async () => {
    const buffer = new RolloutBuffer(config);
    await new Line(buffer).take();
    expect(buffer.setTotal(1)).toBe(2);
    expect(buffer.setTotal(4)).toBe(4);
  });

  test("closing sends home whoever waits and cancels what is under way", async () => {
    const buffer = new RolloutBuffer(config);
    const line = new Line(buffer);
    await line.take();
    const taken = buffer.take(0);
    expect(buffer.close()).toMatchObject({ admitted: 16, cancelled: 16 });
    expect(await line.next).toBeNull();
    await expect(taken).rejects.toThrow("closed while the learner waited");
  });
});

describe("taking a batch", () => {
  test("waits for the groups of its iteration in the order of their admission, whoever finishes first", async () => {
    const buffer = new RolloutBuffer(config);
    const [a, b, c, d] = await new Line(buffer).take();
    const taken = buffer.take(0);
    for (const ticket of [d!, c!, b!]) finish(buffer, ticket, good);
    expect(await isSettled(taken)).toBe(false);
    finish(buffer, a!, good);
    const { batch, iteration } = await taken;
    expect(iteration).toBe(0);
    expect(batch!.rolloutIds.map((id) => id.split("/")[0])).toEqual([
      ...Array(4).fill("g0.0.0"),
      ...Array(4).fill("g1.0.0"),
    ]);
  });

  test("leaves out groups without a gradient and counts why; an iteration of nothing else has no batch", async () => {
    const buffer = new RolloutBuffer(config);
    const [a, b] = await new Line(buffer).take();
    finish(buffer, a!, [1, 1, 1, 1]);
    finish(buffer, b!, [0, 0, null, 0]);
    expect((await buffer.take(0)).batch).toBeNull();
    expect(buffer.report().ledger).toMatchObject({ filtered: 7, failed: 1 });
    expect(buffer.report().causes).toEqual({ "all-one": 4, "all-zero": 3, verifier_timeout: 1 });
  });

  test("tells the lag of its tokens, and refuses as stale what is older than K", async () => {
    const buffer = new RolloutBuffer(config);
    const [a, b] = await new Line(buffer).take();
    finish(buffer, a!, good, 4);
    finish(buffer, b!, good, 3);
    const { batch, lag } = await buffer.take(5);
    expect(lag).toEqual({ mean: 1, max: 1 });
    expect(batch!.rolloutIds).toHaveLength(4);
    expect(buffer.report().ledger.stale).toBe(4);
  });

  test("three iterations without one scored episode end the run with the cause", async () => {
    const buffer = new RolloutBuffer({ ...config, maxLag: 3 });
    for (const ticket of await new Line(buffer).take()) finish(buffer, ticket, [null, null, null, 1]);
    for (const iteration of [0, 1]) {
      await buffer.take(0);
      buffer.trained(iteration);
    }
    await expect(buffer.take(0)).rejects.toThrow(
      "no episode could be scored for 3 iterations — last: verifier_timeout: no verdict — mend that, then resume.",
    );
  });
});

test("a checkpoint goes on at its iteration, with a ledger that has cancelled what was under way", async () => {
  const buffer = new RolloutBuffer(config);
  const tickets = await new Line(buffer).take();
  for (const ticket of tickets.slice(0, 2)) finish(buffer, ticket, good);
  await buffer.take(0);
  buffer.trained(0);
  const state = JSON.parse(JSON.stringify(buffer.save()));
  const resumed = new RolloutBuffer({ ...config, life: 1, state });
  expect(resumed.report()).toMatchObject({ iteration: 1, ledger: { admitted: 16, trained: 8, cancelled: 8 } });
  expect((await resumed.admit("env"))!.groupId).toBe("g2.1.0");
});

test("with failures, losses and stragglers at random, every episode ends once and no token is older than K", async () => {
  const fate = fc.record({ order: fc.nat(100), kind: fc.constantFrom("good", "good", "flat", "failed", "lost") });
  const plan = fc.tuple(fc.array(fate, { minLength: 40, maxLength: 40 }), fc.integer({ min: 0, max: 2 }));
  await fc.assert(
    fc.asyncProperty(plan, async ([fates, maxLag]) => {
      const buffer = new RolloutBuffer({ ...config, maxLag });
      let line = new Line(buffer);
      /** With the version that was live when it was admitted, the oldest that it can have sampled from. */
      let open: { ticket: Ticket; version: number }[] = [];
      let [version, at, lossesLeft, failuresLeft] = [0, 0, 5, 8];
      for (let iteration = 0; iteration < config.iterations; iteration += 1) {
        const taken = buffer.take(version);
        while (!(await isSettled(taken))) {
          for (const ticket of await line.take()) open.push({ ticket, version });
          open.sort((one, other) => fates[one.ticket.groupIndex]!.order - fates[other.ticket.groupIndex]!.order);
          const { kind } = fates[at++ % 40]!;
          if (kind === "lost" && lossesLeft-- > 0) {
            buffer.disown("env");
            line = new Line(buffer); // it comes back and stands in line again
            open = [];
            continue;
          }
          const next = open.shift()!;
          const hasFailed = kind === "failed" && failuresLeft-- > 0;
          finish(
            buffer,
            next.ticket,
            hasFailed ? [null, null, null, 1] : kind === "flat" ? [1, 1, 1, 1] : good,
            next.version,
          );
        }
        const { batch, lag } = await taken;
        expect(lag.max).toBeLessThanOrEqual(maxLag);
        buffer.trained(iteration);
        if (batch) version += 1;
      }
      const { admitted, ...ended } = buffer.close();
      expect(ended.stale).toBe(0);
      expect(Object.values(ended).reduce((sum, count) => sum + count, 0)).toBe(admitted);
    }),
    { numRuns: 50 },
  );
});
