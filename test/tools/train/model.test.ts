// How a model is sampled from in evaluations: as its makers say, and what a run says over it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { RunConfig } from "../../../actors/index.ts";
import { resolveConfig } from "../../../tools/config/resolve.ts";
import { evaluationSampling } from "../../../tools/train/model.ts";

const folder = mkdtempSync(join(tmpdir(), "iterant-model-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function sampledWith(own: object | null, evaluation: Partial<RunConfig["evaluation"]> = {}) {
  const file = join(folder, "generation_config.json");
  if (own === null) rmSync(file, { force: true });
  else writeFileSync(file, JSON.stringify(own));
  return evaluationSampling(folder, resolveConfig([{ evaluation, sampling: { maxTokens: 9 } }]));
}

test("every setting of the model's generation config is kept", () => {
  const qwen = { do_sample: true, temperature: 0.7, top_p: 0.8, top_k: 20, repetition_penalty: 1.05, min_p: 0.1 };
  expect(sampledWith(qwen)).toEqual({
    temperature: 0.7,
    topP: 0.8,
    topK: 20,
    minP: 0.1,
    repetitionPenalty: 1.05,
    maxTokens: 9,
  });
});

test("without one, tokens come as the model has them; a greedy one takes the likeliest; the run has the last word", () => {
  expect(sampledWith(null)).toEqual({ temperature: 1, topP: 1, topK: 0, maxTokens: 9 });
  expect(sampledWith({ do_sample: false, temperature: 0.6 })).toMatchObject({ temperature: 0 });
  expect(sampledWith({ do_sample: true, top_p: 0.9 }, { temperature: 1, topP: 1 })).toMatchObject({
    temperature: 1,
    topP: 1,
  });
});
