// Which rows are meant: `column=value`, `column!=value`, and for numbers `>`, `>=`, `<`, `<=`. All of them must hold.
import { nearest } from "../config/nearest.ts";
import { exitCodes, Failure } from "../failure.ts";
import type { Row } from "./resources.ts";

export type Filter = (row: Row) => boolean;

const comparisons: Readonly<Record<string, (difference: number) => boolean>> = {
  ">": (difference) => difference > 0,
  ">=": (difference) => difference >= 0,
  "<": (difference) => difference < 0,
  "<=": (difference) => difference <= 0,
};

/** @throws Failure `usage` for a condition that says none, or names a column that there is not */
export function makeFilter(conditions: readonly string[], columns: readonly string[]): Filter {
  const questions = conditions.map((condition) => parseCondition(condition, columns));
  return (row) => questions.every((isRight) => isRight(row));
}

function parseCondition(condition: string, columns: readonly string[]): Filter {
  const [, column, sign, value] = condition.match(/^(\w+)(!=|>=|<=|=|>|<)(.*)$/s) ?? [];
  if (column === undefined || sign === undefined || value === undefined) {
    throw new Failure(exitCodes.usage, `--filter ${condition}: write column=value, column!=value or column>1.`);
  }
  if (!columns.includes(column)) {
    const near = nearest(column, columns);
    const hint = near ? `Did you mean ${near}?` : `There are ${columns.join(", ")}.`;
    throw new Failure(exitCodes.usage, `--filter ${condition}: there is no column ${column}. ${hint}`);
  }
  if (sign === "=") return (row) => String(row[column] ?? "") === value;
  if (sign === "!=") return (row) => String(row[column] ?? "") !== value;
  const bound = value.trim() === "" ? Number.NaN : Number(value);
  if (Number.isNaN(bound)) throw new Failure(exitCodes.usage, `--filter ${condition}: ${value} is no number.`);
  return (row) => typeof row[column] === "number" && comparisons[sign]!(row[column] - bound);
}
