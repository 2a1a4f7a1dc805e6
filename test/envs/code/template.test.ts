// The grammar of programs, and the policies without a model.
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { templateProgram } from "../../../envs/code/template-program.ts";
import {
  choicesIn,
  type Message,
  programShownIn,
  scriptedPolicy,
  syntheticSplit,
  templateOf,
  templatePolicy,
  templateWording,
  wordsOf,
} from "../../../envs/index.ts";
import { codePython } from "./python.ts";

const ids = [...syntheticSplit.train, ...syntheticSplit.heldOut];

test.each(ids)("%s: each word belongs to one slot, so that a line of words is a choice", (id) => {
  const words = Object.values(templateOf(id).slots).flat();
  expect(new Set(words).size).toBe(words.length);
  const first = Object.fromEntries(Object.entries(templateOf(id).slots).map(([slot, [word]]) => [slot, word]));
  expect(choicesIn(wordsOf(first), id)).toEqual(first);
});

test("choices are read from whatever stands around them, the last of each slot; a slot without a word is none", () => {
  expect(choicesIn("weak? No: features=PAIRS, tfidf; logistic (strong)", "synth-insults")).toEqual({
    features: "pairs",
    weights: "tfidf",
    model: "logistic",
    strength: "strong",
  });
  expect(choicesIn("pairs tfidf logistic", "synth-insults")).toBeNull();
  expect(() => choicesIn("", "tossed-coins")).toThrow("no template for competition tossed-coins - there are synth-ins");
});

test("every program of every grammar is Python", () => {
  const programs = ids.flatMap((id) => {
    const template = templateOf(id);
    let all: Record<string, string>[] = [{}];
    for (const [slot, words] of Object.entries(template.slots)) {
      all = all.flatMap((one) => words.map((word) => ({ ...one, [slot]: word })));
    }
    return all.map((choices) => templateProgram(template, choices));
  });
  expect(programs.length).toBe(36 + 36 + 60 + 24 + 36 + 12);
  const check = "import ast, json, sys\nfor text in json.load(sys.stdin): ast.parse(text)";
  execFileSync(codePython.python, ["-c", check], { input: JSON.stringify(programs) });
});

const request = (content: string): Message[] => [{ role: "user", content }];
const task = {
  id: "synth-insults",
  hash: "",
  source: "synthetic",
  description: "",
  previews: "",
  sampleName: "",
} as const;

test("the template policy draws by seed and conversation, and changes one word of what it is shown", () => {
  const opening = templateWording.opening(task, {} as never);
  const policy = templatePolicy(task.id, 3);
  const first = policy(request(opening));
  expect(policy(request(opening))).toBe(first);
  expect(choicesIn(first, task.id)).not.toBeNull();
  expect(
    new Set([0, 1, 2, 3, 4, 5].map((seed) => templatePolicy(task.id, seed)(request(opening)))).size,
  ).toBeGreaterThan(2);
  const improve = templateWording.prompts.improve({ instruction: opening, previousResponse: first });
  const next = policy(request(improve)).split(" ");
  expect(next.filter((word, at) => word !== first.split(" ")[at]).length).toBe(1);
});

test("the scripted policy goes from the program it is shown to the next, and stays at the last", () => {
  const policy = scriptedPolicy(["a = 1\n", "b = 2\n"]);
  const answer = (shown: string) =>
    programShownIn(policy(request(`\`\`\`python\n${shown}\`\`\`\nand\n\`\`\`\ndata\n\`\`\``)));
  expect([answer("other\n"), answer("a = 1\n"), answer("b = 2\n")]).toEqual(["a = 1\n", "b = 2\n", "b = 2\n"]);
});
