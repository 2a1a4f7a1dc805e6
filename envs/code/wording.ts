// How a competition is put to the policy, and how a program is read from its response: the seam and the full wording.
// What changes between attempts (the current program, its trace, the goal) stands before one heading, what stays after
// it; so a second attempt is asked for with the same words around another program. No score is ever told.
import type { SelfIterationParts, SelfIterationPrompts } from "../environment.ts";
import type { CompetitionTask } from "./competition.ts";
import type { ExecutionLimits } from "./executor.ts";
import { programIn, programName } from "./program.ts";
import { submissionName } from "./submission.ts";

/** The environment variable that tells programs where the public files are. */
export const dataVariable = "PUBLIC_RESOURCE_PATH";

/** A way to speak about competitions. */
export interface MleWording {
  /** Part of the world's version. */
  readonly id: string;
  /** The request of a first attempt. */
  opening(task: CompetitionTask, limits: ExecutionLimits): string;
  /** The program in a response without its reasoning; null if there is none. */
  programOf(visibleResponse: string, task: CompetitionTask): string | null;
  /** The request of a second attempt; `instruction` is the opening. */
  readonly prompts: SelfIterationPrompts;
}

/** What a first attempt starts from. */
export const startingProgram = `import os

# The files of the competition are in this folder.
DATA = os.environ["${dataVariable}"]


def main():
    pass


if __name__ == "__main__":
    main()
`;

const persona = "You are among the best at machine-learning competitions, and you aim for a gold medal.";
const competitionHeading = "# The competition";
const goals = {
  improve: `Improve ${programName} so that its predictions for this competition become better.`,
  debug: `Find out why ${programName} failed and mend it, so that it does as well in this competition as it can.`,
  diverge: `Write another ${programName} for this competition that does better by a radically different approach.`,
};

/** The paper's way: description, previews, the current program, a goal, and a whole program as the answer. */
export const programWording: MleWording = {
  id: "programs",
  opening: (task, limits) => `${attempt(startingProgram, "improve")}\n\n${competition(task, limits)}`,
  programOf: (visibleResponse) => programIn(visibleResponse),
  prompts: {
    improve: (parts) => again(parts, parts.feedback === undefined ? "improve" : "debug"),
    diverge: (parts) => again(parts, "diverge"),
  },
};

function again({ instruction, previousResponse, feedback }: SelfIterationParts, goal: keyof typeof goals): string {
  const program = programIn(previousResponse) ?? startingProgram;
  const stays = instruction.slice(Math.max(0, instruction.indexOf(competitionHeading)));
  return `${attempt(program, goal, feedback)}\n\n${stays}`;
}

function attempt(program: string, goal: keyof typeof goals, trace?: string): string {
  const parts = [persona, `# Current ${programName}`, fenced(program, "python")];
  if (trace !== undefined) parts.push(`# What came of running it`, fenced(trace));
  return [...parts, goals[goal]].join("\n\n");
}

function competition({ description, previews }: CompetitionTask, limits: ExecutionLimits): string {
  const minutes = limits.wallMs / 60_000;
  const time = minutes >= 1 ? `${round(minutes)} minutes` : `${round(limits.wallMs / 1000)} seconds`;
  const memory = `${round(limits.memoryBytes / 1024 ** 3)} GiB`;
  return [
    competitionHeading,
    description.trim(),
    `# The files in \`${dataVariable}\``,
    previews.trim(),
    `# What ${programName} must do`,
    [
      `- Read the training and the test files from the folder that the environment variable \`${dataVariable}\` names.`,
      "- Train on the training files; validate on a part of them if that helps.",
      `- Predict the test files and write the predictions to \`${submissionName}\` in the working directory.`,
      "- Be one file that runs from top to bottom, with functions before the main guard. It may use numpy, pandas, scipy and scikit-learn.",
      `- End within ${time} and ${memory} of memory, on ${limits.threadCount} processor core(s). There is no network and no GPU.`,
    ].join("\n"),
    `Answer with the whole new ${programName} in one block fenced by triple backticks.`,
  ].join("\n\n");
}

/** A fence longer than any in the text. */
function fenced(text: string, language = ""): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text.endsWith("\n") ? text : `${text}\n`}${fence}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
