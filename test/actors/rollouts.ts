// Rollouts and groups made up for tests: small, valid, and of the version that a test wants.

import { DEFAULT_OPTIONS } from "../../actors/exit/index.ts";
import { assessGroup, type Group } from "../../actors/group.ts";
import { type Rollout, RolloutDraft } from "../../actors/rollout.ts";

/** A rollout of two prompt tokens and three sampled ones. */
export function rolloutOf(id: string, quality: number | null, version = 0): Rollout {
  const draft = new RolloutDraft(id, Int32Array.of(1, 2));
  draft.appendSampled(`answer of ${id}`, {
    ids: Int32Array.of(3, 4, 5),
    logprobs: Float32Array.of(-1, -2, -0.5),
    versionSpans: [[0, 3, version]],
  });
  if (quality === null) return draft.fail({ cause: "verifier_timeout", message: "no verdict" });
  return draft.finish({ text: `answer of ${id}`, finish: "stop", quality });
}

/** A group of these qualities; null fails. */
export function groupOf(id: string, qualities: readonly (number | null)[], version = 0): Group {
  const rollouts = qualities.map((quality, at) => rolloutOf(`${id}/${at}`, quality, version));
  return assessGroup({ mode: "base", prevQuality: null }, rollouts, DEFAULT_OPTIONS);
}
