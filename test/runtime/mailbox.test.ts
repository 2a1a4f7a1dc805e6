// The scheduler before an actor: bounds, tickets, lanes, weights, as properties of any history of it.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Offer, WhenFull } from "../../runtime/lane.ts";
import { type Addressed, Mailbox, type MailboxSpec } from "../../runtime/mailbox.ts";

const fields = { lane: null, priority: 0, bytes: 1 };

function specOf(more: Partial<MailboxSpec> = {}): MailboxSpec {
  const lanes = [{ name: "default", weight: 1, concurrency: Number.POSITIVE_INFINITY }];
  return { capacity: 10, maxBytes: 1000, whenFull: "fail", concurrency: Number.POSITIVE_INFINITY, lanes, ...more };
}

function make(more: Partial<MailboxSpec> = {}) {
  const dropped: number[] = [];
  const called: number[] = [];
  const mailbox = new Mailbox<Addressed>({
    spec: specOf(more),
    onDropped: ({ id }) => dropped.push(id),
    onRoom: (id) => called.push(id),
  });
  const offer = (id: number, message: Partial<Addressed> = {}): Offer => mailbox.offer({ ...fields, ...message, id });
  return { mailbox, offer, dropped, called };
}

describe("a mailbox that is full", () => {
  test("under fail refuses the next message and keeps what it has", () => {
    const { mailbox, offer } = make({ capacity: 2 });
    expect([offer(1), offer(2), offer(3)]).toEqual(["kept", "kept", "full"]);
    expect(mailbox.drain().messages.map(({ id }) => id)).toEqual([1, 2]);
  });

  test("counts bytes too, and takes a message larger than its bound alone", () => {
    const { mailbox, offer } = make({ maxBytes: 100 });
    expect([offer(1, { bytes: 60 }), offer(2, { bytes: 60 }), offer(3, { bytes: 40 })]).toEqual([
      "kept",
      "full",
      "kept",
    ]);
    mailbox.drain();
    expect([offer(4, { bytes: 500 }), offer(5)]).toEqual(["kept", "full"]);
  });

  test("under drop-oldest lets go what has waited longest of the lowest priority", () => {
    const { mailbox, offer, dropped } = make({ capacity: 3, whenFull: "drop-oldest" });
    for (const [id, priority] of [
      [1, 1],
      [2, 0],
      [3, 0],
      [4, 0],
    ] as const)
      expect(offer(id, { priority })).toBe("kept");
    expect(dropped).toEqual([2]);
    expect(offer(5, { priority: -1 })).toBe("full"); // it is itself the least
    expect(mailbox.drain().messages.map(({ id }) => id)).toEqual([1, 3, 4]);
  });

  test("under wait gives tickets, calls them in order as room comes, and nobody passes who has one", () => {
    const { mailbox, offer, called } = make({ capacity: 2, whenFull: "wait" });
    expect([offer(1), offer(2), offer(3), offer(4)]).toEqual(["kept", "kept", "parked", "parked"]);
    expect(mailbox.take()!.id).toBe(1);
    expect(called).toEqual([3]);
    expect(offer(5)).toBe("parked"); // there would be room, were it not kept for 3
    expect(offer(3)).toBe("kept");
    expect([mailbox.take()!.id, mailbox.take()!.id]).toEqual([2, 3]);
    expect(called).toEqual([3, 4, 5]);
    expect(offer(6)).toBe("parked");
    expect([offer(4), offer(5)]).toEqual(["kept", "kept"]);
  });

  test("under wait nobody passes a large one that waits for room, however small", () => {
    const { offer } = make({ maxBytes: 10, whenFull: "wait" });
    expect([offer(1, { bytes: 5 }), offer(2, { bytes: 8 }), offer(3)]).toEqual(["kept", "parked", "parked"]);
  });

  test("room that was kept for a message is free again once it has come and gone", () => {
    const { mailbox, offer } = make({ maxBytes: 10, whenFull: "wait" });
    expect([offer(1, { bytes: 6 }), offer(2, { bytes: 6 })]).toEqual(["kept", "parked"]);
    mailbox.take();
    expect(offer(2, { bytes: 6 })).toBe("kept");
    mailbox.take();
    expect([offer(3, { bytes: 4 }), offer(4, { bytes: 4 }), mailbox.bytes]).toEqual(["kept", "kept", 8]);
  });

  test("a ticket that is let go makes room for the next", () => {
    const { mailbox, offer, called } = make({ capacity: 1, whenFull: "wait" });
    expect([offer(1), offer(2), offer(3), offer(4)]).toEqual(["kept", "parked", "parked", "parked"]);
    expect(mailbox.remove(3)).toBe("ticket");
    mailbox.take();
    expect([called, mailbox.remove(2), called]).toEqual([[2, 4], "ticket", [2, 4]]);
    expect(mailbox.parked).toBe(1);
  });

  test("a message that nobody waits for gets no ticket", () => {
    const { offer } = make({ capacity: 1, whenFull: "wait" });
    expect([offer(0), offer(0)]).toEqual(["kept", "full"]);
  });
});

