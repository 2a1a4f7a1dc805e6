// The cast: who there is, who knows whom, and where they live. Passing a handle is the edge.
// The same program runs in a test, in one process tree and on several nodes; only the node that launches it differs.
//
//   task-buffer ── what to attempt ──► environments ── prompts ──► inference-proxy ══► engines (Python)
//        ▲                                  │                            ▲
//        └────────── scored group ──────────┤                     weights, by shared memory
//                                           ▼                            │
//                   recorder ◄── on disk first                     learner (Python)
//                                           ▼                            ▲
//                                    rollout-buffer ── batch ──► learner-proxy ──► evaluator, run-log
import { join } from "node:path";
import type { Task } from "../envs/index.ts";
import { type Handle, Program, pythonActor } from "../runtime/index.ts";
import { exitOptionsOf, type RunConfig } from "./config.ts";
import { type EmbedderActor, EnvironmentsActor } from "./environment.ts";
import { EvaluatorActor } from "./evaluator.ts";
import { type EngineActor, InferenceProxyActor, type Sampling } from "./inference-proxy.ts";
import { type CheckpointExtra, type LearnerActor, type LearnerProxy, LearnerProxyActor } from "./learner-proxy.ts";
import { RecorderActor, type RecorderConfig } from "./recorder.ts";
import { RolloutBufferActor } from "./rollout-buffer.ts";
import { type RunLog, RunLogActor } from "./run-log.ts";
import { TaskBufferActor } from "./task-buffer.ts";
import { worldConfigOf } from "./worlds.ts";

/** What a run is made of besides its configuration. */
export interface RunPlan {
  config: RunConfig;
  /** `runs/<name>`: where everything is written. */
  folder: string;
  /** The model's folder, found. */
  modelFolder: string;
  tasks: { train: readonly Task[]; heldOut: readonly Task[] };
  /** As the model's own generation config says, where the run does not. */
  evaluationSampling: Sampling;
  /** How often the run has been resumed. */
  life: number;
  resume: { folder: string; extra: CheckpointExtra } | null;
}

/** The parts that whoever runs the program speaks to. */
export interface Cast {
  learnerProxy: Handle<LearnerProxy>;
  log: Handle<RunLog>;
  environments: string[];
}

const Engine = pythonActor<EngineActor>("iterant.sampling.engine:Engine");
const Embedder = pythonActor<EmbedderActor>("iterant.embedder:Embedder");
const Learner = pythonActor<LearnerActor>("iterant.learner_actor:LearnerActor");

/** A part that can be brought back is; one that dies three times in a minute ends the run. */
const permanent = { restart: "permanent", maxRestarts: 3, withinMs: 60_000 } as const;

