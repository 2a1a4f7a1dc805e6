// Sets of tasks: finding, dividing and drawing them is the same in every process.
import fc from "fast-check";
import { expect, test } from "vitest";
import { hashFraction, shuffledByHash, taskSetOf } from "../../envs/index.ts";

const tasks = Array.from({ length: 1_000 }, (_, index) => ({ id: `t${index}`, hash: `h${index}` }));

test("a task is found by its id and by its index, and iteration gives them in order", async () => {
  const set = taskSetOf("sums", tasks);
  expect(await set.get("t7")).toBe(tasks[7]);
  expect(await set.get(7)).toBe(tasks[7]);
  expect(set.length).toBe(1_000);
  const seen = [];
  for await (const task of set) seen.push(task);
  expect(seen).toEqual(tasks);
});

test.each(["t1000", 1_000, -1, 0.5])("a task that is not there is a mistake: %s", async (key) => {
  await expect(taskSetOf("sums", tasks).get(key)).rejects.toMatchObject({
    code: "bad_start",
    message: `bad_start: no task ${JSON.stringify(key)} - task set sums, 1000 tasks - ask with one of ids(), or an index below the length`,
  });
});

test("two tasks of one id are refused", () => {
  expect(() => taskSetOf("sums", [tasks[0]!, tasks[1]!, { id: "t0", hash: "other" }])).toThrow(
    "bad_data: two tasks have the id 't0' - task set sums - make ids unique",
  );
});

test("every task is on one side of the split", async () => {
  const set = taskSetOf("sums", tasks, ({ hash }) => hashFraction(1, hash) < 0.2);
  const [train, heldOut, all] = await Promise.all([set.ids("train"), set.ids("heldOut"), set.ids()]);
  expect([...train, ...heldOut].sort()).toEqual([...all].sort());
  expect(await set.splitOf(heldOut[0]!)).toBe("heldOut");
  expect(await set.splitOf(train[0]!)).toBe("train");
  expect(heldOut.length).toBeGreaterThan(150);
  expect(heldOut.length).toBeLessThan(250);
});

test("the version is of content, order and split", () => {
  const version = (some = tasks, heldOut?: () => boolean) => taskSetOf("any name", some, heldOut).version;
  expect(version()).toBe(version([...tasks]));
  expect(version()).not.toBe(version(tasks.toReversed()));
  expect(version()).not.toBe(version([{ ...tasks[0]!, hash: "other" }, ...tasks.slice(1)]));
  expect(version()).not.toBe(version(tasks, () => true));
});

test("where a text falls depends on text and seed alone, and is known for ever", () => {
  expect(hashFraction(7, "What is 2 + 2?")).toBe(0.7521892485965624);
});

test("a draw is the same whatever the order it is drawn from, and another for another seed", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string()), fc.integer(), (texts, seed) => {
      const drawn = shuffledByHash(seed, texts, (text) => text);
      expect(shuffledByHash(seed, texts.toReversed(), (text) => text)).toEqual(drawn);
      expect(drawn.toSorted()).toEqual(texts.toSorted());
    }),
  );
  const texts = tasks.map(({ id }) => id);
  expect(shuffledByHash(1, texts, (text) => text)).not.toEqual(shuffledByHash(2, texts, (text) => text));
});

test("fractions are spread evenly over the unit interval", () => {
  const fractions = tasks.map(({ id }) => hashFraction(3, id));
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const count = fractions.filter((at) => at >= tenth / 10 && at < (tenth + 1) / 10).length;
    expect(count).toBeGreaterThan(60);
    expect(count).toBeLessThan(140);
  }
});
