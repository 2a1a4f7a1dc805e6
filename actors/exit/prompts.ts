// The words with which a policy is asked to better a response, with or without changing its approach.
// Knows text only; the request itself is worded by its world.
// A small tokenizer is built on these phrases: `phrases` lists them, and a prompt holds nothing else but its slots.
import type { Mode } from "./instance.ts";

/** What a self-iteration prompt is about (section 7). It tells nothing of right or wrong. */
export interface SelfIteration {
  /** The request: the problem as first put, or the user's message of the turn. */
  readonly instruction: string;
  readonly previousResponse: string;
  /** e: what came of the response, an error trace for one. */
  readonly feedback?: string;
}

const IMPROVE = "Write a better response to this request than the current one.";
const DIVERGE =
  "Look at the current response to this request, then give a better one whose approach is **significantly different**.";
const REQUEST = "\n\n## Request\n";
const CURRENT_RESPONSE = "\n\n## Current response\n";
const FEEDBACK = "\n\n## Feedback on the current response\n";
const FORMAT = `\n\n## Format of your response
- Sum up the approach of the current response in a few words.
- Name an approach that differs from it in a meaningful way.
- Answer the request with that approach.`;

/** The self-improve prompt (section 7): the request, the current response, and feedback where there is any. */
export function improvePrompt(about: SelfIteration): string {
  return IMPROVE + sections(about);
}

/** The self-diverge prompt (section 7): as self-improve, for an approach that differs, in three named steps. */
export function divergePrompt(about: SelfIteration): string {
  return DIVERGE + sections(about) + FORMAT;
}

/** The prompt of a mode; a plain attempt is the instruction alone. */
export function promptFor(mode: Mode, about: SelfIteration): string {
  switch (mode) {
    case "base":
      return about.instruction;
    case "improve":
      return improvePrompt(about);
    case "diverge":
      return divergePrompt(about);
  }
}

/** Every fixed segment of these prompts as it stands between two slots, each once. */
export function phrases(): readonly string[] {
  return [IMPROVE + REQUEST, DIVERGE + REQUEST, CURRENT_RESPONSE, FEEDBACK, FORMAT];
}

/**
 * A response without its reasoning (D14): think, thinking and reasoning blocks go, also one that was opened by the
 * chat template and is only closed here, or opened here and cut off. What is left is trimmed.
 */
export function visibleResponse(response: string): string {
  return response
    .replace(/<(think|thinking|reasoning)>[\s\S]*?<\/\1>/g, "")
    .replace(/^[\s\S]*<\/(?:think|thinking|reasoning)>/, "")
    .replace(/<(?:think|thinking|reasoning)>[\s\S]*$/, "")
    .trim();
}

function sections({ instruction, previousResponse, feedback }: SelfIteration): string {
  const told = feedback === undefined ? "" : FEEDBACK + feedback;
  return REQUEST + instruction + CURRENT_RESPONSE + previousResponse + told;
}
