import fc from "fast-check";
import { expect, test } from "vitest";
import { BaseTasks } from "../../../actors/exit/base-tasks.ts";
import { RandomStream } from "../../../actors/random.ts";

const idsUpTo = (count: number) => Array.from({ length: count }, (_, index) => `task ${index}`);
const draw = (tasks: BaseTasks, count: number) => Array.from({ length: count }, () => tasks.next());
const seeded = (ids: readonly string[], order: "epochs" | "uniform" = "epochs", seed = 5) =>
  new BaseTasks(ids, order, RandomStream.seeded(seed));

test("every epoch holds every task once, in an order of its own", () => {
  const ids = idsUpTo(20);
  const tasks = seeded(ids);
  const [first, second] = [draw(tasks, 20), draw(tasks, 20)];
  expect([...first].sort()).toEqual([...ids].sort());
  expect([...second].sort()).toEqual([...ids].sort());
  expect(first).not.toEqual(ids);
  expect(second).not.toEqual(first);
});

test("a stream saved anywhere continues identically, and another seed gives another order", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.nat(40),
      fc.constantFrom("epochs", "uniform"),
      (size, skip, order) => {
        const tasks = seeded(idsUpTo(size), order);
        draw(tasks, skip);
        const restored = seeded(idsUpTo(size), order);
        restored.restore(JSON.parse(JSON.stringify(tasks.save())));
        expect(draw(restored, 30)).toEqual(draw(tasks, 30));
      },
    ),
  );
  expect(draw(seeded(idsUpTo(20), "epochs", 6), 20)).not.toEqual(draw(seeded(idsUpTo(20)), 20));
});

test("uniform draws come with replacement and reach all tasks equally often", () => {
  const drawn = draw(seeded(idsUpTo(4), "uniform"), 4000);
  expect(new Set(drawn.slice(0, 4)).size).toBeLessThan(4);
  const counts = idsUpTo(4).map((id) => drawn.filter((other) => other === id).length);
  expect(counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(16.3); // 3 degrees, p = .001
});

test("an empty set, a repeated id and a state of another set are refused with what to do", () => {
  expect(() => seeded([])).toThrow(
    "the base tasks must be at least one and all different, but there are 0 with 0 different ids — in BaseTasks — give " +
      "every task of the set an id of its own.",
  );
  expect(() => seeded(["a", "a"])).toThrow("there are 2 with 1 different ids");
  const saved = seeded(["a", "b"]).save();
  expect(() => seeded(["b", "a"]).restore(saved)).toThrow(
    /^the saved stream of base tasks is of another set \(\w{32}\) than this run's 2 tasks \(\w{32}\) — in BaseTasks.restore — resume with the same task set in the same order\.$/,
  );
});