describe("lanes", () => {
  const lanes = [
    { name: "default", weight: 3, concurrency: 1 },
    { name: "eval", weight: 1, concurrency: 1 },
  ];

  test("share places by weight, in the same order every time", () => {
    const { mailbox, offer } = make({ lanes, concurrency: 1, capacity: 100 });
    for (let id = 1; id <= 8; id += 1) {
      offer(id);
      offer(100 + id, { lane: "eval" });
    }
    const order: number[] = [];
    for (let message = mailbox.take(); message; message = mailbox.take()) {
      order.push(message.id);
      expect(mailbox.take()).toBeUndefined(); // one place
      mailbox.done(message);
    }
    expect(order).toEqual([1, 2, 3, 101, 4, 5, 6, 102, 7, 8, 103, 104, 105, 106, 107, 108]);
  });

  test("a lane runs as many as its own concurrency, and the others go on", () => {
    const { mailbox, offer } = make({ lanes, concurrency: 2 });
    for (const id of [1, 2]) offer(id);
    offer(3, { lane: "eval" });
    const first = mailbox.take()!;
    expect([first.id, mailbox.take()!.id, mailbox.take()]).toEqual([1, 3, undefined]);
    mailbox.done(first);
    expect(mailbox.take()!.id).toBe(2);
  });

  test("have bounds of their own: a flood in one leaves room in the other", () => {
    const { offer } = make({ lanes, capacity: 1 });
    expect([offer(1), offer(2), offer(3, { lane: "eval" })]).toEqual(["kept", "full", "kept"]);
  });

  test("a lane that is not there is refused with those that are", () => {
    expect(() => make({ lanes }).offer(1, { lane: "fast" })).toThrow(
      "bad_option: there is no lane fast. There are: default, eval.",
    );
  });
});

