import fc from "fast-check";
import { expect, test } from "vitest";
import { InstanceBuffer, type ScoredInstance } from "../../../actors/exit/buffer.ts";
import { baseInstance } from "../../../actors/exit/instance.ts";

const options = (bufferCapacity: number) => ({ bufferCapacity, evictionTie: "oldest-scored" as const });

function item(key: string, score: number, scoredAt = 0, createdAt = scoredAt): ScoredInstance {
  return { ...baseInstance(key, createdAt), key, score, lastScoredIteration: scoredAt };
}

const keysOf = (buffer: InstanceBuffer) => buffer.instances().map(({ key }) => key);

test("vector 'buffer': with N = 2 and scores .1 and .2, inserting .1 replaces the .1, inserting .05 is rejected", () => {
  const buffer = new InstanceBuffer(options(2), [item("a", 0.1), item("b", 0.2)]);
  expect(buffer.insert(item("c", 0.1, 1))).toEqual({ kind: "replaced", key: "c", evicted: item("a", 0.1) });
  expect(buffer.insert(item("d", 0.05, 2))).toEqual({ kind: "rejected", key: "d", lowestScore: 0.1 });
  expect(keysOf(buffer)).toEqual(["b", "c"]);
});

test("below capacity every instance enters, whatever its score", () => {
  const buffer = new InstanceBuffer(options(2), [item("a", 0.2)]);
  expect(buffer.insert(item("b", 0))).toEqual({ kind: "inserted", key: "b" });
});

test("among the lowest the oldest-scored leaves, then the oldest-created, then the first inserted", () => {
  const evictedFrom = (...instances: ScoredInstance[]) =>
    new InstanceBuffer(options(instances.length), instances).insert(item("new", 0.1, 9));
  const keyOf = (insertion: ReturnType<InstanceBuffer["insert"]>) =>
    insertion.kind === "replaced" ? insertion.evicted.key : insertion.kind;
  expect(keyOf(evictedFrom(item("a", 0.2, 0), item("b", 0.1, 5, 1), item("c", 0.1, 4, 2)))).toBe("c");
  expect(keyOf(evictedFrom(item("a", 0.1, 5, 3), item("b", 0.1, 5, 2)))).toBe("b");
  expect(keyOf(evictedFrom(item("a", 0.1, 5, 3), item("b", 0.1, 5, 3)))).toBe("a");
  const byCreation = new InstanceBuffer({ bufferCapacity: 2, evictionTie: "oldest-created" }, [
    item("a", 0.1, 1, 1),
    item("b", 0.1, 5, 0),
  ]);
  expect(keyOf(byCreation.insert(item("new", 0.1, 9)))).toBe("b");
});

test("an instance that is present is refreshed in place, even to a score too low to enter", () => {
  const buffer = new InstanceBuffer(options(2), [item("a", 0.2, 1, 1), item("b", 0.1)]);
  expect(buffer.insert(item("a", 0, 7))).toEqual({ kind: "refreshed", key: "a", scoreBefore: 0.2 });
  expect(buffer.instances()[0]).toEqual(item("a", 0, 7, 1));
  expect(buffer.refresh("b", 0.25, 8)).toBe(0.1);
  expect(buffer.get("b")).toEqual(item("b", 0.25, 8, 0));
});

test("refreshing or visiting an instance that was evicted changes nothing", () => {
  const buffer = new InstanceBuffer(options(2), [item("a", 0.2)], 3);
  expect(buffer.refresh("gone", 0.1, 1)).toBeNull();
  buffer.visit("gone");
  expect([buffer.instances(), buffer.revision]).toEqual([[item("a", 0.2)], 3]);
});

test("visits are counted, and every change of content or score has a revision of its own", () => {
  const buffer = new InstanceBuffer(options(2));
  buffer.insert(item("a", 0.2));
  buffer.visit("a");
  buffer.visit("a");
  buffer.refresh("a", 0.1, 1);
  expect(buffer.get("a")!.visitCount).toBe(2);
  expect(buffer.revision).toBe(2);
  expect(buffer.insert(item("b", 0)).kind).toBe("inserted");
  expect(buffer.insert(item("c", -1)).kind).toBe("rejected");
  expect(buffer.revision).toBe(3);
});

test("more instances than the capacity are refused with what to do", () => {
  expect(() => new InstanceBuffer(options(1), [item("a", 0), item("b", 0)])).toThrow(
    "2 instances do not fit a buffer of 1 — in InstanceBuffer — resume with the capacity the run was saved with, or a " +
      "larger one.",
  );
});

test("a buffer without capacity rejects everything", () => {
  expect(new InstanceBuffer(options(0)).insert(item("a", 1)).kind).toBe("rejected");
});

/** The buffer as a sorted list, written from section 4.7: lowest score, oldest score, oldest creation, position. */
function slowInsert(list: ScoredInstance[], capacity: number, instance: ScoredInstance): ScoredInstance[] {
  const known = list.find(({ key }) => key === instance.key);
  if (known !== undefined) {
    const fresh = { ...known, score: instance.score, lastScoredIteration: instance.lastScoredIteration };
    return list.map((each) => (each === known ? fresh : each));
  }
  if (list.length < capacity) return [...list, instance];
  const [lowest] = [...list].sort(
    (a, b) =>
      a.score - b.score || a.lastScoredIteration - b.lastScoredIteration || a.createdIteration - b.createdIteration,
  );
  return instance.score >= lowest!.score ? [...list.filter((each) => each !== lowest), instance] : list;
}

const offers = fc.array(
  fc.record({ key: fc.constantFrom(..."abcdefgh"), score: fc.constantFrom(0, 0.109375, 0.1875, 0.234375, 0.25) }),
  { maxLength: 60 },
);

test("whatever is offered, the buffer holds what a sorted list would, and never more than N", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), offers, (capacity, list) => {
      const buffer = new InstanceBuffer(options(capacity));
      let slow: ScoredInstance[] = [];
      list.forEach(({ key, score }, index) => {
        const iteration = Math.floor(index / 3);
        buffer.insert(item(key, score, iteration));
        slow = slowInsert(slow, capacity, item(key, score, iteration));
        expect(buffer.instances()).toEqual(slow);
        expect(buffer.size).toBeLessThanOrEqual(capacity);
      });
    }),
  );
});

test("at capacity the lowest score never falls when new instances are offered", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.constantFrom(0, 0.1, 0.2), { maxLength: 40 }),
      (n, list) => {
        const buffer = new InstanceBuffer(options(n));
        let lowest = Number.NEGATIVE_INFINITY;
        list.forEach((score, index) => {
          buffer.insert(item(`new ${index}`, score, index));
          if (buffer.size < n) return;
          const lowestAfter = Math.min(...buffer.instances().map((each) => each.score));
          expect(lowestAfter).toBeGreaterThanOrEqual(lowest);
          lowest = lowestAfter;
        });
      },
    ),
  );
});

test("a buffer made from another's instances behaves as the other from there on", () => {
  fc.assert(
    fc.property(offers, offers, (before, after) => {
      const buffer = new InstanceBuffer(options(3));
      for (const { key, score } of before) buffer.insert(item(key, score));
      const restored = new InstanceBuffer(options(3), JSON.parse(JSON.stringify(buffer.instances())), buffer.revision);
      for (const { key, score } of after) {
        expect(restored.insert(item(key, score, 1))).toEqual(buffer.insert(item(key, score, 1)));
      }
      expect([restored.instances(), restored.revision]).toEqual([buffer.instances(), buffer.revision]);
    }),
  );
});
