import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Mailbox } from "../../runtime/mailbox.ts";

describe("a mailbox", () => {
  test("a full one refuses the next item and keeps what it has", () => {
    const mailbox = new Mailbox<number>(2);
    expect([mailbox.offer(1), mailbox.offer(2), mailbox.offer(3)]).toEqual([true, true, false]);
    expect(mailbox.drain()).toEqual([1, 2]);
  });

  test("behaves as a plain list would, only bounded", () => {
    const step = fc.oneof(
      fc.constant("take" as const),
      fc.record({ offer: fc.nat(9) }),
      fc.record({ remove: fc.nat(9) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const mailbox = new Mailbox<number>(20);
        let model: number[] = [];
        for (const at of steps) {
          if (at === "take") expect(mailbox.take()).toBe(model.shift());
          else if ("offer" in at) {
            const hasRoom = model.length < 20;
            expect(mailbox.offer(at.offer)).toBe(hasRoom);
            if (hasRoom) model.push(at.offer);
          } else {
            const index = model.indexOf(at.remove);
            expect(mailbox.remove((item) => item === at.remove)).toBe(index < 0 ? undefined : at.remove);
            model = model.filter((_, other) => other !== index);
          }
          expect(mailbox.length).toBe(model.length);
        }
      }),
    );
  });

  test("stays quick and small while thousands pass through", () => {
    const mailbox = new Mailbox<number>(10);
    for (let item = 0; item < 10_000; item += 1) {
      mailbox.offer(item);
      expect(mailbox.take()).toBe(item);
    }
    expect(mailbox.length).toBe(0);
  });
});
