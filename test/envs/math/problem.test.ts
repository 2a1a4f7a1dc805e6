// Rows of the well-known sets become tasks, whatever their fields are called.
import { expect, test } from "vitest";
import { mathTaskOf, RowError } from "../../../envs/index.ts";

test.each([
  {
    set: "GSM8K",
    row: {
      question: "How many?",
      answer: "She sold 48/2 = <<48/2=24>>24 clips in May.\n\nShe sold <<48+24=1072>>1,072 altogether.\n#### 1,072",
    },
    task: {
      problem: "How many?",
      answer: "1,072",
      solution: "She sold 48/2 = 24 clips in May.\n\nShe sold 1,072 altogether.",
      steps: 2,
      level: null,
      source: null,
    },
  },
  {
    set: "MATH",
    row: {
      problem: "P",
      level: "Level 5",
      type: "Algebra",
      solution: "First \\boxed{1}.\nThen \\boxed{\\frac{1}{2}}.",
    },
    task: { answer: "\\frac{1}{2}", solution: "First \\boxed{1}.\nThen \\boxed{\\frac{1}{2}}.", steps: 2, level: 5 },
  },
  {
    set: "MATH-500",
    row: { problem: "P", solution: "\\boxed{4}", answer: "4", subject: "Algebra", level: 2, unique_id: "test/7.json" },
    task: { id: "test/7.json", answer: "4", level: 2, steps: 1 },
  },
  {
    set: "NuminaMath",
    row: { source: "olympiads", problem: "P", solution: "so $\\boxed{x = 3}$", messages: [] },
    task: { answer: "x = 3", source: "olympiads" },
  },
  {
    set: "DeepScaleR",
    row: { problem: "P", answer: "-\\frac{2}{3}", solution: "" },
    task: { answer: "-\\frac{2}{3}", solution: null, steps: null },
  },
  {
    set: "AMC, whose answers are floats",
    row: { id: 7, problem: "P", answer: 142.0 },
    task: { id: "7", answer: "142" },
  },
  { set: "floats as texts", row: { problem: "P", answer: "142.00" }, task: { answer: "142" } },
  { set: "a fraction", row: { problem: "P", answer: 0.5 }, task: { answer: "0.5" } },
  { set: "AIME, zero-padded", row: { problem: "P", answer: "033" }, task: { answer: "33" } },
  { set: "our own steps", row: { problem: "P", answer: "1", solution: "a\nb", steps: 7 }, task: { steps: 7 } },
  { set: "a level that is none", row: { problem: "P", answer: "1", level: "Level ?" }, task: { level: null } },
])("a row of $set", ({ row, task }) => {
  expect(mathTaskOf(row)).toMatchObject(task);
});

test("a task without an id is known by its content", () => {
  const { id, hash } = mathTaskOf({ problem: "P", answer: 4 });
  expect(id).toBe(`math-${hash.slice(0, 16)}`);
  expect(mathTaskOf({ question: " P ", answer: "4.0", source: "elsewhere" }).hash).toBe(hash);
  expect(mathTaskOf({ problem: "P", answer: "5" }).hash).not.toBe(hash);
});

test.each([
  [[], "not a JSON object"],
  [null, "not a JSON object"],
  [{}, "no problem: it has no fields, none of them problem or question"],
  [{ prompt: "P", answer: "4" }, "no problem: it has the fields prompt, answer, none of them problem or question"],
  [{ problem: "P", target: ["4"] }, "no answer: it has the fields problem, target, none of them answer or solution"],
  [{ problem: "P", solution: "so it is 4" }, "no answer, and the solution has no \\boxed{…} to take it from"],
  [{ problem: "P", solution: "\\boxed{ }" }, "the answer is empty"],
  [{ problem: "P", answer: "work\n####" }, "the answer is empty"],
  [{ problem: "P", answer: "proof" }, "the answer is 'proof', which cannot be verified"],
  [{ problem: "P", answer: ["4"] }, "answer is a list, not a text"],
  [{ problem: "P", answer: true }, "answer is a value of type boolean, not a text"],
  [{ problem: "P", answer: 2 ** 60 }, "answer is a number too large for JSON to hold exactly: write it as a text"],
  [{ problem: "P", answer: 1e-9 }, "answer is the number 1e-9: write it as a text"],
])("a row that cannot be a task says why: %j", (row, message) => {
  expect(() => mathTaskOf(row)).toThrow(RowError);
  expect(() => mathTaskOf(row)).toThrow(message);
});
