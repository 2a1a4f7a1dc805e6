import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PriorityQueue, Queue } from "../../runtime/queue.ts";

describe("a queue", () => {
  test("behaves as a plain list would", () => {
    const step = fc.oneof(
      fc.constant("take" as const),
      fc.record({ push: fc.nat(9) }),
      fc.record({ remove: fc.nat(9) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new Queue<number>();
        let model: number[] = [];
        for (const at of steps) {
          if (at === "take") expect(queue.take()).toBe(model.shift());
          else if ("push" in at) {
            queue.push(at.push);
            model.push(at.push);
          } else {
            const index = model.indexOf(at.remove);
            expect(queue.remove((item) => item === at.remove)).toBe(index < 0 ? undefined : at.remove);
            model = model.filter((_, other) => other !== index);
          }
          expect([queue.length, queue.peek()]).toEqual([model.length, model[0]]);
        }
        expect(queue.drain()).toEqual(model);
      }),
    );
  });

  test("stays in order while thousands pass through", () => {
    const queue = new Queue<number>();
    for (let item = 0; item < 10_000; item += 1) {
      queue.push(item);
      if (item >= 10) expect(queue.take()).toBe(item - 10);
    }
    expect(queue.length).toBe(10);
  });
});

describe("a queue by priority", () => {
  interface Item {
    priority: number;
    number: number;
  }

  test("gives what a stable sort by priority would put first", () => {
    const step = fc.oneof(
      fc.constant("take" as const),
      fc.constant("oldest of lowest" as const),
      fc.record({ push: fc.integer({ min: -2, max: 2 }) }),
      fc.record({ remove: fc.nat(30) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new PriorityQueue<Item>();
        let model: Item[] = [];
        const without = (item: Item | undefined) => model.filter((other) => other !== item);
        steps.forEach((at, number) => {
          if (at === "take") {
            expect(queue.take()).toBe(model[0]);
            model = without(model[0]);
          } else if (at === "oldest of lowest") {
            const lowest = model.find(({ priority }) => priority === model.at(-1)!.priority);
            expect(queue.lowestPriority).toBe(lowest?.priority);
            expect(queue.takeOldestOfLowest()).toBe(lowest);
            model = without(lowest);
          } else if ("push" in at) {
            const item = { priority: at.push, number };
            queue.push(item);
            model = [...model, item].sort((a, b) => b.priority - a.priority);
          } else {
            const item = model.find((other) => other.number === at.remove);
            expect(queue.remove((other) => other.number === at.remove)).toBe(item);
            model = without(item);
          }
          expect([queue.length, queue.peek()]).toEqual([model.length, model[0]]);
        });
        expect(queue.drain()).toEqual(model);
      }),
    );
  });
});
