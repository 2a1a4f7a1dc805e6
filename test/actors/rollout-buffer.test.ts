import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RolloutBuffer, type Ticket } from "../../actors/rollout-buffer.ts";
import { groupOf } from "./rollouts.ts";

const config = { promptsPerBatch: 2, rolloutsPerPrompt: 4, maxLag: 1, iterations: 5, life: 0 };

/** Whether a promise has settled, without waiting for it. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

async function admitAll(buffer: RolloutBuffer, owner = "env"): Promise<Ticket[]> {
  const tickets: Ticket[] = [];
  for (;;) {
    const next = buffer.admit(owner);
    if (!(await isSettled(next))) {
      void next; // it stays in line, as an environment would
      return tickets;
    }
    const ticket = await next;
    if (!ticket) return tickets;
    tickets.push(ticket);
  }
}

describe("admission", () => {
  test("lets K + 1 batches run ahead, and one more batch for each that was trained", async () => {
    const buffer = new RolloutBuffer(config);
    const first = await admitAll(buffer);
    expect(first.map(({ groupIndex }) => groupIndex)).toEqual([0, 1, 2, 3]);
    const waiting = buffer.admit("env");
    expect(await isSettled(waiting)).toBe(false);
    for (const ticket of first.slice(0, 2)) buffer.finish(ticket, groupOf(ticket.groupId, [1, 0, 1, 0]));
    await buffer.take(0);
    expect(await isSettled(waiting)).toBe(false);
    buffer.trained(0);
    expect(await isSettled(waiting)).toBe(true);
  });

  test("with K = 0 begins a batch only when the one before is trained", async () => {
    const buffer = new RolloutBuffer({ ...config, maxLag: 0 });
    expect(await admitAll(buffer)).toHaveLength(2);
  });

  test("ends with the plan, and waits for what may still come back", async () => {
    const buffer = new RolloutBuffer({ ...config, iterations: 1, maxLag: 3 });
    const tickets = await admitAll(buffer);
    expect(tickets).toHaveLength(2);
    const last = buffer.admit("other");
    expect(await isSettled(last)).toBe(false); // a group may be orphaned yet
    for (const ticket of tickets) buffer.finish(ticket, groupOf(ticket.groupId, [1, 0, 1, 0]));
    await buffer.take(0);
    buffer.trained(0);
    expect(await last).toBeNull();
  });

  test("gives the places of a lost environment out again, under another id", async () => {
    const buffer = new RolloutBuffer(config);
    const [first] = await admitAll(buffer, "lost");
    buffer.disown("lost");
    const again = await buffer.admit("other");
    expect(again).toEqual({ groupIndex: 0, groupId: "g0.0.1", attempt: 1 });
    buffer.finish(first!, groupOf(first!.groupId, [1, 0, 1, 0])); // too late: nobody counts it
    expect(buffer.report().ledger).toMatchObject({ admitted: 20, failed: 16 });
    expect(buffer.report().causes).toEqual({ "environment lost": 16 });
  });

  test("the plan can be made shorter, but not shorter than has begun", async () => {
    const buffer = new RolloutBuffer(config);
    await admitAll(buffer);
    expect(buffer.setTotal(1)).toBe(2);
    expect(buffer.setTotal(4)).toBe(4);
  });
});

describe("taking a batch", () => {
  test("waits for the groups of its iteration in the order of their admission, whoever finishes first", async () => {
    const buffer = new RolloutBuffer(config);
    const [a, b, c, d] = await admitAll(buffer);
    const taken = buffer.take(0);
    for (const ticket of [d!, c!, b!]) buffer.finish(ticket, groupOf(ticket.groupId, [1, 0, 1, 0]));
    expect(await isSettled(taken)).toBe(false);
    buffer.finish(a!, groupOf(a!.groupId, [1, 1, 0, 0]));
    const { batch, iteration } = await taken;
    expect(iteration).toBe(0);
    expect(batch!.rolloutIds.map((id) => id.split("/")[0])).toEqual([
      ...Array(4).fill("g0.0.0"),
      ...Array(4).fill("g1.0.0"),
    ]);
  });

  test("leaves out groups without a gradient and counts why; an iteration of nothing else has no batch", async () => {
    const buffer = new RolloutBuffer(config);
    const [a, b] = await admitAll(buffer);
    buffer.finish(a!, groupOf(a!.groupId, [1, 1, 1, 1]));
    buffer.finish(b!, groupOf(b!.groupId, [0, 0, null, 0]));
    expect((await buffer.take(0)).batch).toBeNull();
    expect(buffer.report().ledger).toMatchObject({ filtered: 7, failed: 1 });
    expect(buffer.report().causes).toEqual({ "all-one": 4, "all-zero": 3, verifier_timeout: 1 });
  });

  test("tells the lag of its tokens, and refuses as stale what is older than K", async () => {
    const buffer = new RolloutBuffer(config);
    const [a, b] = await admitAll(buffer);
    buffer.finish(a!, groupOf(a!.groupId, [1, 0, 1, 0], 4));
    buffer.finish(b!, groupOf(b!.groupId, [1, 0, 1, 0], 3));
    const { batch, lag } = await buffer.take(5);
    expect(lag).toEqual({ mean: 1, max: 1 });
    expect(batch!.rolloutIds).toHaveLength(4);
    expect(buffer.report().ledger.stale).toBe(4);
  });

  test("three iterations without one scored episode end the run with the cause", async () => {
    const buffer = new RolloutBuffer({ ...config, maxLag: 3 });
    for (const ticket of await admitAll(buffer)) buffer.finish(ticket, groupOf(ticket.groupId, [null, null, null, 1]));
    for (const iteration of [0, 1]) {
      await buffer.take(0);
      buffer.trained(iteration);
    }
    await expect(buffer.take(0)).rejects.toThrow(
      "no episode could be scored for 3 iterations — last: verifier_timeout: no verdict — mend that, then resume.",
    );
  });
});

describe("a checkpoint", () => {
  test("goes on at its iteration with a ledger that has cancelled what was under way", async () => {
    const buffer = new RolloutBuffer(config);
    const tickets = await admitAll(buffer);
    for (const ticket of tickets.slice(0, 2)) buffer.finish(ticket, groupOf(ticket.groupId, [1, 0, 1, 0]));
    await buffer.take(0);
    buffer.trained(0);
    const state = JSON.parse(JSON.stringify(buffer.save()));
    const resumed = new RolloutBuffer({ ...config, life: 1, state });
    expect(resumed.report()).toMatchObject({ iteration: 1, ledger: { admitted: 16, trained: 8, cancelled: 8 } });
    expect((await resumed.admit("env"))!.groupId).toBe("g2.1.0");
  });
});

test("with failures, losses and stragglers at random, every episode ends once and no token is older than K", async () => {
  const fate = fc.record({
    order: fc.nat(100),
    kind: fc.constantFrom("good", "flat", "failed", "lost"),
    lag: fc.nat(1),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fate, { minLength: 40, maxLength: 40 }),
      fc.integer({ min: 0, max: 2 }),
      async (fates, maxLag) => {
        const buffer = new RolloutBuffer({ ...config, maxLag });
        let version = 0;
        let at = 0;
        let open: Ticket[] = [];
        for (let iteration = 0; iteration < config.iterations; iteration += 1) {
          const taken = buffer.take(version);
          while (!(await isSettled(taken))) {
            open.push(...(await admitAll(buffer)));
            open.sort((one, other) => fates[one.groupIndex % 40]!.order - fates[other.groupIndex % 40]!.order);
            const ticket = open.shift()!;
            const { kind } = fates[at++ % 40]!;
            if (kind === "lost") {
              buffer.disown("env");
              open = [];
              continue;
            }
            const rewards = kind === "good" ? [1, 0, 1, 0] : kind === "flat" ? [1, 1, 1, 1] : [null, null, null, null];
            buffer.finish(ticket, groupOf(ticket.groupId, rewards, Math.max(0, version - maxLag)));
          }
          const { batch, lag } = await taken.catch(() => ({ batch: null, lag: { max: 0 } }));
          expect(lag.max).toBeLessThanOrEqual(maxLag);
          buffer.trained(iteration);
          if (batch) version += 1;
        }
        const { admitted, ...ended } = buffer.close();
        expect(Object.values(ended).reduce((sum, count) => sum + count, 0)).toBe(admitted);
      },
    ),
    { numRuns: 50 },
  );
});