/** The program of a run: a plan of who knows whom, ready to be launched. */
export function makeProgram(plan: RunPlan): { program: Program; cast: Cast } {
  const { config, folder, life, resume, tasks } = plan;
  const { training, environments: places, seed } = config;
  const options = exitOptionsOf(config);
  const world = worldConfigOf(config);
  const program = new Program();

  const log = program.add(RunLogActor, [{ file: join(folder, "metrics.jsonl") }], { name: "run-log" });
  const recorder = program.add(RecorderActor, [recorderConfigOf(plan)], { name: "recorder" });
  const taskBuffer = program.add(
    TaskBufferActor,
    [{ tasks: tasks.train, options, seed, ...(resume ? { state: resume.extra.curriculum } : {}) }],
    { name: "task-buffer" },
  );
  const rollouts = program.add(
    RolloutBufferActor,
    [
      {
        promptsPerBatch: training.promptsPerBatch,
        rolloutsPerPrompt: training.rolloutsPerPrompt,
        maxLag: training.maxLag,
        iterations: training.iterations,
        life,
        ...(resume ? { state: resume.extra.rollouts } : {}),
      },
    ],
    { name: "rollout-buffer" },
  );

  const engines = Array.from({ length: config.engine.replicas }, (_, index) =>
    program.add(Engine, [engineConfigOf(plan, index)], { name: `engine-${index + 1}`, ...permanent }),
  );
  const deadlineMs = config.engine.generateDeadlineS * 1000;
  const inference = program.add(
    InferenceProxyActor,
    [{ generateDeadlineMs: deadlineMs, weightsDeadlineMs: deadlineMs }, engines],
    { name: "inference-proxy" },
  );
  const learner = program.add(Learner, [learnerConfigOf(plan)], { name: "learner", ...permanent });

  const evaluator = program.add(
    EvaluatorActor,
    [
      {
        world,
        tasks: tasks.heldOut,
        budget: config.evaluation.K,
        samples: config.evaluation.samples,
        sampling: plan.evaluationSampling,
        seed,
      },
      inference,
    ],
    { name: "evaluator", placement: "thread", ...permanent },
  );

  const isEmbedderNeeded = options.mechanisms.diversity && config.embedder.kind === "model";
  const embedder = isEmbedderNeeded
    ? program.add(Embedder, [embedderConfigOf(plan)], { name: "embedder", ...permanent })
    : null;

  // Enough groups under way to fill the lead that admission allows, spread over the environment actors.
  const lead = training.promptsPerBatch * (training.maxLag + 1);
  const groupsAtOnce = Math.ceil(lead / places.count);
  const environments = Array.from({ length: places.count }, (_, index) => `environment-${index + 1}`);
  const { sampling } = config;
  const { rolloutsPerPrompt } = training;
  for (const name of environments) {
    program.add(
      EnvironmentsActor,
      [
        { world, options, rolloutsPerPrompt, sampling, seed, groupsAtOnce },
        { tasks: taskBuffer, rollouts, inference, recorder, embedder },
      ],
      { name, placement: "thread", prefers: "environments", ...permanent },
    );
  }

  const learnerProxy = program.add(
    LearnerProxyActor,
    [
      {
        folder,
        iterations: training.iterations,
        pace: paceOf(config),
        evaluateEvery: config.evaluation.every,
        checkpointEvery: config.checkpoint.every,
        updateDeadlineMs: 3_600_000,
        resumeFrom: resume?.folder ?? null,
      },
      { learner, rollouts, tasks: taskBuffer, inference, evaluator, log },
    ],
    { name: "learner-proxy" },
  );
  return { program, cast: { learnerProxy, log, environments } };
}

function recorderConfigOf({ folder, life, config }: RunPlan): RecorderConfig {
  return { folder: join(folder, "episodes"), life, blobBytes: config.recording.blobBytes };
}

function paceOf({ training }: RunConfig) {
  const { targetMinutes, iterations, minIterations } = training;
  if (targetMinutes === null) return null;
  return { planned: iterations, minimum: Math.min(minIterations, iterations), targetMs: targetMinutes * 60_000 };
}

/** In the words of `iterant.sampling.engine.EngineConfig`. */
export function engineConfigOf({ config, modelFolder }: Pick<RunPlan, "config" | "modelFolder">, index = 0) {
  const { slots, device, maxLength, prefixMegabytes } = config.engine;
  return {
    model: modelFolder,
    slots,
    device,
    seed: config.seed + index,
    threads: 1,
    prefix_mb: prefixMegabytes,
    ...(maxLength === null ? {} : { max_length: maxLength }),
  };
}

/** In the words of `iterant.embedder.EmbedderConfig`. */
function embedderConfigOf({ config }: RunPlan): Record<string, unknown> {
  const { model, pooling, maxLength, device, trustRemoteCode } = config.embedder;
  return { model, pooling, max_length: maxLength, device, trust_remote_code: trustRemoteCode, threads: 1 };
}

/** In the words of `iterant.learner.LearnerConfig`, and where the weights go. */
function learnerConfigOf({ config, modelFolder, folder }: RunPlan): Record<string, unknown> {
  const { learner, loss, sampling, checkpoint, seed } = config;
  return {
    run: folder,
    keep_checkpoints: checkpoint.keep,
    learner: {
      model: modelFolder,
      seed,
      temperature: sampling.temperature === 0 ? 1 : sampling.temperature,
      engine: {
        kind: learner.engine,
        ranks: learner.ranks,
        zero_stage: learner.zeroStage,
        device: learner.device,
        autocast: learner.autocast,
        micro_batch_tokens: learner.microBatchTokens,
        threads: 1,
      },
      optimiser: {
        beta1: learner.adamBetas[0],
        beta2: learner.adamBetas[1],
        weight_decay: learner.weightDecay,
        clip_norm: learner.maxGradNorm,
      },
      loss: snakeCased(loss),
      learning_rate: learner.learningRate,
      warmup_updates: learner.warmupUpdates,
      epochs: learner.epochsPerBatch,
      reference_interval: learner.referenceInterval,
      reference_alpha: learner.referenceAlpha,
    },
  };
}

function snakeCased(fields: object): Record<string, unknown> {
  const named = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    named.map(([key, value]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  );
}
