import fc from "fast-check";
import { expect, test } from "vitest";
import { RandomStream } from "../../actors/random.ts";

const times = <Value>(count: number, draw: () => Value) => Array.from({ length: count }, draw);

/** Draws of every kind, so that two streams that agree on them stand at the same place. */
const mixedDraws = (stream: RandomStream) => [
  stream.uniform(),
  stream.below(1000),
  stream.categorical([1, 2, 3]),
  ...stream.shuffle([0, 1, 2, 3]),
];

test("the stream of a seed is the golden one, so a recorded run can be repeated by a later version", () => {
  const stream = RandomStream.seeded(7);
  expect(stream.save()).toEqual({
    key: "d1ce346a5a038ecc03f18f9d7ac07d7250516c3e1d6eb5d9f26ecb02854da1f7",
    words: [1781845713, -863108262, -1651511037, 1920843898],
  });
  expect(times(4, () => stream.uniform())).toEqual([
    0.7614892257984783, 0.7930309817288305, 0.8149951448653637, 0.3689575245910731,
  ]);
  expect(times(6, () => stream.below(10))).toEqual([2, 7, 0, 9, 3, 3]);
  expect(stream.shuffle([0, 1, 2, 3, 4, 5, 6, 7])).toEqual([1, 2, 3, 6, 0, 4, 7, 5]);
  expect(times(6, () => stream.categorical([1, 0, 2, 3]))).toEqual([3, 3, 2, 3, 3, 2]);
  expect([stream.fork("a").uniform(), stream.fork("b").uniform()]).toEqual([0.7873043719893966, 0.13602545219455464]);
  expect(stream.save().words).toEqual([2139121180, 1594217649, -1189212324, -743373809]);
});

test("a stream saved to JSON and restored continues where it stood", () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(50), (seed, skipCount) => {
      const stream = RandomStream.seeded(seed);
      times(skipCount, () => stream.uniform());
      const restored = RandomStream.restored(JSON.parse(JSON.stringify(stream.save())));
      expect(times(3, () => mixedDraws(restored))).toEqual(times(3, () => mixedDraws(stream)));
      expect(restored.fork("x").save()).toEqual(stream.fork("x").save());
    }),
  );
});

test("a fork depends on its label and its parent's identity, not on the parent's position, and does not move it", () => {
  const parent = RandomStream.seeded(1);
  const before = parent.save();
  const early = parent.fork("selection").save();
  expect(parent.save()).toEqual(before);
  parent.uniform();
  expect(parent.fork("selection").save()).toEqual(early);
  expect(parent.fork("epochs").save()).not.toEqual(early);
  expect(RandomStream.seeded(2).fork("selection").save()).not.toEqual(early);
});

test("neighbouring seeds give unrelated first draws", () => {
  const firsts = times(1000, () => 0).map((_, seed) => RandomStream.seeded(seed).uniform());
  expect(firsts.reduce((sum, draw) => sum + draw, 0) / 1000).toBeCloseTo(0.5, 1);
  expect(new Set(firsts.map((draw) => Math.floor(draw * 10))).size).toBe(10);
});

test("uniform draws lie in [0, 1) and fill ten bins evenly", () => {
  const stream = RandomStream.seeded("bins");
  const bins = new Array<number>(10).fill(0);
  for (const draw of times(10_000, () => stream.uniform())) bins[Math.floor(draw * 10)]! += 1;
  const chiSquare = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  expect(chiSquare).toBeLessThan(27.9); // 9 degrees of freedom, p = .001
});

test("categorical draws follow the weights and never fall on a weight of 0", () => {
  const stream = RandomStream.seeded("weights");
  const counts = [0, 0, 0, 0];
  for (const index of times(10_000, () => stream.categorical([0, 1, 3, 0]))) counts[index]! += 1;
  expect(counts[0]).toBe(0);
  expect(counts[3]).toBe(0);
  expect((counts[1]! - 2500) ** 2 / 2500 + (counts[2]! - 7500) ** 2 / 7500).toBeLessThan(10.8); // 1 degree, p = .001
});

test("integers lie below their bound and a shuffle keeps every item", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 2 ** 40 }), fc.array(fc.nat()), (seed, bound, items) => {
      const stream = RandomStream.seeded(seed);
      const drawn = stream.below(bound);
      expect(Number.isInteger(drawn) && drawn >= 0 && drawn < bound).toBe(true);
      expect(stream.shuffle(items).sort((a, b) => a - b)).toEqual([...items].sort((a, b) => a - b));
    }),
  );
});

test("all six orders of three items come up equally often", () => {
  const stream = RandomStream.seeded("orders");
  const counts = new Map<string, number>();
  for (const order of times(6000, () => stream.shuffle("abc").join("")))
    counts.set(order, (counts.get(order) ?? 0) + 1);
  expect(counts.size).toBe(6);
  expect([...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(20.5); // 5, .001
});

test("an event of probability 0 never happens, one of probability 1 always", () => {
  const stream = RandomStream.seeded(3);
  expect(times(1000, () => stream.isDrawn(0))).not.toContain(true);
  expect(times(1000, () => stream.isDrawn(1))).not.toContain(false);
});

test("an impossible draw says what was asked and what to give instead", () => {
  const stream = RandomStream.seeded(0);
  expect(() => stream.below(0)).toThrow(
    "no integer lies below 0 — in RandomStream.below — ask with a bound of at least 1.",
  );
  expect(() => stream.categorical([0, 0])).toThrow(
    "no index can be drawn: none of 2 weights is positive — in RandomStream.categorical — give finite weights above 0.",
  );
  expect(() => stream.categorical([1, Number.NaN])).toThrow("no index can be drawn: weight 1 is NaN");
  expect(() => RandomStream.restored({ key: "k", words: [1] })).toThrow(
    'a random stream cannot be restored from {"key":"k","words":[1]} — it needs a key of 64 hex digits and four 32-bit ' +
      "words — give it what save() returned.",
  );
});
