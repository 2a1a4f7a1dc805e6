import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawColumns, pairLines } from "../../../tools/replay/columns.ts";
import { widthOf } from "../../../tools/replay/text.ts";

const draw = (left: string[], right: string[], width: number) =>
  drawColumns({ left: left.join("\n"), right: right.join("\n") }, { left: "before", right: "after" }, width).map(
    ({ text }) => text,
  );

describe("two texts side by side", () => {
  test("stand line against line, with a sign for what became of each", () => {
    expect(draw(["Let x = 2.", "x is odd", "so 5"], ["Let x = 2.", "x is even", "so 4", "Done!"], 60)).toEqual([
      "before                         after",
      "Let x = 2.                     Let x = 2.",
      "x is odd                     ~ x is even",
      "so 5                         ~ so 4",
      "                             > Done!",
    ]);
  });

  test("keep every line of both, in order; equal lines are paired where that pairs most", () => {
    const line = fc.constantFrom("a", "b", "it is \\boxed{1}", "it is \\boxed{2}", "");
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.array(line, { maxLength: 12 }), (left, right) => {
        const pairs = pairLines(left, right);
        expect(pairs.filter(({ kind }) => kind !== "right").map((pair) => pair.left)).toEqual(left);
        expect(pairs.filter(({ kind }) => kind !== "left").map((pair) => pair.right)).toEqual(right);
        for (const pair of pairs) {
          if (pair.kind === "same") expect(pair.left).toBe(pair.right);
          if (pair.kind === "changed") expect(pair.left).not.toBe(pair.right);
        }
      }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        expect(pairLines(lines, lines).every(({ kind }) => kind === "same")).toBe(true);
      }),
    );
  });

  test("are never wider than the terminal, and stand one above the other in a narrow one", () => {
    fc.assert(
      fc.property(
        fc.lorem({ maxCount: 40 }),
        fc.lorem({ maxCount: 40 }),
        fc.integer({ min: 20, max: 130 }),
        (left, right, width) => {
          for (const text of draw([left], [right], width)) expect(widthOf(text)).toBeLessThanOrEqual(width);
        },
      ),
    );
    expect(draw(["one"], ["two"], 40)).toEqual(["before", "  one", "after", "  two"]);
  });

  test("of a great many lines stand as they are", () => {
    const lines = Array.from({ length: 1001 }, (_, at) => `line ${at}`);
    const pairs = pairLines(lines, lines.slice(1));
    expect(pairs.length).toBe(1001);
    expect(pairs[0]).toEqual({ kind: "changed", left: "line 0", right: "line 1" });
    expect(pairs.at(-1)).toEqual({ kind: "left", left: "line 1000", right: "" });
  });
});
