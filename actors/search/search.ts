// One search on one task: move after move, each a response that the world judges.
// Everything random follows from the seed and the step, so a search goes on after a crash as if nothing had happened, and
// the same seed on the same engine gives the same nodes. Knows no actor: whoever runs it hands in a world and a policy.
import { type Environment, isOver, type Message, type Task, type Turn } from "../../envs/index.ts";
import { RandomStream } from "../random.ts";
import type { SearchNode } from "./node.ts";
import type { SearchOptions } from "./options.ts";
import { type Move, nextMove } from "./policy.ts";

/** A response and what it took. */
export interface Answer {
  text: string;
  tokenCount: number;
  generateMs: number;
}

export interface SearchParts {
  task: Task;
  /** Which of several searches on the task. */
  sample: number;
  seed: number;
  options: SearchOptions;
  /** A new session of the world. */
  environment(): Environment;
  /** A response to a conversation; `step` 0 is the first draft. */
  answer(messages: readonly Message[], step: number): Promise<Answer>;
}

/** The nodes that are still to come after those that are there, each as soon as it is judged. */
export async function* search(parts: SearchParts, before: readonly SearchNode[] = []): AsyncGenerator<SearchNode> {
  const nodes = [...before];
  const { options, task, sample, seed } = parts;
  while (nodes.length <= options.steps) {
    const random = RandomStream.seeded(`${seed} search ${task.id} ${sample} ${nodes.length}`);
    const node = await tryMove(nextMove(nodes, options, random), nodes.length, parts);
    nodes.push(node);
    yield node;
  }
}

/** The seed of everything that the world draws: one for a task, so that all nodes are judged alike. */
function worldSeed({ seed, task }: SearchParts): number {
  return RandomStream.seeded(`${seed} search ${task.id}`).below(2 ** 31);
}

async function tryMove({ operator, parent }: Move, index: number, parts: SearchParts): Promise<SearchNode> {
  const { task } = parts;
  const prefix = parent ? [turnOf(parent)] : [];
  const mode = parent ? ("improve" as const) : ("base" as const);
  const about = { index, operator, parent: parent?.index ?? null };
  await using environment = parts.environment();
  const { messages, failed } = await environment.reset({ task, seed: worldSeed(parts), prefix, mode });
  if (failed) return broken(about, failed.cause, { text: "", tokenCount: 0, generateMs: 0 }, 0);
  const answer = await parts.answer(messages, index);
  const beganMs = performance.now();
  const step = await environment.step(answer.text);
  const worldMs = performance.now() - beganMs;
  if (step.failed) return broken(about, step.failed.cause, answer, worldMs);
  const { isValid, validationScore } = step.info as { isValid?: boolean; validationScore?: number };
  return {
    ...about,
    response: answer.text,
    feedback: environment.feedback(),
    isValid: isOver(step) && (isValid ?? true),
    score: environment.quality(),
    validationScore: validationScore ?? null,
    outcome: step.responseKind,
    failure: null,
    tokenCount: answer.tokenCount,
    generateMs: answer.generateMs,
    worldMs,
  };
}

function broken(
  about: Pick<SearchNode, "index" | "operator" | "parent">,
  failure: string,
  { text, tokenCount, generateMs }: Answer,
  worldMs: number,
): SearchNode {
  return {
    ...about,
    response: text,
    feedback: null,
    isValid: false,
    score: null,
    validationScore: null,
    outcome: "failed",
    failure,
    tokenCount,
    generateMs,
    worldMs,
  };
}

function turnOf({ response, feedback, index }: SearchNode): Turn {
  return { response, observation: [], iterDepth: index, ...(feedback === null ? {} : { feedback }) };
}
