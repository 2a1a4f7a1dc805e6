// Where a search goes next: each rule of the presets as a case, and what holds for all of them.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bestOf,
  bestSoFarOf,
  debugDepth,
  nextMove,
  type SearchNode,
  type SearchOptions,
  searchPolicies,
} from "../../../actors/index.ts";
import { RandomStream } from "../../../actors/random.ts";

const { greedy, aide, aira } = searchPolicies;
const random = () => RandomStream.seeded(1);

/** Nodes in short: [operator, parent, score or null for a broken one]. */
function nodes(...short: [SearchNode["operator"], number | null, number | null][]): SearchNode[] {
  return short.map(([operator, parent, score], index) => node({ index, operator, parent, score }));
}

function node(about: Partial<SearchNode> & { score: number | null }): SearchNode {
  return {
    index: 0,
    operator: "draft",
    parent: null,
    response: "",
    feedback: null,
    isValid: about.score !== null,
    validationScore: null,
    outcome: "ok",
    failure: null,
    tokenCount: 0,
    generateMs: 0,
    worldMs: 0,
    ...about,
  };
}

function move(from: SearchNode[], options: SearchOptions): string {
  const { operator, parent } = nextMove(from, options, random());
  return `${operator} ${parent?.index ?? "-"}`;
}

describe("the paper's greedy search", () => {
  test("drafts once, then improves the best", () => {
    expect(move([], greedy)).toBe("draft -");
    expect(move(nodes(["draft", null, 0.3]), greedy)).toBe("improve 0");
    expect(move(nodes(["draft", null, 0.3], ["improve", 0, 0.5], ["improve", 1, 0.4]), greedy)).toBe("improve 1");
  });

  test("among equals the newer is the best, unless ties go to the older", () => {
    const tied = nodes(["draft", null, 0.3], ["improve", 0, 0.3]);
    expect(move(tied, greedy)).toBe("improve 1");
    expect(move(tied, { ...greedy, ties: "older" })).toBe("improve 0");
  });

  test("mends the latest while nothing is valid, and leaves broken nodes alone once something is", () => {
    const broken = nodes(["draft", null, null], ["debug", 0, null]);
    expect(move(broken, greedy)).toBe("debug 1");
    expect(move([...broken, node({ index: 2, operator: "debug", parent: 1, score: 0.1 })], greedy)).toBe("improve 2");
  });

  test("a node that infrastructure broke is no parent and no draft", () => {
    const failed = node({ score: null, failure: "worker_died" });
    expect(move([failed], greedy)).toBe("draft -");
    expect(bestOf([{ ...failed, score: 1, isValid: true }], greedy)).toBeNull();
  });
});

describe("AIDE's search", () => {
  test("makes five drafts before anything else", () => {
    const four = nodes(["draft", null, 0.1], ["draft", null, null], ["draft", null, 0.2], ["draft", null, 0.1]);
    expect(move(four, aide)).toBe("draft -");
    expect(move([...four, node({ index: 4, score: 0.1 })], aide)).toMatch(/^(improve 2|debug 1)$/);
  });

  test("mends broken leaves with its probability, at most three times in a row, never a node with children", () => {
    const chain = nodes(
      ["draft", null, null],
      ["debug", 0, null],
      ["debug", 1, null],
      ["debug", 2, null],
      ...(Array.from({ length: 4 }, () => ["draft", null, 0.2]) as [SearchNode["operator"], null, number][]),
    );
    expect(debugDepth(chain[3]!, chain)).toBe(3);
    const always = { ...aide, debugProbability: 1 };
    expect(move(chain, always)).toBe("improve 4");
    expect(move([chain[0]!, ...chain.slice(4).map((one, at) => ({ ...one, index: at + 1 }))], always)).toBe("debug 0");
  });

  test("begins anew while nothing is valid", () => {
    const five = nodes(
      ...(Array.from({ length: 5 }, () => ["draft", null, null]) as [SearchNode["operator"], null, null][]),
    );
    expect(move(five, { ...aide, debugProbability: 0 })).toBe("draft -");
  });
});

test("AIRA's search always mends first", () => {
  const five = nodes(
    ["draft", null, 0.9],
    ["draft", null, null],
    ["draft", null, 0.1],
    ["draft", null, 0.1],
    ["draft", null, 0.1],
  );
  expect(move(five, aira)).toBe("debug 1");
});

test("by validation scores the grader's are not looked at, and a node without one is never the best", () => {
  const byValidation = { ...greedy, selection: "validation" as const };
  const two = [
    { ...node({ index: 0, score: 0.9 }), validationScore: 0.1 },
    { ...node({ index: 1, operator: "improve", parent: 0, score: 0.2 }), validationScore: 0.8 },
    node({ index: 2, operator: "improve", parent: 1, score: 1 }),
  ] as SearchNode[];
  expect(bestOf(two, byValidation)?.index).toBe(1);
  expect(bestSoFarOf(two, byValidation)).toEqual([0.9, 0.2, 0.2]);
});

test("under every policy a move's parent exists, is not failed, and fits its operator", () => {
  const scores = fc.array(fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: null }), { maxLength: 25 });
  fc.assert(
    fc.property(scores, fc.constantFrom(greedy, aide, aira), fc.nat(), (outcomes, options, seed) => {
      const so: SearchNode[] = [];
      for (const [index, score] of outcomes.entries()) {
        const { operator, parent } = nextMove(so, options, RandomStream.seeded(`${seed} ${index}`));
        expect(operator === "draft").toBe(parent === null);
        if (parent !== null) {
          expect(so[parent.index]).toBe(parent);
          expect(operator).toBe(parent.isValid ? "improve" : "debug");
          expect(debugDepth(parent, so)).toBeLessThanOrEqual(options.maxDebugDepth);
        }
        so.push(node({ index, operator, parent: parent?.index ?? null, score }));
      }
      const curve = bestSoFarOf(so, options).map((value) => value ?? -1);
      expect(curve).toEqual([...curve].sort((one, other) => one - other));
    }),
  );
});