describe("whatever happens to it, a mailbox", () => {
  const names = ["a", "b", "c"];
  const laneSpec = fc.record({
    weight: fc.integer({ min: 1, max: 4 }),
    concurrency: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant(Number.POSITIVE_INFINITY)),
  });
  const spec = fc.record({
    capacity: fc.integer({ min: 1, max: 6 }),
    maxBytes: fc.integer({ min: 5, max: 40 }),
    whenFull: fc.constantFrom<WhenFull>("wait", "fail", "drop-oldest"),
    concurrency: fc.integer({ min: 1, max: 4 }),
    lanes: fc.array(laneSpec, { minLength: 1, maxLength: 3 }),
  });
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        offer: fc.nat(2),
        priority: fc.integer({ min: -1, max: 1 }),
        bytes: fc.integer({ min: 0, max: 15 }),
      }),
    },
    { weight: 3, arbitrary: fc.constant("take" as const) },
    { weight: 3, arbitrary: fc.constant("done" as const) },
    { weight: 2, arbitrary: fc.constant("come again" as const) },
    { weight: 1, arbitrary: fc.record({ remove: fc.nat(40) }) },
  );

  test("loses nothing, keeps its bounds, and runs each lane in order of priority and coming", () => {
    fc.assert(
      fc.property(spec, fc.array(step, { maxLength: 120 }), (given, steps) => {
        const lanes = given.lanes.map((lane, at) => ({ ...lane, name: names[at]! }));
        const { mailbox, offer, dropped, called } = make({ ...given, lanes });
        /** Every message by what it is at present. */
        const state = new Map<number, "waits" | "parked" | "runs" | "out">();
        const messages = new Map<number, Addressed>();
        const running: Addressed[] = [];
        const again = (id: number) => offer(id, messages.get(id));
        steps.forEach((at, number) => {
          if (at === "take") {
            const message = mailbox.take();
            if (message) {
              expect(state.get(message.id)).toBe("waits");
              for (const [id, other] of messages) {
                if (state.get(id) !== "waits" || other.lane !== message.lane || id === message.id) continue;
                const isAfter =
                  other.priority < message.priority || (other.priority === message.priority && id > message.id);
                expect(isAfter).toBe(true);
              }
              state.set(message.id, "runs");
              running.push(message);
            }
          } else if (at === "done") {
            const message = running.shift();
            if (message) {
              mailbox.done(message);
              state.set(message.id, "out");
            }
          } else if (at === "come again") {
            for (const id of called.splice(0)) {
              if (state.get(id) !== "parked") continue;
              expect(again(id)).toBe("kept");
              state.set(id, "waits");
            }
          } else if ("offer" in at) {
            const id = number + 1;
            const message = { id, lane: names[at.offer % lanes.length]!, priority: at.priority, bytes: at.bytes };
            messages.set(id, message);
            const { length, bytes, parked } = mailbox.lanes.find(({ spec: lane }) => lane.name === message.lane)!;
            const isSmall = length === 0 || bytes + message.bytes <= given.maxBytes;
            const fits = parked === 0 && length < given.capacity && isSmall;
            const outcome = offer(id, message);
            if (given.whenFull !== "drop-oldest" || fits) expect(outcome === "kept").toBe(fits);
            state.set(id, outcome === "kept" ? "waits" : outcome === "parked" ? "parked" : "out");
            expect(outcome === "parked").toBe(outcome !== "kept" && given.whenFull === "wait");
            for (const gone of dropped.splice(0)) {
              expect(state.get(gone)).toBe("waits");
              state.set(gone, "out");
            }
          } else {
            const was = state.get(at.remove + 1);
            const removed = mailbox.remove(at.remove + 1);
            if (was === "waits") expect(removed).toBe(removed && typeof removed === "object" ? removed : "a message");
            else expect(removed).toBe(was === "parked" ? "ticket" : undefined);
            if (removed !== undefined) state.set(at.remove + 1, "out");
          }
          const counted = (what: string) => [...state.values()].filter((one) => one === what).length;
          expect([mailbox.length, mailbox.parked]).toEqual([counted("waits"), counted("parked")]);
          expect(running.length).toBeLessThanOrEqual(given.concurrency);
          for (const { spec: lane, length, bytes } of mailbox.lanes) {
            expect(length).toBeLessThanOrEqual(given.capacity);
            expect(length <= 1 || bytes <= given.maxBytes).toBe(true);
            expect(running.filter((one) => one.lane === lane.name).length).toBeLessThanOrEqual(lane.concurrency);
          }
        });
        // Everything comes out in the end: what waits runs, what is parked is called.
        for (let rounds = 0; mailbox.length + mailbox.parked > 0; rounds += 1) {
          expect(rounds).toBeLessThan(1000);
          for (const message of running.splice(0)) mailbox.done(message);
          for (const id of called.splice(0))
            if (state.get(id) === "parked" && again(id) === "kept") state.set(id, "waits");
          for (let message = mailbox.take(); message; message = mailbox.take()) {
            expect(state.get(message.id)).toBe("waits");
            state.set(message.id, "runs");
            running.push(message);
          }
        }
        expect([...state.values()].filter((one) => one === "waits" || one === "parked")).toEqual([]);
      }),
    );
  });

  test("gives lanes that all have work their share, to the message", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 4 }),
        (weights, rounds) => {
          const lanes = weights.map((weight, at) => ({ name: names[at]!, weight, concurrency: 1 }));
          const { mailbox, offer } = make({ lanes, concurrency: 1, capacity: 1000 });
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          let id = 0;
          for (const { name } of lanes) for (let at = 0; at < total * rounds; at += 1) offer(++id, { lane: name });
          const served = new Map<string, number>();
          for (let turn = 0; turn < total * rounds; turn += 1) {
            const message = mailbox.take()!;
            mailbox.done(message);
            served.set(message.lane!, (served.get(message.lane!) ?? 0) + 1);
          }
          expect(lanes.map(({ name }) => served.get(name))).toEqual(weights.map((weight) => weight * rounds));
        },
      ),
    );
  });
});
