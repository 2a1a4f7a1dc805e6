// K improvement steps at every turn of an episode: what each is shown, and what is executed. The world is the office,
// the policy a script.
import { expect, test } from "vitest";
import { Evaluator } from "../../actors/evaluator.ts";
import type { GenerateRequest, InferenceProxy } from "../../actors/inference-proxy.ts";
import { suiteOf, ToolSuite, type ToolTask } from "../../envs/index.ts";
import type { Handle } from "../../runtime/index.ts";
import { python } from "../envs/python.ts";

const source = "office:tiny:3";
const finished = "<TASK_FINISHED>";
const improve = "Write a better response to this request";

/** The calls that a request of the tiny office asks for, with so many parts more than it says. */
function moves(request: string, more: number): string {
  const calls = [...request.matchAll(/move (\d) (\w+) (\w) to (\w)/g)].map(([, count, part, from, to]) => {
    const args = { part, count: Number(count) + more, source: from, target: to };
    return JSON.stringify({ name: "move_part", args });
  });
  return `<tool>[${calls.join(", ")}]</tool>`;
}

/** An evaluation with K = 1, and all that the policy was asked: it moves too much at first, and the right number when asked again. */
async function evaluated(feedback: "none" | "tool_result") {
  await using suite = new ToolSuite({ ...python, ...suiteOf(source)! });
  const task: ToolTask = await (await suite.tasks()).get(0);
  const asked: string[] = [];
  const policy = {
    generate({ messages }: GenerateRequest) {
      const last = messages.at(-1)!;
      asked.push(last.content);
      const isAgain = last.content.startsWith(improve);
      const isFirst = messages.every(({ role }) => role === "user");
      const text = isFirst ? moves(task.requests[0]!, isAgain ? 0 : 1) : finished;
      return Promise.resolve({ completions: [{ text, finish: "stop", ids: [] }] });
    },
  };
  const inference = { with: () => policy } as unknown as Handle<InferenceProxy>;
  const evaluator = new Evaluator(
    {
      world: { domain: "tools", source, profile: "exit", feedback, docs: "none", helpers: 1 },
      tasks: [task],
      budget: 1,
      samples: 1,
      sampling: { temperature: 1, topP: 1, topK: 0, maxTokens: 100 },
      seed: 0,
    },
    inference,
  );
  await evaluator.start();
  try {
    return { ...(await evaluator.evaluate(0)), asked, task };
  } finally {
    await evaluator.stop();
  }
}

test("an iterate before the last is executed on a fork, and the next is shown what it led to", async () => {
  const { evaluation, chains, asked, task } = await evaluated("tool_result");
  expect(chains[0]!.scores, "what was tried on the fork did not move the episode").toEqual([0, 1]);
  expect(chains[0]!.responses).toEqual([moves(task.requests[0]!, 0), finished]);
  const shown = asked.filter((content) => content.startsWith(improve));
  expect(shown[0]).toContain(`## Current response\n${moves(task.requests[0]!, 1)}`);
  expect(shown[0]).toMatch(/## Feedback on the current response\n\[".*"\]$/);
  expect(shown[1], "a request that is ended has no results").not.toContain("## Feedback");
  expect(evaluation).toMatchObject({ failures: {}, metrics: { first_turn: 1 } });
});

test("without feedback nothing but the last iterate is executed or shown", async () => {
  const { chains, asked } = await evaluated("none");
  expect(chains[0]!.scores).toEqual([0, 1]);
  const shown = asked.filter((content) => content.startsWith(improve));
  expect(shown.length).toBe(2);
  expect(shown.join()).not.toContain("## Feedback");
});
