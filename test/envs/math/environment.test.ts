// The world of competition problems on the real verifier.
import { afterAll, expect, test } from "vitest";
import {
  type EpisodeStart,
  type MathTask,
  MathVerifier,
  mathEnvironment,
  mathTaskOf,
  type Verdict,
} from "../../../envs/index.ts";
import { environmentSuite } from "../../conformance/environment.ts";
import { python } from "../python.ts";

const verifier = new MathVerifier({ ...python, processCount: 1, firstBackoffMs: 1 });
afterAll(() => verifier.close());

const task = mathTaskOf({ question: "What is 48 + 24?", answer: "48 and 24 are <<48+24=72>>72.\n#### 72" });
const prompts = {
  improve: (parts: object) => `improve ${JSON.stringify(parts)}`,
  diverge: (parts: object) => `diverge ${JSON.stringify(parts)}`,
};
const start: EpisodeStart<MathTask> = { task, seed: 0, prefix: [], mode: "base" };

environmentSuite({
  name: "math",
  create: (options) => mathEnvironment({ ...options, verifier }),
  task,
  seed: 0,
  play: ["So it is \\boxed{72}."],
  helper: {
    busyResponse: "\\boxed{9^{9^9}}",
    kill: () => {
      for (const pid of verifier.stats.pids) process.kill(pid, "SIGKILL");
    },
  },
});

/** One whole episode with a verifier of the test's own, or the real one. */
async function play(response: string, options: { requireBoxed?: boolean; verdict?: Verdict["kind"] } = {}) {
  const { requireBoxed = false, verdict: kind } = options;
  const stub = { verify: async () => ({ kind: kind!, rule: null, extracted: "72", wallMs: 1 }) };
  await using environment = mathEnvironment({ verifier: kind ? stub : verifier, prompts, requireBoxed });
  await environment.reset(start);
  const step = await environment.step(response);
  return { ...step, quality: environment.quality(), outcome: environment.outcome() };
}

test("the problem is shown with the answer format, and nothing of the gold", async () => {
  await using environment = mathEnvironment({ verifier, prompts });
  const { messages } = await environment.reset(start);
  expect(messages).toEqual([{ role: "user", content: "What is 48 + 24?\n\nPut the final answer in \\boxed{}." }]);
});

test.each([
  ["So it is \\boxed{72}.", 1, "boxed", "correct"],
  ["So it is \\boxed{73}.", 0, "boxed", "wrong"],
  ["So it is 72.", 1, "none", "correct"],
  ["I do not know.", 0, "none", "unparsed_response"],
  ["", 0, "none", "unparsed_response"],
  ["<think>\\boxed{73}?</think> So it is \\boxed{72}.", 1, "boxed", "correct"],
  ["<think>it is \\boxed{72}, but let me check", 0, "none", "unparsed_response"],
])("%s earns %d", async (response, reward, responseKind, kind) => {
  const step = await play(response);
  expect(step).toMatchObject({ reward, quality: reward, terminated: true, responseKind, messages: [] });
  expect(step.info).toMatchObject({ verdict: { kind }, rewardParts: [{ name: "quality", value: reward }] });
  expect(step.outcome).toEqual({ kind: "terminated", quality: reward, reward });
});

test("where a box is required, an answer outside one earns nothing", async () => {
  expect(await play("So it is 72.", { requireBoxed: true })).toMatchObject({ reward: 0, responseKind: "none" });
  expect(await play("So it is \\boxed{72}.", { requireBoxed: true })).toMatchObject({
    reward: 1,
    responseKind: "boxed",
  });
});

test.each([
  ["timeout", "verifier_timeout", "timeout for '72' - math, task ID - it is masked, not wrong"],
  ["error", "verifier_error", "error for '72' - math, task ID - it is masked, not wrong"],
  [
    "unparsed_gold",
    "verifier_error",
    "unparsed_gold for '72' - math, task ID - load with a verifier, which finds such golds",
  ],
] as const)("a verdict of %s fails the episode instead of scoring it", async (verdict, cause, message) => {
  const step = await play("\\boxed{72}", { verdict });
  expect(step).toMatchObject({ quality: null, failed: { kind: "failed", cause } });
  expect(step.failed!.message.replace(task.id, "ID")).toBe(message);
  expect(step).not.toHaveProperty("reward");
});

test("a second attempt repeats the whole request and shows the answer without its reasoning", async () => {
  await using environment = mathEnvironment({ verifier, prompts });
  const turn = { response: "<think>hm</think>It is \\boxed{71}.", observation: [], iterDepth: 2 };
  const { messages } = await environment.reset({ ...start, prefix: [turn], mode: "improve" });
  const instruction = "What is 48 + 24?\n\nPut the final answer in \\boxed{}.";
  const parts = { instruction, previousResponse: "It is \\boxed{71}." };
  expect(messages).toEqual([{ role: "user", content: `improve ${JSON.stringify(parts)}` }]);
  expect(await environment.step("It is \\boxed{72}.")).toMatchObject({ reward: 1 });
  expect(environment.turns()).toEqual([{ response: "It is \\boxed{72}.", observation: [], iterDepth: 3 }]);
  expect(environment.rewardKind).toBe("absolute");
  expect(environment.solutionText(environment.turns())).toBe("It is \\boxed{72}.");
});

test("a group of episodes is verified side by side", async () => {
  const responses = ["72", "71", "72.0", "\\frac{144}{2}", "73", "72", "0", "72"].map((answer) => `\\boxed{${answer}}`);
  const steps = await Promise.all(responses.map((response) => play(response)));
  expect(steps.map(({ reward }) => reward)).toEqual([1, 0, 1, 1, 0, 1, 0, 1]);
});
