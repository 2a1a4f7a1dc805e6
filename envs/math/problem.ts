// One competition problem, and how a row of the well-known sets becomes one.
// Reads the field names of GSM8K, MATH, NuminaMath, DeepScaleR, AIME, Minerva and OlympiadBench without being told which
// set it is.
// Knows neither files nor verification: whether the answer can be read as mathematics, the verifier says.
import { contentHash } from "../digest.ts";
import type { Task } from "../task.ts";
import { boxesOf } from "./box.ts";

/** A problem with its gold answer. */
export interface MathTask extends Task {
  readonly problem: string;
  /** The gold: LaTeX or a plain number, without delimiters as a rule. Never shown to the policy. */
  readonly answer: string;
  /** A worked solution, where the set has one. */
  readonly solution: string | null;
  /** How many steps that solution takes: its non-empty lines unless the row says; null without a solution. */
  readonly steps: number | null;
  /** 1 for the easiest, where the set says. */
  readonly level: number | null;
  /** Where the problem comes from, where the set says. */
  readonly source: string | null;
}

/** A row that cannot be a task; the message says why, and what was seen instead. */
export class RowError extends Error {
  override readonly name = "RowError";
}

/**
 * A task from a row of a data set.
 * `answer` is the gold, or OlympiadBench's `final_answer`, a list; failing that, the last box of `solution` is. GSM8K's
 * `answer` is a worked solution with the gold after `####`. 142.0 and 0142 are 142. The id is the row's own or a hash of
 * the content.
 * @throws RowError if there is no problem or no answer
 */
export function mathTaskOf(row: unknown): MathTask {
  if (typeof row !== "object" || row === null || Array.isArray(row)) throw new RowError("not a JSON object");
  const fields = row as Record<string, unknown>;
  const problem = textOf(fields, "problem") ?? textOf(fields, "question");
  if (problem === null) throw new RowError(`no problem: it has ${columns(fields)}, none of them problem or question`);
  const { answer, solution } = goldOf(fields);
  const hash = contentHash([problem, answer]);
  return {
    id: textOf(fields, "id") ?? textOf(fields, "unique_id") ?? `math-${hash.slice(0, 16)}`,
    hash,
    problem,
    answer,
    solution,
    steps: numberOf(fields.steps) ?? stepsOf(solution),
    level: numberOf(fields.level),
    source: textOf(fields, "source") ?? textOf(fields, "data_source"),
  };
}

const calculatorNote = /<<[^<>]*>>/g;
/** What NuminaMath writes where there is nothing to verify. */
const notAnAnswer = /^(?:proof|notfound|not found|none|null|nan|n\/a)$/i;

function goldOf(fields: Record<string, unknown>): { answer: string; solution: string | null } {
  const given = textOf(fields, "answer") ?? finalAnswerOf(fields);
  const solution = solutionOf(fields);
  const mark = given?.lastIndexOf("####") ?? -1;
  if (given !== null && mark >= 0) {
    const worked = given.slice(0, mark).replace(calculatorNote, "").trim();
    return { answer: checkedAnswer(given.slice(mark + 4)), solution: solution ?? (worked === "" ? null : worked) };
  }
  if (given !== null) return { answer: checkedAnswer(given), solution };
  if (solution === null) throw new RowError(`no answer: it has ${columns(fields)}, none of them answer or solution`);
  const box = boxesOf(solution).at(-1);
  if (box === undefined) throw new RowError("no answer, and the solution has no \\boxed{…} to take it from");
  return { answer: checkedAnswer(box), solution };
}

/** OlympiadBench keeps lists: of solutions that come to the same, */
function solutionOf(fields: Record<string, unknown>): string | null {
  const { solution } = fields;
  return Array.isArray(solution) ? textOf({ solution: solution[0] }, "solution") : textOf(fields, "solution");
}

/** and of the parts of an answer, each between dollars. */
function finalAnswerOf(fields: Record<string, unknown>): string | null {
  const { final_answer: parts } = fields;
  if (!Array.isArray(parts)) return textOf(fields, "final_answer");
  const texts = parts.map((part) => textOf({ final_answer: part }, "final_answer") ?? "");
  return texts.length === 0 ? null : texts.map((text) => text.replace(/^\$(.*)\$$/s, "$1").trim()).join(", ");
}

function checkedAnswer(text: string): string {
  const answer = text
    .trim()
    .replace(/^(-?\d+)\.0+$/, "$1")
    .replace(/^(-?)0+(?=\d+$)/, "$1");
  if (answer === "") throw new RowError("the answer is empty");
  if (notAnAnswer.test(answer)) throw new RowError(`the answer is '${answer}', which cannot be verified`);
  return answer;
}

/** A field as text; null if it is absent or empty. Numbers are written out, as long as JSON could hold them exactly. */
function textOf(fields: Record<string, unknown>, name: string): string | null {
  const value = fields[name];
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return value.trim() === "" ? null : value.trim();
  if (typeof value !== "number") throw new RowError(`${name} is ${kindOf(value)}, not a text`);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new RowError(`${name} is a number too large for JSON to hold exactly: write it as a text`);
  }
  const text = String(value);
  if (text.includes("e")) throw new RowError(`${name} is the number ${text}: write it as a text`);
  return text;
}

/** A number, also as the end of a text such as "Level 5"; null if there is none. */
function numberOf(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  const digits = typeof value === "string" ? value.match(/(\d+)\s*$/)?.[1] : undefined;
  return digits === undefined ? null : Number(digits);
}

function stepsOf(solution: string | null): number | null {
  return solution === null ? null : solution.split("\n").filter((line) => line.trim() !== "").length;
}

function columns(fields: Record<string, unknown>): string {
  const names = Object.keys(fields);
  return names.length === 0 ? "no fields" : `the fields ${names.join(", ")}`;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "a list" : `a value of type ${typeof value}`;
}
