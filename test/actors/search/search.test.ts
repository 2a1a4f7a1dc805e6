// A search on a world of a few lines: what each step is shown, what is kept, and that it goes on where it stopped.
import { expect, test } from "vitest";
import {
  type SearchNode,
  type SearchParts,
  search,
  searchPolicies,
  selfIterationPrompts,
} from "../../../actors/index.ts";
import { createEnvironment, InfrastructureError, type Task, type World } from "../../../envs/index.ts";

/** Worth what the response says; a response that is no number is broken, and `crash` is nobody's fault. */
const numbers: World<Task, { said: string }> = {
  id: "numbers",
  version: "1",
  open: () => ({ said: "" }),
  opening: () => [{ role: "user", content: "Say a number below 1." }],
  respond(state, response) {
    if (response === "crash") throw new InfrastructureError("worker_died", "the helper died");
    state.said = response;
    const isValid = !Number.isNaN(Number(response));
    const feedback = isValid ? {} : { feedback: `'${response}' is no number` };
    return {
      messages: [],
      terminated: true,
      responseKind: isValid ? "number" : "broken",
      info: { isValid },
      ...feedback,
    };
  },
  quality: ({ said }) => Number(said) || 0,
  digest: (state) => state,
};

interface Heard {
  step: number;
  asked: string;
}

function parts(
  responses: string[],
  heard: Heard[] = [],
  options = { ...searchPolicies.greedy, steps: 4 },
): SearchParts {
  return {
    task: { id: "t", hash: "h" },
    sample: 0,
    seed: 7,
    options,
    environment: () => createEnvironment(numbers, { prompts: selfIterationPrompts }),
    answer: async (messages, step) => {
      heard.push({ step, asked: messages.at(-1)!.content });
      return { text: responses[step]!, tokenCount: 3, generateMs: 1 };
    },
  };
}

async function all(run: AsyncIterable<SearchNode>): Promise<SearchNode[]> {
  const nodes: SearchNode[] = [];
  for await (const node of run) nodes.push({ ...node, worldMs: 0 });
  return nodes;
}

test("each step is shown its parent's response, and what the world said of it", async () => {
  const heard: Heard[] = [];
  const nodes = await all(search(parts(["none", "0.2", "0.5", "0.1", "0.7"], heard)));
  expect(nodes.map(({ operator, parent, score, isValid }) => [operator, parent, score, isValid])).toEqual([
    ["draft", null, 0, false],
    ["debug", 0, 0.2, true],
    ["improve", 1, 0.5, true],
    ["improve", 2, 0.1, true],
    ["improve", 2, 0.7, true],
  ]);
  expect(heard[0]!.asked).toBe("Say a number below 1.");
  expect(heard[1]!.asked).toContain(
    "## Current response\nnone\n\n## Feedback on the current response\n'none' is no number",
  );
  expect(heard[4]!.asked).toContain("## Current response\n0.5");
});

test("without steps there is one node, a plain attempt", async () => {
  const nodes = await all(search(parts(["0.4"], [], { ...searchPolicies.greedy, steps: 0 })));
  expect(nodes).toMatchObject([{ index: 0, operator: "draft", score: 0.4 }]);
});

test("a search goes on after any node as it would have without a stop", async () => {
  const responses = ["x", "0.2", "y", "0.5", "0.3", "z", "0.1", "0.6", "0.2", "0.4"];
  const options = { ...searchPolicies.aide, steps: 9, draftCount: 2 };
  const whole = await all(search(parts(responses, [], options)));
  for (const at of whole.keys()) {
    const rest = await all(search(parts(responses, [], options), whole.slice(0, at)));
    expect(rest).toEqual(whole.slice(at));
  }
});

test("a step that infrastructure broke is told by its cause and is nobody's parent", async () => {
  const nodes = await all(search(parts(["0.2", "crash", "0.5", "0.6", "0.1"])));
  expect(nodes[1]).toMatchObject({ failure: "worker_died", score: null, isValid: false, response: "crash" });
  expect(nodes[2]).toMatchObject({ operator: "improve", parent: 0 });
});
