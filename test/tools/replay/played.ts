// Runs as a training leaves them, but for who speaks: real actors, a real world, the real recorder, and written-down words.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EnvironmentsActor } from "../../../actors/environment.ts";
import { exitOptionsOf, type RunConfig, worldConfigOf } from "../../../actors/index.ts";
import type { InferenceProxy } from "../../../actors/inference-proxy.ts";
import { RecorderActor } from "../../../actors/recorder.ts";
import { RolloutBufferActor } from "../../../actors/rollout-buffer.ts";
import { TaskBufferActor } from "../../../actors/task-buffer.ts";
import type { Task } from "../../../envs/index.ts";
import { type Handle, Node } from "../../../runtime/index.ts";
import { ScriptedPolicyActor } from "../../fixtures/scripted-policy.ts";

/** A group: a task, and what each of its episodes says, turn by turn. */
export interface Script {
  task: Task;
  said: readonly (readonly string[])[];
}

/** Plays and records one group after another, `g0.0.0`, `g0.1.0` and so on. */
export async function playRun(folder: string, config: RunConfig, scripts: readonly Script[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  await using node = await Node.start({ name: "played" });
  for (const [life, script] of scripts.entries()) await playGroup(node, folder, config, script, life);
}

async function playGroup(node: Node, folder: string, config: RunConfig, { task, said }: Script, life: number) {
  const rolloutsPerPrompt = said.length;
  const options = exitOptionsOf(config);
  const named = (name: string) => ({ name: `${name}-${life}` });
  const { blobBytes } = config.recording;
  const recorderConfig = { folder: join(folder, "episodes"), life, blobBytes };
  const recorder = await node.spawn(RecorderActor, [recorderConfig], named("recorder"));
  const tasks = await node.spawn(TaskBufferActor, [{ tasks: [task], options, seed: 0 }], named("tasks"));
  const rollouts = await node.spawn(
    RolloutBufferActor,
    [{ promptsPerBatch: 1, rolloutsPerPrompt, maxLag: 0, iterations: 1, life }],
    named("rollouts"),
  );
  const policy = await node.spawn(ScriptedPolicyActor, [said], named("policy"));
  const environments = await node.spawn(
    EnvironmentsActor,
    [
      {
        world: worldConfigOf(config),
        options,
        rolloutsPerPrompt,
        sampling: { temperature: 1, topP: 1, topK: 0, maxTokens: 8 },
        seed: config.seed,
        groupsAtOnce: 1,
      },
      { tasks, rollouts, inference: policy as unknown as Handle<InferenceProxy>, recorder, embedder: null },
    ],
    { ...named("environment"), placement: "thread" },
  );
  const running = environments.with({ deadlineMs: null }).run();
  const { iteration } = await rollouts.with({ deadlineMs: null }).take(0);
  await rollouts.trained(iteration);
  await running;
  for (const actor of [environments, recorder]) await node.stopActor(actor);
}
