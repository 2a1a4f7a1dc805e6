// What a response shows once its reasoning is taken out.
import fc from "fast-check";
import { expect, test } from "vitest";
import { visibleText } from "../../envs/index.ts";

test.each([
  ["no reasoning at all", "The answer is 4.", "The answer is 4."],
  ["a block before the answer", "<think>2 + 2 …</think>\nThe answer is 4.", "The answer is 4."],
  ["other names and cases", "<Reasoning>a</Reasoning>b<thinking>c</thinking>d", "bd"],
  ["several blocks", "one <think>a</think>two <think>b</think>three", "one two three"],
  ["an opening tag that stood in the prompt", "let me see\n</think>\n4", "4"],
  ["a block that was cut off", "First: <think>let me see, if", "First:"],
  ["nothing but reasoning", "<think>if only", ""],
  ["a block inside a block", "<think>a<think>b</think>c", "c"],
  ["tags of other kinds", "<b>4</b>", "<b>4</b>"],
])("%s", (_, response, shown) => {
  expect(visibleText(response)).toBe(shown);
});

test("showing twice shows the same", () => {
  const parts = fc.constantFrom("<think>", "</think>", "<reasoning>", "</THINKING>", "4", " so ", "<b>");
  fc.assert(
    fc.property(fc.array(parts), (some) => {
      const shown = visibleText(some.join(""));
      expect(visibleText(shown)).toBe(shown);
    }),
  );
});
