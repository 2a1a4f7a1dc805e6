// Runs made up for tests, recorded by the real recorder: right and wrong answers, an improvement, a failure.
// One token is one character, and its id the character's code, so that a tokenizer of that kind can be written down.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  assessGroup,
  baseInstance,
  type Draw,
  defaultConfig,
  exitOptionsOf,
  expand,
  prefixInstances,
  promptFor,
  type TaskInstance,
} from "../../../actors/index.ts";
import { type EpisodeRecord, type GroupToWrite, Recorder } from "../../../actors/recorder.ts";
import { type Rollout, RolloutDraft } from "../../../actors/rollout.ts";
import { type Message, mathTaskOf } from "../../../envs/index.ts";

/** What an episode said and what it got; a failure's cause instead of a quality. */
export type Said = readonly [response: string, quality: number | string];

export interface GroupPlan {
  task: { problem: string; answer: string };
  /** The start point; a base task unless given. */
  from?: { instance: TaskInstance; mode: "improve" | "diverge" };
  said: readonly Said[];
  /** Policy version of the first half of each response and of the second. */
  versions?: readonly [number, number];
}

export const config = { ...defaultConfig("math", "exit"), model: "model" };
const options = exitOptionsOf(config);

/** Ids of a text: the codes of its characters. */
export function idsOf(text: string): Int32Array {
  return Int32Array.from([...text], (character) => character.codePointAt(0)!);
}

/** The group of this plan as an environment hands it to the recorder. */
export function groupOf(plan: GroupPlan, groupIndex: number, life = 0): GroupToWrite {
  const groupId = `g${groupIndex}.${life}.0`;
  const task = mathTaskOf(plan.task);
  const iteration = groupIndex;
  const { instance, mode } = plan.from ?? { instance: baseInstance(task.id, iteration), mode: "base" as const };
  const instruction = `${task.problem}\n\nPut the final answer in \\boxed{}.`;
  const previousResponse = instance.turns.at(-1)?.response ?? "";
  const opening: Message[] = [{ role: "user", content: promptFor(mode, { instruction, previousResponse }) }];
  const rollouts = plan.said.map((said, at) => rolloutOf(`${groupId}/${at}`, opening[0]!.content, said, plan.versions));
  const group = assessGroup({ mode, prevQuality: instance.prevQuality }, rollouts, options);
  const draw: Draw = {
    drawIndex: groupIndex,
    iteration,
    instance,
    mode,
    isReplay: mode !== "base",
    bufferSize: 0,
    bufferRevision: 0,
    effectiveSampleSize: null,
  };
  const episodes = rollouts.map((rollout, at): EpisodeRecord => {
    return {
      rollout,
      steps: [],
      messages: [...opening, { role: "assistant", content: plan.said[at]![0] }],
      reward: group.rewards[at] ?? null,
      advantage: group.advantages[at] ?? 0,
      generateMs: 1500,
      worldMs: 3,
    };
  });
  return { ticket: { groupIndex, groupId, attempt: 0 }, draw, task, world: { id: "math", version: "1" }, episodes };
}

function rolloutOf(
  id: string,
  prompt: string,
  [response, quality]: Said,
  [first, second] = [0, 0] as readonly [number, number],
): Rollout {
  const draft = new RolloutDraft(id, idsOf(prompt));
  const ids = idsOf(response);
  const half = Math.floor(ids.length / 2);
  draft.appendSampled(response, {
    ids,
    logprobs: Float32Array.from(ids, (code) => -(code % 8) / 8),
    versionSpans: [
      [0, half, first],
      [half, ids.length, second],
    ],
  });
  if (typeof quality === "string") return draft.fail({ cause: quality, message: `${quality} happened` });
  return draft.finish({ text: response, finish: "stop", quality });
}

/** The instance that an episode of a group leaves behind: where an improvement of it starts. */
export function instanceAfter({ draw, episodes }: GroupToWrite, at: number): TaskInstance {
  const { quality, turns } = episodes[at]!.rollout;
  const played = turns.map(({ start: _start, end: _end, ...turn }) => turn);
  return prefixInstances(expand(draw.instance, draw.mode, played), {
    parent: draw.instance,
    mode: draw.mode,
    quality,
    score: 0.25,
    iteration: draw.iteration,
    variant: "iterates",
  })[0]!;
}

const sum = { problem: "What is 1 + 1?", answer: "2" };
const product = { problem: "What is 3 times 4?", answer: "12" };

/** Three groups: a sum, an improvement of its second answer, and a product with an episode that failed. */
export function threeGroups(): GroupToWrite[] {
  const base = groupOf(
    {
      task: sum,
      said: [
        ["One and one.\nIt is \\boxed{2}", 1],
        ["One and one.\nIt is \\boxed{3}", 0],
      ],
    },
    0,
  );
  const improved = groupOf(
    {
      task: sum,
      from: { instance: instanceAfter(base, 1), mode: "improve" },
      said: [
        ["One and one.\nNo: two.\nIt is \\boxed{2}", 1],
        ["It is \\boxed{4}", 0],
      ],
      versions: [1, 2],
    },
    1,
  );
  const failed = groupOf(
    {
      task: product,
      said: [
        ["\\boxed{12}", 1],
        ["\\boxed{7}", 0],
        ["\\boxed{12}", "verifier_timeout"],
      ],
    },
    2,
  );
  return [base, improved, failed];
}

/** Writes a run's folder with these groups in its recording, one life after another. */
export async function writeRun(folder: string, ...lives: readonly (readonly GroupToWrite[])[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, model: join(folder, "model") }));
  for (const [life, groups] of lives.entries()) {
    const recorder = new Recorder({ folder: join(folder, "episodes"), life });
    await recorder.start();
    for (const group of groups) await recorder.write(group);
    await recorder.stop();
  }
}

/** A tokenizer of one token a character, in `model` beside the recording. */
export function writeTokenizer(folder: string): void {
  const codes = Array.from({ length: 127 - 32 }, (_, at) => 32 + at);
  const vocab = Object.fromEntries([["\n", 10], ...codes.map((code) => [String.fromCharCode(code), code])]);
  mkdirSync(join(folder, "model"), { recursive: true });
  writeFileSync(
    join(folder, "model", "tokenizer.json"),
    JSON.stringify({
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: { type: "Fuse" },
      model: { type: "WordLevel", vocab, unk_token: "?" },
    }),
  );
}
