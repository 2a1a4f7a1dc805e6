// `iterant eval`: how well a model, or a run's newest checkpoint, improves its own answers. Nothing is trained.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Command } from "commander";
import { type ChainRecord, type Evaluation, EvaluatorActor, worldConfigOf } from "../actors/index.ts";
import { localPython } from "../runtime/index.ts";
import { recordedConfig } from "./config/recorded.ts";
import { exitCodes, Failure } from "./failure.ts";
import { withFixedPolicy } from "./fixed-policy.ts";
import { decimal, isMeasured } from "./live/numbers.ts";
import { findRun, runFiles } from "./run-folder.ts";
import { configOf, parseCount } from "./train/command.ts";
import { checkMachine } from "./train/machine.ts";
import { evaluationSampling, findModel } from "./train/model.ts";
import { loadProblems } from "./train/problems.ts";

interface EvalFlags {
  model?: string;
  preset: string;
  problems?: string;
  heldOut?: string;
  skipBad?: boolean;
  steps?: number;
  samples?: number;
  count?: number;
  seed?: number;
  temperature?: number;
  json?: boolean;
  set: string[];
}

export function evalCommand(): Command {
  return new Command("eval")
    .description("measure accuracy after k self-improvement steps: of a run's newest checkpoint, or of any model")
    .argument("[run]", "a run's name or folder; leave out with --model")
    .option("--model <folder>", "a Hugging Face causal LM folder, or tiny")
    .option("--preset <name>", "with --model: the world and its settings", "tiny")
    .option("--problems <source>", "problems; all of them are evaluated on")
    .option("--skip-bad", "leave bad lines out and count them")
    .option("--steps <K>", "self-improvement steps after the first answer", parseCount)
    .option("--samples <n>", "chains for each problem", parseCount)
    .option("--count <n>", "problems at most, drawn by the seed", parseCount)
    .option("--temperature <t>", "instead of the model's own generation config", Number)
    .option("--seed <n>", "of problems and samples", parseCount)
    .option(
      "--set <key=value>",
      "any other key of a configuration; repeatable",
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option("--json", "one JSON object instead of a table")
    .addHelpText(
      "after",
      `
Examples:
  iterant eval                                       the newest run's newest checkpoint, on its held-out problems
  iterant eval --model ./my-model --problems t.jsonl --steps 4 --samples 8
  iterant eval --model tiny-tools --preset tiny-tools               calls of functions, every turn improved first`,
    )
    .action(async (name: string | undefined, flags: EvalFlags) => {
      const { evaluation, chains } = await evaluate(name, flags);
      if (flags.json) console.log(JSON.stringify({ ...evaluation, chains }));
      else console.log(render(evaluation));
    });
}

async function evaluate(
  name: string | undefined,
  flags: EvalFlags,
): Promise<{ evaluation: Evaluation; chains: ChainRecord[] }> {
  const run = flags.model === undefined ? findRun(name) : undefined;
  if (run === undefined && flags.problems === undefined && flags.model !== "tiny" && flags.preset === "tiny") {
    throw new Failure(exitCodes.usage, "--model needs --problems, the file to evaluate on.");
  }
  const config = run === undefined ? configOf(flags) : recordedConfig(run);
  const { evaluation: wanted } = config;
  if (flags.steps !== undefined) wanted.K = flags.steps;
  if (flags.samples !== undefined) wanted.samples = flags.samples;
  if (flags.count !== undefined) wanted.problems = flags.count;
  if (flags.temperature !== undefined) wanted.temperature = flags.temperature;
  if (flags.seed !== undefined) config.seed = flags.seed;
  if (flags.problems !== undefined)
    config.problems = { ...config.problems, train: flags.problems, heldOut: null, heldOutShare: 1 };
  checkMachine(config);
  const modelFolder = run === undefined ? findModel(config.model) : checkpointModel(run, config.model);
  const heldOut = await heldOutOf(config);
  process.stderr.write(
    `  ${heldOut.length} problems, ${wanted.samples} chains each, ${wanted.K} steps, model ${modelFolder}\n`,
  );
  return withFixedPolicy(
    { name: "eval", modelFolder, config, afterInterrupt: "nothing is left of it" },
    (program, inference) => {
      const { K: budget, samples } = wanted;
      const sampling = evaluationSampling(modelFolder, config);
      const asked = { world: worldConfigOf(config), tasks: heldOut, budget, samples, sampling, seed: config.seed };
      return program.add(EvaluatorActor, [asked, inference], { name: "evaluator", placement: "thread" });
    },
    (evaluator) => evaluator.with({ deadlineMs: null }).evaluate(0),
  );
}

/** With a share of 1 held out nothing is left to train on, which here is as it should be. */
async function heldOutOf(config: Parameters<typeof loadProblems>[0]) {
  return (await loadProblems(config, { isTrainingNeeded: false })).heldOut;
}

/** A checkpoint is a model folder like any other; a run without one is its first model. */
export function checkpointModel(run: string, model: string): string {
  const { executable, path } = localPython();
  const args = ["-m", "iterant.checkpoint", "latest", join(run, runFiles.checkpoints)];
  const { stdout } = spawnSync(executable, args, {
    encoding: "utf8",
    env: { ...process.env, PYTHONPATH: path.join(":") },
  });
  const checkpoint = stdout.trim();
  return checkpoint === "" ? findModel(model) : join(checkpoint, "model");
}

function render({
  accuracy,
  corrections,
  problemCount,
  chainCount,
  failures,
  overlongShare,
  metrics,
  wall_s,
}: Evaluation): string {
  const rows = accuracy.flatMap((value, k) =>
    isMeasured(value) ? [`  k=${String(k).padEnd(3)} ${value.toFixed(4)}`] : [],
  );
  const { repairedCount, brokenCount } = corrections;
  const failed = Object.entries(failures).map(([cause, count]) => `${count} ${cause}`);
  return [
    `accuracy after k self-improvement steps (${problemCount} problems, ${chainCount} chains, ${wall_s.toFixed(1)} s)`,
    ...rows,
    `  repaired ${repairedCount}, broken ${brokenCount}, net ${repairedCount - brokenCount}; cut off ${(100 * overlongShare).toFixed(1)} %`,
    ...Object.entries(metrics).map(([name, value]) => `  ${name} ${decimal(value, 4)}`),
    ...(failed.length === 0 ? [] : [`  not scored: ${failed.join(", ")}`]),
  ].join("\n");
}
