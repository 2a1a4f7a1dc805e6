// Policies without a model, to prove the world: they answer from what the conversation shows and keep nothing.
// So they go through the same prompts, improve steps included, as a model does.
import type { Message } from "../episode.ts";
import { hashFraction } from "../task.ts";
import { programShownIn } from "./program.ts";
import { choicesIn, type TemplateChoices, templateOf, wordsOf } from "./template.ts";

/** Answers a conversation. */
export type TextPolicy = (conversation: readonly Message[]) => string;

/**
 * Answers with the program after the one it is shown, and with the first if it is shown another one; it stays at the
 * last. From a list that goes from bad to good every improve step betters the one before.
 */
export function scriptedPolicy(programs: readonly [string, ...string[]]): TextPolicy {
  return (conversation) => {
    const shown = programShownIn(conversation.at(-1)?.content ?? "");
    const at = programs.indexOf(shown ?? "");
    const next = programs[Math.min(at + 1, programs.length - 1)]!;
    return `Here is the whole program.\n\n\`\`\`python\n${next}\`\`\`\n`;
  };
}

/**
 * Answers in the words of a competition's template. Shown no choices it draws all of them; shown some, it changes one
 * slot to another word. What it draws depends on the seed and the conversation alone.
 */
export function templatePolicy(competitionId: string, seed: number): TextPolicy {
  const slots = Object.entries(templateOf(competitionId).slots);
  return (conversation) => {
    const request = conversation.at(-1)?.content ?? "";
    const draw = (purpose: string, count: number) => Math.floor(hashFraction(seed, `${purpose}\n${request}`) * count);
    const shown = choicesIn(request.split("\n").find((line) => line.startsWith("current: ")) ?? "", competitionId);
    const choices: TemplateChoices = Object.fromEntries(
      slots.map(([slot, words]) => [slot, words[draw(slot, words.length)]!]),
    );
    if (shown) {
      const [slot, words] = slots[draw("slot", slots.length)]!;
      const others = words.filter((word) => word !== shown[slot]);
      return wordsOf({ ...shown, [slot]: others[draw("word", others.length)]! });
    }
    return wordsOf(choices);
  };
}
