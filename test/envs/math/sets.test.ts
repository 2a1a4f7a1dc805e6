// The published sets: what a person may write for one, and what makes a file not the set it is said to be.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { loadMathTasks, type MathTask, mathSet, mathSets, mathTaskOf, sourceOf } from "../../../envs/index.ts";

const folder = mkdtempSync(join(tmpdir(), "iterant-sets-"));
afterAll(() => rmSync(folder, { recursive: true }));
const fixture = (name: string) => fileURLToPath(new URL(`../../../../test/envs/fixtures/${name}`, import.meta.url));

function file(name: string, rows: object[]): string {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

async function messageOf(loading: Promise<unknown>): Promise<string> {
  return loading.then(
    () => "loaded",
    (error: Error) => error.message.replaceAll(`${folder}/`, ""),
  );
}

test("a source is a set, a file read as a set, or a file of its own, with an equals sign in its path too", () => {
  expect(sourceOf("aime-24")).toEqual({ set: mathSet("aime-24"), file: null });
  expect(sourceOf("aime-24=./a=b.jsonl")).toEqual({ set: mathSet("aime-24"), file: "./a=b.jsonl" });
  expect(sourceOf("./x=y.jsonl")).toEqual({ set: null, file: "./x=y.jsonl" });
});

test("names are different, and one that is not there names those that are", () => {
  expect(new Set(mathSets.map(({ name }) => name)).size).toBe(mathSets.length);
  expect(() => mathSet("aime-99")).toThrow(
    /no published set 'aime-99' - math - there are deepscaler, .*olympiadbench$/,
  );
});

test("a file with another number of rows than its set is refused, and is fine as a file of its own", async () => {
  const path = file("part.jsonl", [{ problem: "1 + 1?", answer: 2 }]);
  expect(await messageOf(loadMathTasks(`aime-24=${path}`))).toBe(
    "bad_data: 1 rows, but aime-24 has 30 - part.jsonl - use the whole train split of HuggingFaceH4/aime_2024, or give the path alone",
  );
  expect((await loadMathTasks(path)).tasks.length).toBe(1);
});

test("rows that a set's rule leaves out are counted by reason and are no bad lines", async () => {
  const valid = { problem_is_valid: "Yes", solution_is_valid: "Yes", question_type: "math-word-problem" };
  const rows = [
    { problem: "1 + 1?", answer: "2", ...valid },
    { problem: "Show it.", answer: "proof", ...valid, question_type: "proof" },
    { problem: "Which?", answer: "A", ...valid, question_type: "MCQ" },
    { problem: "2 + 2?", answer: "5", ...valid, solution_is_valid: "Incomplete" },
  ];
  const set = { ...mathSet("numinamath-1.5"), rowCount: null };
  expect(rows.map((row) => set.leaveOut!(row))).toEqual([null, "proof", "MCQ", 'solution_is_valid is "Incomplete"']);
});

describe("the columns of the sets", () => {
  const taskOf = (row: object) => {
    const { problem, answer, solution, level } = mathTaskOf(row) as MathTask;
    return { problem, answer, solution, level };
  };

  test("AMC's answers are floating-point numbers", async () => {
    const { tasks } = await loadMathTasks(fixture("amc.parquet"));
    const answers: string[] = [];
    for await (const { id, answer } of tasks) answers.push(`${id}: ${answer}`);
    expect(answers).toEqual(["1: 142", "2: 11", "3: 7"]);
  });

  test("AIME's answers may be padded with zeros", () => {
    expect(["033", "000", "-07", "0.5", "100"].map((answer) => taskOf({ problem: "P", answer }).answer)).toEqual([
      "33",
      "0",
      "-7",
      "0.5",
      "100",
    ]);
  });

  test("OlympiadBench's answers are lists with dollars, its solutions lists", async () => {
    const { tasks } = await loadMathTasks(fixture("olympiad.parquet"));
    expect(await tasks.get(0)).toMatchObject({ answer: "1, 2", solution: "By trial." });
    expect(await tasks.get(1)).toMatchObject({ answer: "\\frac{\\pi}{2}", solution: "Divide." });
  });

  test("MATH-500's level is a number and MATH's a text", () => {
    const row = { problem: "P", answer: "1", solution: "S" };
    expect([taskOf({ ...row, level: 4 }).level, taskOf({ ...row, level: "Level 5" }).level]).toEqual([4, 5]);
  });
});
