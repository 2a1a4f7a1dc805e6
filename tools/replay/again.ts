// A recorded episode played again in a new session of its world, for the sake of its quality alone.
import type { RecordedGroup } from "../../actors/index.ts";
import type { Environment, Verdict } from "../../envs/index.ts";

/** What is said again of one episode. */
export interface Again {
  /** Null if nothing can be said; then there is a cause. */
  quality: number | null;
  /** Of the attempt that was to be bettered, by the same rules. */
  prevQuality: number | null;
  /** The text that was taken for the answer, and where it stood; null where there was none. */
  answer: string | null;
  rule: string | null;
  cause: string | null;
}

/** The recorded responses, one after another, in a new session of the world. */
export async function playAgain(
  { draw, episodes, task }: RecordedGroup,
  at: number,
  open: () => Environment,
  signal?: AbortSignal,
): Promise<Again> {
  const { instance, mode } = draw;
  const prefix = instance.turns.map((turn) => ({ ...turn, observation: turn.observation ?? [] }));
  const call = signal ? { signal } : {};
  await using environment = open();
  const opening = await environment.reset({ task, seed: 0, prefix, mode }, call);
  let failed = opening.failed;
  let verdict: Verdict | undefined;
  for (const { response } of episodes[at]!.turns) {
    if (failed) break;
    const step = await environment.step(response, call);
    failed = step.failed;
    verdict = step.info.verdict as Verdict | undefined;
  }
  const quality = failed ? null : environment.quality();
  return {
    quality,
    prevQuality: instance.prevQuality,
    answer: verdict?.extracted ?? null,
    rule: verdict?.rule ?? null,
    cause: failed ? failed.cause : quality === null ? "unscored" : null,
  };
}
