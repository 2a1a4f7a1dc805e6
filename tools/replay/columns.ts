// Two texts side by side, line against line: what the second kept of the first, and what it changed.
// Lines are paired so that as much as possible is alike. Knows text only.
import { fill, wrap } from "./text.ts";

/** A line of either side, or a pair. */
export type Pairing = { kind: "same" | "changed" | "left" | "right"; left: string; right: string };

/** Texts with more pairs of lines than this are set side by side as they stand: the table would outgrow its use. */
const maxPairCount = 1_000_000;

/** The lines of both texts in order; a line that was changed stands beside what became of it. */
export function pairLines(left: readonly string[], right: readonly string[]): Pairing[] {
  const pairs: Pairing[] = [];
  let [l, r] = [0, 0];
  const skipTo = (nextLeft: number, nextRight: number) => {
    for (; l < nextLeft; l += 1) pairs.push({ kind: "left", left: left[l]!, right: "" });
    for (; r < nextRight; r += 1) pairs.push({ kind: "right", left: "", right: right[r]! });
  };
  for (const [nextLeft, nextRight] of matchLines(left, right)) {
    skipTo(nextLeft, nextRight);
    const kind = left[l] === right[r] ? "same" : "changed";
    pairs.push({ kind, left: left[l]!, right: right[r]! });
    [l, r] = [l + 1, r + 1];
  }
  skipTo(left.length, right.length);
  return pairs;
}

/** Pairs of indices, rising on both sides, whose lines are most alike in sum. */
function matchLines(left: readonly string[], right: readonly string[]): [left: number, right: number][] {
  if (left.length * right.length > maxPairCount) {
    return Array.from({ length: Math.min(left.length, right.length) }, (_, at) => [at, at]);
  }
  const width = right.length + 1;
  /** [l * width + r] the most that `left` from l on and `right` from r on can be alike. */
  const best = new Float64Array((left.length + 1) * width);
  const alike = new Float64Array(left.length * width);
  for (let l = left.length - 1; l >= 0; l -= 1) {
    for (let r = right.length - 1; r >= 0; r -= 1) {
      const at = l * width + r;
      alike[at] = likeness(left[l]!, right[r]!);
      best[at] = Math.max(best[at + width]!, best[at + 1]!, alike[at] > 0 ? alike[at]! + best[at + width + 1]! : 0);
    }
  }
  const pairs: [number, number][] = [];
  let [l, r] = [0, 0];
  while (l < left.length && r < right.length) {
    const at = l * width + r;
    if (alike[at]! > 0 && best[at] === alike[at]! + best[at + width + 1]!) {
      pairs.push([l, r]);
      [l, r] = [l + 1, r + 1];
    } else if (best[at] === best[at + width]) l += 1;
    else r += 1;
  }
  return pairs;
}

/** 2 for equal lines; for others the share that their ends have in common, if it is half a line or more; else 0. */
function likeness(one: string, other: string): number {
  if (one === other) return 2;
  const least = Math.min(one.length, other.length);
  let head = 0;
  while (head < least && one[head] === other[head]) head += 1;
  let tail = 0;
  while (tail < least - head && one.at(-1 - tail) === other.at(-1 - tail)) tail += 1;
  const share = (head + tail) / Math.max(one.length, other.length);
  return share >= 0.5 ? share : 0;
}

const signs = { same: " ", changed: "~", left: "<", right: ">" } as const;
/** Below this many cells a column says nothing. */
const narrowestColumn = 24;

/** A line of the drawing and what it is about, for whoever paints it. */
export interface DrawnLine {
  text: string;
  kind: Pairing["kind"] | "title";
}

/**
 * Both texts in two columns of a terminal's width: ` ` equal, `~` changed, `<` only left, `>` only right.
 * One above the other where two columns would be too narrow.
 * @param texts harmless
 */
export function drawColumns(
  texts: { left: string; right: string },
  titles: { left: string; right: string },
  width: number,
): DrawnLine[] {
  const column = Math.floor((width - 3) / 2);
  if (column < narrowestColumn) {
    const stacked = (title: string, text: string): DrawnLine[] => [
      { text: title, kind: "title" },
      ...wrap(text, width - 2).map((line): DrawnLine => ({ text: `  ${line}`.trimEnd(), kind: "same" })),
    ];
    return [...stacked(titles.left, texts.left), ...stacked(titles.right, texts.right)];
  }
  const row = (left: string, sign: string, right: string) => `${fill(left, column)} ${sign} ${right}`.trimEnd();
  const drawn = pairLines(texts.left.split("\n"), texts.right.split("\n")).flatMap(({ kind, left, right }) => {
    const [lefts, rights] = [wrap(left, column), wrap(right, column)];
    return Array.from({ length: Math.max(lefts.length, rights.length) }, (_, at): DrawnLine => {
      return { text: row(lefts[at] ?? "", signs[kind], rights[at] ?? ""), kind };
    });
  });
  return [{ text: row(fill(titles.left, column), " ", fill(titles.right, column)), kind: "title" }, ...drawn];
}
