// Which episodes of a recording are meant: the flags of `iterant replay`, read once, as one question to an index line.
// Ranges are written `a..b`, either end may be left out, both belong to it.
import type { EpisodeLine, Mode } from "../../actors/index.ts";
import { exitCodes, Failure } from "../failure.ts";

export interface FilterFlags {
  /** An id, or how it begins. */
  task?: string;
  mode?: Mode;
  depth?: string;
  reward?: string;
  iteration?: string;
  failed?: boolean;
}

export type Filter = (line: EpisodeLine) => boolean;

/** @throws Failure `usage` for a flag that says no number or range */
export function makeFilter({ task, mode, depth, reward, iteration, failed }: FilterFlags): Filter {
  const questions: Filter[] = [];
  if (task !== undefined) questions.push((line) => line.task.startsWith(task));
  if (mode !== undefined) questions.push((line) => line.mode === mode);
  if (failed) questions.push((line) => line.reward === null);
  if (depth !== undefined) {
    const isIn = parseRange("--depth", depth);
    questions.push((line) => isIn(line.depth));
  }
  if (iteration !== undefined) {
    const isIn = parseRange("--iteration", iteration);
    questions.push((line) => isIn(line.iteration));
  }
  if (reward !== undefined) {
    const isIn = parseComparison("--reward", reward);
    questions.push((line) => line.reward !== null && isIn(line.reward));
  }
  return (line) => questions.every((isRight) => isRight(line));
}

type Numbers = (value: number) => boolean;

/** `3`, `3..7`, `3..` or `..7`. */
function parseRange(flag: string, text: string): Numbers {
  const ends = text.split("..");
  const [from, to = from] = ends.map((end) => (end.trim() === "" ? null : Number(end)));
  const isNumber = (end: number | null | undefined) => end === null || Number.isFinite(end);
  if (ends.length > 2 || text.trim() === "" || text.trim() === ".." || !isNumber(from) || !isNumber(to)) {
    throw new Failure(exitCodes.usage, `${flag} ${text}: give a number or a range, as in 3, 3..7, 3.. or ..7.`);
  }
  return (value) => value >= (from ?? Number.NEGATIVE_INFINITY) && value <= (to ?? Number.POSITIVE_INFINITY);
}

const comparisons: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  "": (value, bound) => value === bound,
  "=": (value, bound) => value === bound,
  "!=": (value, bound) => value !== bound,
  ">": (value, bound) => value > bound,
  ">=": (value, bound) => value >= bound,
  "<": (value, bound) => value < bound,
  "<=": (value, bound) => value <= bound,
};

/** A range, or one bound: `1`, `>=0.5`, `!=0`. */
function parseComparison(flag: string, text: string): Numbers {
  if (text.includes("..")) return parseRange(flag, text);
  const [, sign = "", number = ""] = text.match(/^\s*(!=|[<>]=?|=)?\s*(\S+)\s*$/) ?? [];
  const compare = comparisons[sign];
  const bound = number === "" ? Number.NaN : Number(number);
  if (!compare || !Number.isFinite(bound)) {
    throw new Failure(
      exitCodes.usage,
      `${flag} ${text}: give a number, a bound or a range, as in 1, >=0.5 or 0.2..0.8.`,
    );
  }
  return (value) => compare(value, bound);
}
