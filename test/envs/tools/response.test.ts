// How a response is read, whatever a model writes around it.
import { expect, test } from "vitest";
import { readResponse } from "../../../envs/index.ts";

test.each([
  ['<tool>[{"name": "f"}]</tool>', { kind: "tool", text: '[{"name": "f"}]' }],
  ["<reasoning>I am <TASK_FINISHED></reasoning><tool>[]</tool>", { kind: "tool", text: "[]" }],
  ["<tool>1</tool> no, better <tool>2</tool>", { kind: "tool", text: "2" }],
  ["<tool>\n  raw 5.0 text \n</tool>", { kind: "tool", text: "\n  raw 5.0 text \n" }],
  ["done <TASK_FINISHED>", { kind: "finished" }],
  ["<tool>[]</tool> <TASK_FINISHED>", { kind: "finished" }],
  ["<TASK_FINISHED> or rather <TASK_ERROR>", { kind: "error" }],
  ["<tool>[never closed", { kind: "none" }],
  ["no block </tool>", { kind: "none" }],
  ["<reasoning>only thoughts, cut off", { kind: "none" }],
  ["", { kind: "none" }],
])("%j", (response, read) => {
  expect(readResponse(response)).toEqual(read);
});
