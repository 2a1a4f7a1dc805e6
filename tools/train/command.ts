// `iterant train` and `iterant demo`: from flags to a run.
import { Command, Option } from "commander";
import { type PartialConfig, type RunConfig, STRATEGIES, type StrategyName } from "../../actors/index.ts";
import { parseSetting, readLayer } from "../config/layer.ts";
import { listPresets, readPreset } from "../config/presets.ts";
import { resolveConfig } from "../config/resolve.ts";
import { exitCodes, Failure } from "../failure.ts";
import { newFolder, timedName } from "../run-folder.ts";
import { checkMachine } from "./machine.ts";
import { evaluationSampling, findModel } from "./model.ts";
import { loadProblems } from "./problems.ts";
import { runSession, type SessionOptions } from "./session.ts";

/** The flags that train and launch share. */
export interface TrainFlags {
  preset?: string;
  config?: string;
  set: string[];
  strategy?: StrategyName;
  problems?: string;
  heldOut?: string;
  skipBad?: boolean;
  model?: string;
  engine?: "torch" | "deepspeed";
  ranks?: number;
  iterations?: number;
  minutes?: number;
  seed?: number;
  name?: string;
}

export function trainCommand(): Command {
  return withTrainFlags(new Command("train"))
    .description("train a model on problems with ExIt or one of its ablations")
    .addHelpText(
      "after",
      `${presetHelp()}

Examples:
  iterant train --preset tiny                                   the demo's task, with every default spelt out in its folder
  iterant train --preset tiny --strategy grpo --seed 1          the same with plain GRPO
  iterant train --problems train.jsonl --model ./my-model       your problems (GSM8K, MATH, NuminaMath, DeepScaleR fields)
  iterant train --config run.yaml --set training.maxLag=0       a file of your own, strictly on-policy
  iterant train --preset tiny --engine deepspeed --ranks 2      the learner on two DeepSpeed ranks`,
    )
    .action(async (flags: TrainFlags) => {
      await train(flags);
    });
}

export function demoCommand(): Command {
  return new Command("demo")
    .description("watch a small language model learn to improve its own answers, in minutes, on this machine")
    .addOption(strategyOption())
    .option("--seed <n>", "another run of the same", parseCount)
    .option("--minutes <n>", "how long it may take", Number)
    .action(async (flags: { strategy?: StrategyName; seed?: number; minutes?: number }) => {
      await train({ ...flags, preset: "tiny", set: [] });
    });
}

export function withTrainFlags(command: Command): Command {
  return command
    .option("--preset <name>", "where to begin: one of the presets below")
    .option("--config <file>", "a YAML file over the preset")
    .option("--set <key=value>", "one key over everything, as in training.maxLag=0; repeatable", collect, [])
    .addOption(strategyOption())
    .option("--problems <source>", "a file of problems, a published set or generated (iterant worlds list)")
    .option("--held-out <source>", "problems to evaluate on; a tenth of the others unless given")
    .option("--skip-bad", "leave bad lines out and count them, instead of stopping")
    .option("--model <folder>", "a Hugging Face causal LM folder on this machine, or tiny")
    .addOption(new Option("--engine <kind>", "what holds the learner's weights").choices(["torch", "deepspeed"]))
    .option("--ranks <n>", "learner processes (deepspeed)", parseCount)
    .option("--iterations <n>", "batches to train on", parseCount)
    .option("--minutes <n>", "fit the number of iterations to this time", Number)
    .option("--seed <n>", "every choice of the run follows from it", parseCount)
    .option("--name <name>", "of the run's folder; strategy and time unless given");
}

/** Everything is checked before anything starts; then the run goes on to its end. */
export async function train(flags: TrainFlags, extra: Partial<SessionOptions> = {}): Promise<void> {
  const config = configOf(flags);
  const modelFolder = findModel(config.model);
  checkMachine(config);
  const beganMs = performance.now();
  const { train, heldOut, skipped } = await loadProblems(config);
  for (const line of skipped.slice(0, 10)) console.error(`  left out ${line}`);
  if (skipped.length > 0) console.error(`  ${skipped.length} bad lines left out`);
  const folder = newFolder(flags.name ?? timedName(`${config.strategy}-${config.seed}`), "iterant resume");
  await runSession({
    plan: {
      config,
      folder,
      modelFolder,
      tasks: { train, heldOut },
      evaluationSampling: evaluationSampling(modelFolder, config),
      life: 0,
      resume: null,
    },
    setup_s: Number(process.env.ITERANT_SETUP_S ?? 0) + (performance.now() - beganMs) / 1000,
    ...extra,
  });
}

/** Flags, file and preset as one configuration. @throws Failure `usage` */
export function configOf(flags: TrainFlags): RunConfig {
  const layers: PartialConfig[] = [];
  if (flags.preset !== undefined) layers.push(readPreset(flags.preset));
  if (flags.config !== undefined) layers.push(readLayer(flags.config));
  for (const setting of flags.set) layers.push(parseSetting(setting));
  layers.push(layerOfFlags(flags));
  return resolveConfig(layers);
}

function layerOfFlags(flags: TrainFlags): PartialConfig {
  const { strategy, problems, heldOut, skipBad, model, engine, ranks, iterations, minutes, seed } = flags;
  return {
    ...given({ strategy, model, seed }),
    problems: given({ train: problems, heldOut, skipBad }),
    learner: given({ engine, ranks }),
    training: given({ iterations, targetMinutes: minutes }),
  };
}

function given<T extends object>(fields: T): Partial<{ [Key in keyof T]: NonNullable<T[Key]> }> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

function strategyOption(): Option {
  return new Option("--strategy <name>", "what ExIt adds to GRPO, mechanism by mechanism").choices(
    Object.keys(STRATEGIES),
  );
}

function presetHelp(): string {
  const presets = listPresets();
  const width = Math.max(...presets.map(({ name }) => name.length));
  return `\nPresets:\n${presets.map(({ name, purpose }) => `  ${name.padEnd(width)}  ${purpose}`).join("\n")}`;
}

export function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

export function parseCount(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 0)
    throw new Failure(exitCodes.usage, `'${value}' is no count: give a whole number.`);
  return count;
}
