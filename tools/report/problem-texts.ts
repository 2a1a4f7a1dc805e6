// What the held-out problems say. They are never trained on, so no recorded episode shows them: they stand in their file.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RunConfig } from "../../actors/index.ts";
import { EnvironmentError, loadMathTasks } from "../../envs/index.ts";
import { tinyFolder } from "../train/model.ts";

export interface ProblemText {
  problem: string;
  answer: string;
}

/** Problems by task id. Without the file, or where it has changed, some or all are missing; their ids must do. */
export async function readProblemTexts({ problems }: RunConfig): Promise<ReadonlyMap<string, ProblemText>> {
  const file = problems.heldOut ?? (problems.train === "tiny" ? join(tinyFolder, "heldout.jsonl") : problems.train);
  if (!existsSync(file)) return new Map();
  try {
    const { tasks } = await loadMathTasks(file, { skipBad: true });
    const texts = new Map<string, ProblemText>();
    for await (const { id, problem, answer } of tasks) texts.set(id, { problem, answer });
    return texts;
  } catch (error) {
    if (error instanceof EnvironmentError) return new Map(); // a file that holds no problems any more
    throw error;
  }
}
