// A person as the policy: what the world says is shown, what is typed is the response, one turn at a time.
// A response ends with a line that holds a single dot; the end of the input leaves. Works in a pipe too.
import { createInterface } from "node:readline";
import type { Environment, Message, Step, Task, Turn } from "../../envs/index.ts";
import { isOver } from "../../envs/index.ts";
import { harmless } from "../replay/text.ts";

export interface Table {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
}

export interface Game {
  environment: Environment;
  task: Task;
  seed: number;
  /** A response to improve or to depart from, instead of a plain attempt. */
  again?: { mode: "improve" | "diverge"; response: string };
}

/** Plays one episode to its end, or until the input ends. Resolves with its last step, or null if it was left. */
export async function play({ environment, task, seed, again }: Game, { input, output }: Table): Promise<Step | null> {
  const say = (text: string) => output.write(`${text}\n`);
  const prefix: Turn[] = again ? [{ response: again.response, observation: [], iterDepth: 0 }] : [];
  const opening = await environment.reset({ task, seed, prefix, mode: again?.mode ?? "base" });
  say(`${environment.id}, task ${task.id}`);
  for (const message of opening.messages) say(shown(message));
  if (opening.failed) {
    say(`the episode failed before it began: ${opening.failed.cause}: ${opening.failed.message}`);
    return null;
  }
  const lines = createInterface({ input })[Symbol.asyncIterator]();
  for (;;) {
    say("your response; a line with a single dot ends it:");
    const response = await responseFrom(lines);
    if (response === null) return null;
    const step = await environment.step(response);
    say(`read as ${step.responseKind}`);
    for (const message of step.messages) say(shown(message));
    const feedback = environment.feedback();
    if (feedback !== null) say(`${rule("feedback")}\n${harmless(feedback)}`);
    if (!isOver(step)) continue;
    say(ending(environment, step));
    return step;
  }
}

async function responseFrom(lines: AsyncIterator<string>): Promise<string | null> {
  const response: string[] = [];
  for (;;) {
    const { value, done } = await lines.next();
    if (done) return response.length === 0 ? null : response.join("\n");
    if (value === ".") return response.join("\n");
    response.push(value);
  }
}

function ending(environment: Environment, { terminated, truncated, failed, reward }: Step): string {
  if (failed) return `it failed: ${failed.cause}: ${failed.message}`;
  const how = terminated ? "it is over" : `it was ended by a limit: ${truncated}`;
  return `${how}: quality ${environment.quality() ?? "unknown"}, reward ${reward ?? "none"}`;
}

function shown({ role, content }: Message): string {
  return `${rule(role)}\n${harmless(content)}`;
}

function rule(name: string): string {
  return `── ${name} ${"─".repeat(Math.max(0, 60 - name.length))}`;
}
