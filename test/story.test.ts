// The story: from launch to a second policy version, with every part real and as small as it can be.
// A model of a quarter of a million parameters answers equations, is rewarded, updated twice, and asked again.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type IterationRow,
  type LogRow,
  type RecordedGroup,
  Run,
  type RunOutcome,
  readGroups,
  readIndex,
} from "../actors/index.ts";
import { Node } from "../runtime/index.ts";
import { readPreset } from "../tools/config/presets.ts";
import { resolveConfig } from "../tools/config/resolve.ts";
import { evaluationSampling, findModel } from "../tools/train/model.ts";
import { loadProblems } from "../tools/train/problems.ts";

const folder = mkdtempSync(join(tmpdir(), "iterant-story-"));
const config = resolveConfig([
  readPreset("tiny"),
  {
    training: { iterations: 3, promptsPerBatch: 8, rolloutsPerPrompt: 4, targetMinutes: null },
    exit: { bufferCapacity: 8, minBufferSize: 2, selfIterationProbability: 0.8, divergenceProbability: 0.5 },
    evaluation: { problems: 4, samples: 2, K: 1, every: 0 },
  },
]);

const rows: LogRow[] = [];
let outcome: RunOutcome;
let groups: RecordedGroup[];

beforeAll(async () => {
  // A node is one process full of actors. It starts what they need: threads, and Python for the two that compute.
  await using node = await Node.start({ name: "story" });
  const modelFolder = findModel(config.model);
  const run = await Run.start({
    plan: {
      config,
      folder,
      modelFolder,
      tasks: await loadProblems(config),
      evaluationSampling: evaluationSampling(modelFolder, config),
      life: 0,
      resume: null,
    },
    node,
    setup_s: 0,
  });
  // What happens comes as rows, to whoever follows and to metrics.jsonl.
  const following = (async () => {
    for await (const row of run.follow()) rows.push(row);
  })();
  following.catch(() => {}); // where the run breaks off, its own end says why
  outcome = await run.done;
  await following;
  groups = [];
  for await (const group of readGroups(join(folder, "episodes"))) groups.push(group);
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the model is evaluated before and after, at versions that stood still meanwhile", () => {
  const evaluations = rows.filter((row) => row.kind === "evaluation");
  expect(evaluations.map(({ version }) => version)).toEqual([0, outcome.end.version]);
  for (const { accuracy, chainCount, failures } of evaluations) {
    expect(accuracy).toHaveLength(config.evaluation.K + 1);
    expect(chainCount).toBe(8);
    expect(failures).toEqual({});
  }
});

test("each batch moves the policy by one version, and no token is older than K when it is trained on", () => {
  const iterations = rows.filter((row): row is IterationRow => row.kind === "iteration");
  expect(iterations.map(({ iteration }) => iteration)).toEqual([1, 2, 3]);
  expect(outcome.end.version).toBe(iterations.filter(({ trainedCount }) => trainedCount > 0).length);
  expect(outcome.end.version).toBeGreaterThan(0);
  for (const { lag } of iterations) expect(lag.max).toBeLessThanOrEqual(config.training.maxLag);
});

test("the learner computes what the engine sampled with, to the fifth digit", () => {
  const first = rows.find((row): row is IterationRow => row.kind === "iteration" && row.trainedCount > 0)!;
  expect(first.learner.logprob_gap_max).toBeLessThan(1e-4);
});

test("every admitted episode ended in exactly one way, and the summary says so", () => {
  const { admitted, ...ends } = outcome.summary.ledger;
  expect(Object.values(ends).reduce((sum, count) => sum + count, 0)).toBe(admitted);
  expect(admitted).toBe(3 * 8 * 4);
  expect(ends).toMatchObject({ stale: 0, failed: 0, cancelled: 0 });
  expect(outcome.summary).toMatchObject({ strategy: "exit", steps: 3, finished: true });
});

test("every episode is on disk, with a logprob and a version for each token that was sampled", async () => {
  expect(groups.flatMap(({ episodes }) => episodes)).toHaveLength(96);
  expect(await readIndex(join(folder, "episodes"))).toHaveLength(96);
  for (const { episodes, draw, task } of groups) {
    expect(task.id).toBe(draw.instance.baseId);
    for (const { ids, mask, logprobs, versions, reward } of episodes) {
      expect([logprobs.length, versions.length, mask.length]).toEqual([ids.length, ids.length, ids.length]);
      expect(mask.every((bit) => bit === 1)).toBe(true);
      expect(logprobs.every((value) => value <= 1e-3 && Number.isFinite(value))).toBe(true);
      expect(versions.every((version) => version >= 0)).toBe(true);
      expect([0, 1]).toContain(reward);
    }
  }
});

test("some prompts showed an earlier response and asked for a better one", () => {
  const modes = groups.map(({ draw }) => draw.mode);
  expect(modes).toContain("base");
  const second = groups.filter(({ draw }) => draw.mode !== "base");
  expect(second.length).toBeGreaterThan(0);
  for (const { draw, opening } of second) {
    expect(opening.at(-1)!.content).toContain(draw.instance.turns.at(-1)!.response);
  }
});
