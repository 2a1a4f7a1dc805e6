import fc from "fast-check";
import { expect, test } from "vitest";
import { divergePrompt, improvePrompt, phrases, promptFor, visibleResponse } from "../../../actors/exit/prompts.ts";

const about = { instruction: "2x=6\n\nPut the final answer in \\boxed{}.", previousResponse: "x=4: \\boxed{4}" };

test("the improve prompt shows the request and the current response under one sentence", () => {
  expect(improvePrompt(about)).toBe(
    "Write a better response to this request than the current one.\n\n## Request\n2x=6\n\nPut the final answer in " +
      "\\boxed{}.\n\n## Current response\nx=4: \\boxed{4}",
  );
});

test("the diverge prompt asks for a different approach in three steps", () => {
  expect(divergePrompt(about)).toBe(
    "Look at the current response to this request, then give a better one whose approach is **significantly " +
      "different**.\n\n## Request\n2x=6\n\nPut the final answer in \\boxed{}.\n\n## Current response\nx=4: \\boxed{4}" +
      "\n\n## Format of your response\n- Sum up the approach of the current response in a few words.\n- Name an approach " +
      "that differs from it in a meaningful way.\n- Answer the request with that approach.",
  );
});

test("feedback follows the response it is about, in either prompt", () => {
  const withFeedback = { ...about, feedback: "line 3: boom" };
  const section = "\n\n## Current response\nx=4: \\boxed{4}\n\n## Feedback on the current response\nline 3: boom";
  expect(improvePrompt(withFeedback).endsWith(section)).toBe(true);
  expect(divergePrompt(withFeedback)).toContain(`${section}\n\n## Format of your response`);
});

test("a prompt is its phrases and its slots and nothing else", () => {
  const slot = fc.stringMatching(/^[a-z]{0,8}$/).map((text) => `⟨${text}⟩`);
  fc.assert(
    fc.property(slot, slot, fc.option(slot, { nil: undefined }), (instruction, previousResponse, feedback) => {
      const slots = { instruction, previousResponse, ...(feedback === undefined ? {} : { feedback }) };
      for (const write of [improvePrompt, divergePrompt]) {
        let rest = write(slots);
        for (const phrase of phrases()) rest = rest.replace(phrase, "");
        expect(rest).toBe(instruction + previousResponse + (feedback ?? ""));
      }
    }),
  );
});

test("each mode has its prompt, and a plain attempt sees the instruction alone", () => {
  expect(promptFor("base", about)).toBe(about.instruction);
  expect(promptFor("improve", about)).toBe(improvePrompt(about));
  expect(promptFor("diverge", about)).toBe(divergePrompt(about));
});

test("reasoning is not shown again: whole blocks, one the template opened, and one that was cut off", () => {
  expect(visibleResponse("<think>hm</think>\n\\boxed{4}")).toBe("\\boxed{4}");
  expect(visibleResponse("hm, so\n</think>\n\\boxed{4}\n")).toBe("\\boxed{4}");
  expect(visibleResponse("\\boxed{4} <think>or perhaps")).toBe("\\boxed{4}");
  expect(visibleResponse("<reasoning>a</reasoning><tool>f()</tool><thinking>b</thinking>")).toBe("<tool>f()</tool>");
  expect(visibleResponse("<think>a</think>x<think>b</think>y")).toBe("xy");
  expect(visibleResponse("x < thinker > y")).toBe("x < thinker > y");
});
