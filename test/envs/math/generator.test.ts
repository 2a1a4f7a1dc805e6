// Generated problems: their golds are right, their distractors wrong, by the verifier that judges responses.
import { afterAll, describe, expect, test } from "vitest";
import { type GeneratedRow, generate, generatorOf, loadMathTasks, MathVerifier } from "../../../envs/index.ts";
import { templates } from "../../../envs/math/templates.ts";
import { python } from "../python.ts";

const verifier = new MathVerifier({ ...python, processCount: 1 });
afterAll(() => verifier.close());

const rows = (count: number, seed = 0, part: "train" | "test" = "train", levels: [number, number] = [1, 8]) => [
  ...generate({ count, levels, seed, part }),
];
const ofKind = (name: string, all: readonly GeneratedRow[]) => all.filter(({ source }) => source === name).slice(0, 3);

describe("every kind of problem", () => {
  const all = rows(400);
  test.each(templates.map(({ name }) => name))("%s: the gold is right and both distractors are wrong", async (name) => {
    const some = ofKind(name, all);
    expect(some).toHaveLength(3);
    for (const { problem, answer, distractors } of some) {
      const verdicts = await Promise.all(
        [answer, ...distractors].map((text) => verifier.verify(answer, `So it is $\\boxed{${text}}$.`)),
      );
      expect([problem, ...verdicts.map(({ kind }) => kind)]).toEqual([problem, "correct", "wrong", "wrong"]);
    }
  });
});

test("a solution has a line a step, as many as the level says, and ends in the answer", () => {
  for (const { solution, steps, level } of rows(300)) {
    expect(solution.split("\n")).toHaveLength(steps);
    expect(steps).toBe(level);
  }
});

test("the same seed gives the same problems, another seed others, and none stands twice", () => {
  expect(rows(50, 3)).toEqual(rows(50, 3));
  expect(rows(50, 3)).not.toEqual(rows(50, 4));
  expect(new Set(rows(500).map(({ problem }) => problem)).size).toBe(500);
});

test("what is trained on and what is held out are disjoint under any two seeds", () => {
  const train = new Set(rows(1500, 1, "train", [1, 2]).map(({ problem }) => problem));
  expect(rows(300, 2, "test", [1, 2]).filter(({ problem }) => train.has(problem))).toEqual([]);
});

test("levels bound the steps", () => {
  expect(new Set(rows(100, 0, "train", [4, 5]).map(({ level }) => level))).toEqual(new Set([4, 5]));
});

test("more problems than there are is refused, with how many there are", () => {
  expect(() => rows(1_000_000, 0, "test", [1, 1])).toThrow(
    /levels 1 to 1 hold only \d+ different problems, not 1000000 - generated - ask for fewer, or for more levels/,
  );
});

test("a source names a generator, its levels, count, part and seed", () => {
  expect(generatorOf("generated")).toEqual({ count: 2000, levels: [1, 8], seed: 0, part: "train" });
  expect(generatorOf("generated-test:2:50@9")).toEqual({ count: 50, levels: [2, 2], seed: 9, part: "test" });
  expect(generatorOf("generated:1-3")).toMatchObject({ levels: [1, 3] });
  expect([generatorOf("generated.jsonl"), generatorOf("./generated")]).toEqual([null, null]);
  for (const wrong of ["generated:0", "generated:9", "generated:3-1", "generated:x", "generated@"]) {
    expect(() => generatorOf(wrong)).toThrow(/levels go from 1 to 8 - generated.* - write generated, generated:1-3/);
  }
});

test("a share of what is trained on can be held out, whatever the seed of that draw", async () => {
  for (const seed of [0, 1]) {
    const { tasks } = await loadMathTasks("generated:1-2:200", { split: { heldOut: 0.2, seed } });
    const { length } = await tasks.ids("heldOut");
    expect(length).toBeGreaterThan(20);
    expect(length).toBeLessThan(65);
  }
});

test("problems load from it like from any file", async () => {
  const { tasks } = await loadMathTasks({ train: "generated:1-2:40", heldOut: "generated-test:1-2:10" });
  expect([(await tasks.ids("train")).length, (await tasks.ids("heldOut")).length]).toEqual([40, 10]);
  expect((await tasks.get(0)).steps).toBeGreaterThan(0);
});
