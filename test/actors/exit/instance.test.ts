import fc from "fast-check";
import { expect, test } from "vitest";
import { baseInstance, expand, instanceKey, prefixInstances, startTurn } from "../../../actors/exit/instance.ts";

const say = (...responses: string[]) =>
  responses.map((response) => ({ response, observation: [{ role: "user" as const, content: `saw ${response}` }] }));
const origin = { mode: "base", quality: 0, score: 0.1, iteration: 4, variant: "iterates" } as const;

/** An instance at turn 2 of a plain episode of three turns, once improved there. */
function resumable(depth = 1) {
  const parent = baseInstance("m", 0);
  const history = expand(parent, "base", say("a", "b", "c"));
  const improved = history.slice(0, 2).map((turn, index) => (index === 1 ? { ...turn, iterDepth: depth } : turn));
  return prefixInstances(improved, { ...origin, parent })[1]!;
}

test("vector 'prefixes': a 3-turn rollout improved at turn 2 of depth 1 has depths 0, 2, 0 and gives 3 instances", () => {
  const parent = resumable();
  const history = expand(parent, "improve", say("B", "C"));
  expect(history.map((turn) => turn.iterDepth)).toEqual([0, 2, 0]);
  expect(history[0]).toBe(parent.turns[0]);
  const instances = prefixInstances(history, { ...origin, parent, mode: "improve", score: 0.8 });
  expect(instances.map(({ depth, score }) => [depth, score])).toEqual([
    [0, 0.8],
    [2, 0.8],
    [0, 0.8],
  ]);
  expect(instances.map(startTurn)).toEqual([1, 2, 3]);
  expect(instances[2]!.turns.map((turn) => turn.response)).toEqual(["a", "B", "C"]);
});

test("the three episodes of figure 2 give prefixes with the whole episode's score, the shared one included", () => {
  const base = baseInstance("m", 1);
  const first = prefixInstances(expand(base, "base", say("a", "b", "c")), { ...origin, parent: base });
  const second = prefixInstances(expand(first[0]!, "improve", say("A", "B", "C")), {
    ...origin,
    parent: first[0]!,
    mode: "improve",
    score: 0.8,
  });
  const third = prefixInstances(expand(first[1]!, "diverge", say("x", "y")), {
    ...origin,
    parent: first[1]!,
    mode: "diverge",
    score: 0.3,
  });
  const lines = (instances: typeof first) =>
    instances.map(({ turns, score }) => `${turns.map((turn) => turn.response + turn.iterDepth).join(" ")}: ${score}`);
  expect(lines(first)).toEqual(["a0: 0.1", "a0 b0: 0.1", "a0 b0 c0: 0.1"]);
  expect(lines(second)).toEqual(["A1: 0.8", "A1 B0: 0.8", "A1 B0 C0: 0.8"]);
  expect(lines(third)).toEqual(["a0: 0.3", "a0 x1: 0.3", "a0 x1 y0: 0.3"]);
  expect(third[0]!.key).toBe(first[0]!.key);
});

test("an improve step goes one deeper than its parent, whatever the parent's depth", () => {
  fc.assert(
    fc.property(fc.nat(50), fc.constantFrom("improve" as const, "diverge" as const), (depth, mode) => {
      expect(expand(resumable(depth), mode, say("B"))[1]!.iterDepth).toBe(depth + 1);
    }),
  );
});

test("a plain attempt at a later turn has depth 0, because it has not seen the earlier response", () => {
  expect(expand(resumable(3), "base", say("B", "C")).map((turn) => turn.iterDepth)).toEqual([0, 0, 0]);
});

test("a prefix carries quality, feedback, parent and mode of its episode", () => {
  const parent = baseInstance("m", 1);
  const history = expand(parent, "base", [{ response: "a" }, { response: "b", feedback: "line 3: boom" }]);
  const [short, long] = prefixInstances(history, { ...origin, parent, quality: 0.4 });
  expect(long).toEqual({
    key: instanceKey("m", say("a", "b"), "iterates"),
    baseId: "m",
    turns: [
      { response: "a", iterDepth: 0 },
      { response: "b", feedback: "line 3: boom", iterDepth: 0 },
    ],
    depth: 0,
    prevQuality: 0.4,
    prevFeedback: "line 3: boom",
    score: 0.1,
    visitCount: 0,
    createdIteration: 4,
    lastScoredIteration: 4,
    parentKey: parent.key,
    producedBy: "base",
  });
  expect(short).not.toHaveProperty("prevFeedback");
});

test("two histories share a key exactly when task and responses are the same, however they are cut", () => {
  const responses = fc.array(fc.string({ maxLength: 3 }), { maxLength: 3 });
  fc.assert(
    fc.property(fc.string({ maxLength: 2 }), responses, fc.string({ maxLength: 2 }), responses, (m, a, n, b) => {
      const same = m === n && a.length === b.length && a.every((response, index) => response === b[index]);
      expect(instanceKey(m, say(...a), "iterates") === instanceKey(n, say(...b), "iterates")).toBe(same);
    }),
  );
});

test("the key of an instance is the golden one, so a saved buffer is understood later", () => {
  expect(instanceKey("m", say("a", "b"), "iterates")).toBe("8fe99d75cafb94c82a0993dc1b6b9505");
});

test("a curriculum key drops the last response, so a single-turn instance is its base task", () => {
  const base = baseInstance("m", 0);
  expect(instanceKey("m", say("a"), "curriculum")).toBe(base.key);
  expect(instanceKey("m", say("a", "b"), "curriculum")).toBe(instanceKey("m", say("a", "c"), "curriculum"));
  expect(instanceKey("m", say("a", "b"), "curriculum")).not.toBe(instanceKey("m", say("c", "b"), "curriculum"));
});

test("an episode without a turn, and an improvement of nothing, are refused with what to do", () => {
  const base = baseInstance("m", 0);
  expect(() => expand(base, "base", [])).toThrow(
    "an episode without a turn cannot expand its task — base task m, mode base — mark the rollout as failed, and " +
      "leave it out of the group's histories.",
  );
  expect(() => expand(base, "diverge", say("a"))).toThrow(
    "mode diverge needs an earlier response — base task m has none — start base tasks in mode base.",
  );
});
