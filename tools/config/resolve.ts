// Layers into one configuration: the paper's tables, a preset, a file, the command line, each over the one before.
// Checks what only the whole can show. Knows no files.
import {
  checkOptions,
  defaultConfig,
  exitOptionsOf,
  type PartialConfig,
  type RunConfig,
  runConfigSchema,
  type StrategyName,
} from "../../actors/index.ts";
import { exitCodes, Failure } from "../failure.ts";

/**
 * The configuration that these layers mean, later ones over earlier ones.
 * @throws Failure `usage` for parts that cannot go together
 */
export function resolveConfig(layers: readonly PartialConfig[]): RunConfig {
  const last = <Key extends keyof RunConfig>(key: Key): RunConfig[Key] | undefined =>
    layers.findLast((layer) => layer[key] !== undefined)?.[key] as RunConfig[Key] | undefined;
  const strategy: StrategyName = last("strategy") ?? "exit";
  const merged = layers.reduce<RunConfig>(merge, defaultConfig(last("domain") ?? "math", strategy));
  const config = runConfigSchema.parse(merged);
  // Dr. GRPO divides by the budget of a response (exit-paper 3.5), which the run names elsewhere.
  if (config.loss.preset === "dr_grpo") config.loss.maxLength ??= config.sampling.maxTokens;
  checkWhole(config);
  return config;
}

function merge(under: RunConfig, over: PartialConfig): RunConfig {
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const isSection = typeof value === "object" && value !== null && !Array.isArray(value);
    merged[key] = isSection ? { ...(merged[key] as object), ...value } : value;
  }
  // A strategy is a column of a table: options named for one column do not reach into another's.
  return merged as RunConfig;
}

function checkWhole(config: RunConfig): void {
  const refuse = (what: string): never => {
    throw new Failure(exitCodes.usage, what);
  };
  const { embedder, learner, loss, problems, training } = config;
  if (learner.engine === "torch" && learner.ranks > 1) {
    refuse(
      `learner.ranks is ${learner.ranks} with learner.engine torch: more than one rank needs learner.engine deepspeed.`,
    );
  }
  if (embedder.kind === "model" && embedder.model === null) {
    refuse("embedder.kind is model, but embedder.model names no folder.");
  }
  if (problems.heldOut === null && problems.heldOutShare === 0 && problems.train !== "tiny") {
    refuse("nothing is held out: name problems.heldOut, or give problems.heldOutShare a share above 0.");
  }
  if (loss.denominator === "constant" && loss.maxLength === undefined && loss.preset !== "dr_grpo") {
    refuse("loss.denominator constant needs loss.maxLength, the budget of tokens that it divides by.");
  }
  const anchor = loss.anchor ?? (loss.preset === "decoupled" ? "proximal" : "behaviour");
  if (loss.correction !== undefined && loss.correction !== "none" && anchor === "behaviour") {
    refuse(
      `loss.correction is ${loss.correction} with loss.anchor behaviour: against the policy that sampled, the ratio ` +
        "corrects already. Set loss.anchor to proximal.",
    );
  }
  if (training.targetMinutes !== null && training.iterations === 0) {
    refuse("training.targetMinutes fits iterations to a time, but training.iterations is 0.");
  }
  try {
    checkOptions(exitOptionsOf(config));
  } catch (error) {
    refuse(`exit: ${(error as Error).message}`);
  }
}
