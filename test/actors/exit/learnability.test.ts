import fc from "fast-check";
import { expect, test } from "vitest";
import { learnability, mean, variance } from "../../../actors/exit/learnability.ts";

const options = { varianceDdof: 0 } as const;
const binaryGroup = (count: number, oneCount: number) =>
  Array.from({ length: count }, (_, index) => (index < oneCount ? 1 : 0));
const rewardsIn = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 16 });

test("vector 'S': eight rewards of which three are 1 have mean .375, S .234375 and deviation .484123", () => {
  const rewards = [1, 0, 0, 0, 1, 1, 0, 0];
  expect(mean(rewards)).toBe(0.375);
  expect(learnability(rewards, options)).toBe(0.234375);
  expect(Math.sqrt(variance(rewards))).toBeCloseTo(0.484123, 6);
});

test("S of a binary group is p(1-p), and a group of eight knows five values of it", () => {
  const ofEight = Array.from({ length: 9 }, (_, ones) => learnability(binaryGroup(8, ones), options));
  expect([...new Set(ofEight)]).toEqual([0, 0.109375, 0.1875, 0.234375, 0.25]);
  for (let count = 2; count <= 64; count += 1) {
    for (let ones = 0; ones <= count; ones += 1) {
      const score = learnability(binaryGroup(count, ones), options);
      expect(score).toBeCloseTo((ones / count) * (1 - ones / count), 11);
      expect(score).toBe(learnability(binaryGroup(count, count - ones), options)); // a tie is exactly a tie
    }
  }
});

test("S does not depend on the order of the rewards", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 24 }), fc.nat(24), fc.func(fc.nat()), (count, ones, rank) => {
      const group = binaryGroup(count, Math.min(ones, count));
      const shuffled = group.map((reward, index) => [rank(index), reward] as const).sort(([a], [b]) => a - b);
      expect(
        learnability(
          shuffled.map(([, reward]) => reward),
          options,
        ),
      ).toBe(learnability(group, options));
    }),
  );
});

test("S agrees with the mean of squared differences between all pairs, halved", () => {
  fc.assert(
    fc.property(rewardsIn, (rewards) => {
      let pairs = 0;
      for (const one of rewards) for (const other of rewards) pairs += (one - other) ** 2;
      expect(learnability(rewards, options)).toBeCloseTo(pairs / rewards.length ** 2 / 2, 11);
    }),
  );
});

test("equal rewards that were summed in different orders have S exactly 0", () => {
  expect(0.1 + 0.2 === 0.3).toBe(false);
  expect(learnability([0.1 + 0.2, 0.3, 0.3, 0.3], options)).toBe(0);
  expect(variance([0.1, 0.1, 0.1])).toBe(0);
});

test("the sample variance is an option", () => {
  expect(learnability([1, 0], { varianceDdof: 1 })).toBe(0.5);
});

test("a single reward and a reward outside its range are refused with what to do", () => {
  expect(() => learnability([1], options)).toThrow(
    "a group of 1 scored rollouts has no variance — in learnability — ask for S only where two or more rollouts were " +
      "scored.",
  );
  expect(() => learnability([1, 2], options)).toThrow(
    "reward 2 lies outside 0 .. 1 — in learnability — rescale it where it is made, so that S compares tasks.",
  );
  expect(() => learnability([1, Number.NaN], options)).toThrow("reward NaN lies outside 0 .. 1");
});
