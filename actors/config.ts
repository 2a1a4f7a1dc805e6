// A run's configuration: every key, its bounds and its default, as one schema. What is not here cannot be set.
// Knows names and numbers; files, presets and the command line are the tools' affair. Units are in the names.
import { z } from "zod";
import { DEFAULT_OPTIONS, type ExitOptions, presetFor, STRATEGIES, type StrategyName } from "./exit/index.ts";

const count = (minimum = 1) => z.int().min(minimum);
const probability = z.number().min(0).max(1);
const positive = z.number().positive();

/** Options of ExIt that may be set by name (exit/options.ts); `mechanisms` comes from the strategy unless given. */
const exitSchema = z.strictObject({
  mechanisms: z
    .strictObject({
      selection: z.boolean(),
      prefixReset: z.boolean(),
      expansion: z.boolean(),
      divergence: z.boolean(),
      diversity: z.boolean(),
    })
    .describe("a mix of mechanisms of your own, instead of the strategy's"),
  minBufferSize: count(0).describe("B_min: replays begin once the buffer holds so many"),
  selfIterationProbability: probability.describe("p: how often a prompt is drawn from the buffer"),
  divergenceProbability: probability.describe("p_div: how often such a prompt asks for another approach"),
  kappa: z.number().min(0).describe("D1: inverse temperature of the draw from the buffer"),
  baseOrder: z.enum(["epochs", "uniform"]).describe("D21: base tasks in shuffled epochs, or drawn with replacement"),
  bufferCapacity: count(0).describe("N"),
  evictionTie: z.enum(["oldest-scored", "oldest-created"]).describe("D8: who leaves among equals"),
  insertPerGroup: z.enum(["one", "all", "best"]).describe("D2: whose prefixes of a group enter the buffer"),
  bufferBase: z.boolean().describe("D11: base tasks enter the buffer too"),
  keepReasoning: z.boolean().describe("D14: keep think blocks in what is shown again"),
  varianceDdof: z.union([z.literal(0), z.literal(1)]).describe("D5: population (0) or sample (1) variance"),
  learnabilityOf: z.enum(["reward", "quality"]).describe("D6: what S is the variance of"),
  advantage: z.enum(["standard", "centred"]).describe("D17: divided by the group's deviation, or only centred"),
  overlongFilter: z.boolean().describe("mask episodes that the token limit cut off (3.6)"),
  overlongInStatistics: z.boolean().describe("D20: masked episodes still count in the group's mean"),
  diversityMode: z.enum(["paper", "minmax", "mean1"]).describe("D9, D31: Eq. 6 as printed, or a bounded form of it"),
  diversityRangeGuard: z.number().min(0).describe("D9: below this range of distances all coefficients are 1"),
  diversityCap: positive.describe("D9: no coefficient is larger"),
});

export const runConfigSchema = z.strictObject({
  strategy: z.enum(Object.keys(STRATEGIES) as [StrategyName, ...StrategyName[]]).describe("which of the paper's five"),
  domain: z.enum(["math", "tools", "mle"]).describe("the world"),
  seed: z.int().min(0).describe("every choice of the run follows from it"),
  model: z.string().min(1).describe("a Hugging Face causal LM folder, or tiny"),
  problems: z.strictObject({
    train: z
      .string()
      .min(1)
      .describe(
        "a file, a published set, generated or tiny; bfcl, bfcl:sound or office for tools; synthetic or mlebench=FOLDER for mle",
      ),
    heldOut: z.string().min(1).nullable().describe("a file of its own to evaluate on; else a share of train"),
    heldOutShare: probability.describe("share of train that is kept from training, where heldOut names no file"),
    subset: count().nullable().describe("train on so many, drawn by the seed"),
    skipBad: z.boolean().describe("leave bad lines out and count them"),
  }),
  exit: exitSchema.partial().describe("options of ExIt; what is not named comes from the strategy's table"),
  training: z.strictObject({
    iterations: count(0).describe("batches to train on"),
    promptsPerBatch: count().describe("P"),
    rolloutsPerPrompt: count(2).describe("G"),
    maxLag: count(0).describe("K: how many versions old a token may be when it is trained on; 0 is on-policy"),
    targetMinutes: positive.nullable().describe("fit the number of iterations to this time; null to do all"),
    minIterations: count(0).describe("never fewer than this, whatever the time"),
  }),
  sampling: z.strictObject({
    temperature: z.number().min(0),
    topP: z.number().gt(0).max(1),
    topK: count(0).describe("0 keeps all"),
    maxTokens: count().describe("of one response"),
  }),
  loss: z
    .strictObject({
      preset: z.enum(["grpo", "dr_grpo", "dapo", "gspo", "cispo", "decoupled"]).describe("a paper's objective"),
      anchor: z.enum(["behaviour", "proximal"]).describe("what the clipped ratio is taken against"),
      ratio: z.enum(["token", "sequence"]).describe("its level"),
      clip: z.enum(["ppo", "cispo"]).describe("what clipping does"),
      clipLow: positive.max(1),
      clipHigh: positive,
      correction: z.enum(["none", "truncated", "band", "decoupled"]).describe("for tokens of an older policy"),
      correctionLevel: z.enum(["token", "sequence"]),
      correctionCap: positive,
      kl: z.enum(["none", "k1", "k2", "k3"]).describe("D19: estimator of the KL term"),
      beta: z.number().min(0).describe("its coefficient"),
      denominator: z.enum(["per_sequence", "token", "constant"]).describe("D18"),
      maxLength: count().describe("L_max of the constant denominator, in tokens"),
    })
    .partial()
    .required({ preset: true })
    .describe("the objective; a key that is named overrules the preset"),
  learner: z.strictObject({
    engine: z.enum(["torch", "deepspeed"]),
    ranks: count().describe("processes that share a batch; more than one needs deepspeed"),
    zeroStage: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]).describe("ZeRO"),
    device: z.enum(["auto", "cpu", "cuda"]),
    autocast: z.enum(["none", "bfloat16"]),
    microBatchTokens: count().describe("positions a micro-batch may take"),
    epochsPerBatch: count(),
    learningRate: positive,
    warmupUpdates: count(0),
    adamBetas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]),
    weightDecay: z.number().min(0),
    maxGradNorm: positive.nullable(),
    referenceInterval: count().describe("M: updates between moves of the reference policy"),
    referenceAlpha: probability.describe("alpha: ref <- alpha theta + (1 - alpha) ref"),
  }),
  engine: z.strictObject({
    kind: z.enum(["slot"]),
    replicas: count().describe("engine processes"),
    slots: count().describe("completions sampled at a time in each"),
    device: z.enum(["cpu", "cuda"]),
    maxLength: count().nullable().describe("positions of prompt and response together; the model's unless said"),
    prefixMegabytes: count(0).describe(
      "memory for what was read already, so that a next turn goes on from it; 0 for none",
    ),
    generateDeadlineS: positive,
  }),
  tools: z
    .strictObject({
      profile: z.enum(["exit", "bfcl_official", "bespoke_literal", "state_only"]).describe("what an attempt is worth"),
      feedback: z
        .enum(["none", "tool_result"])
        .describe("what is told of a response that is tried again; an evaluation runs it on a fork for that"),
      docs: z.enum(["json", "brief", "none"]).describe("how functions are described to the policy"),
      helpers: count().describe("processes that run the functions, for each actor that has worlds"),
    })
    .describe("the world of tool use"),
  code: z
    .strictObject({
      wording: z.enum(["programs", "template"]).describe("whole programs, or the words of a template for tiny models"),
      scoreRanges: z.enum(["full", "paper"]).describe("D24: which scores are worst and best"),
      sandbox: z
        .enum(["auto", "full", "namespaces", "landlock", "unsafe-local"])
        .describe("the strongest there is, or this one; unsafe-local confines nothing"),
      allowWeakSandbox: z.boolean().describe("also take landlock, which bounds less"),
      stdio: z.enum(["pipe", "pty"]).describe("what a program writes to"),
      reuse: z.boolean().describe("give what came of a program again instead of running it twice"),
      warm: count(0).describe("programs kept ready with their packages loaded; 0 starts each cold"),
      wallSeconds: positive.describe("for one program"),
      memoryMegabytes: count().describe("for one program, its files not included"),
    })
    .describe("the world of competitions"),
  embedder: z
    .strictObject({
      kind: z.enum(["policy", "model"]).describe("the policy's own mean hidden states, or a model of its own"),
      model: z.string().min(1).nullable().describe("its folder: any encoder, sentence-transformers' too"),
      pooling: z.enum(["auto", "mean", "cls", "last"]),
      maxLength: count().describe("tokens of a solution that are read"),
      device: z.enum(["cpu", "cuda"]),
      trustRemoteCode: z.boolean().describe("run code that lies in the model's folder, as CodeXEmbed needs"),
    })
    .describe("what the diversity bonus measures distances with"),
  environments: z.strictObject({
    count: count().describe("environment actors"),
    verifiers: count().describe("verifier processes for each"),
    requireBoxed: z.boolean().describe("only a \\boxed{} answer counts"),
  }),
  evaluation: z.strictObject({
    K: count(0).describe("self-improvement steps after the first answer"),
    problems: count().describe("held-out problems, at most"),
    samples: count().describe("chains for each problem"),
    every: count(0).describe("iterations between evaluations; 0 for first and last only"),
    temperature: z
      .number()
      .min(0)
      .nullable()
      .describe("the model's own generation config unless said; so the next two"),
    topP: z.number().gt(0).max(1).nullable(),
    topK: count(0).nullable(),
  }),
  recording: z
    .strictObject({
      terminalBytes: count(0).describe("what is kept of a program's terminal with its times; 0 keeps none"),
      blobBytes: count(0).describe("the most of one program, terminal or submission; 0 keeps none of them"),
    })
    .describe("what is kept of episodes beside words and tokens"),
  checkpoint: z.strictObject({
    every: count().describe("iterations between checkpoints"),
    keep: count().describe("so many of the newest are kept"),
  }),
});

/** A run's configuration, whole: what is written beside its records. */
export type RunConfig = z.infer<typeof runConfigSchema>;

/** Any part of it, as a preset or a user's file gives it. */
export type PartialConfig = {
  [Key in keyof RunConfig]?: RunConfig[Key] extends object ? Partial<RunConfig[Key]> : RunConfig[Key];
};

/** The defaults: the paper's table of the domain and strategy, and for what it leaves open section 9's. */
export function defaultConfig(domain: RunConfig["domain"], strategy: StrategyName): RunConfig {
  const { training, evaluation } = presetFor(domain, strategy);
  return {
    strategy,
    domain,
    seed: 0,
    model: "tiny",
    problems: {
      train: { math: "tiny", tools: "bfcl", mle: "synthetic" }[domain],
      heldOut: null,
      heldOutShare: 0.1,
      subset: null,
      skipBad: false,
    },
    exit: {},
    training: {
      iterations: training.iterations,
      promptsPerBatch: training.promptsPerBatch,
      rolloutsPerPrompt: training.rolloutsPerPrompt,
      maxLag: 1,
      targetMinutes: null,
      minIterations: 0,
    },
    sampling: {
      temperature: training.temperature,
      topP: training.topP,
      topK: 0,
      maxTokens: training.maxResponseTokens,
    },
    // The paper's tables are the preset grpo, number for number (a test holds them to it): what is named here would
    // overrule every other preset.
    loss:
      training.denominator === "constant"
        ? { preset: "dr_grpo", kl: "k3", beta: training.klCoefficient }
        : { preset: "grpo" },
    learner: {
      engine: "torch",
      ranks: 1,
      zeroStage: 2,
      device: "auto",
      autocast: "none",
      microBatchTokens: 1024,
      epochsPerBatch: training.epochsPerBatch,
      learningRate: training.learningRate,
      warmupUpdates: training.warmupUpdates,
      adamBetas: [...training.adamBetas],
      weightDecay: training.weightDecay,
      maxGradNorm: training.maxGradNorm,
      referenceInterval: training.referenceInterval,
      referenceAlpha: training.referenceAlpha,
    },
    engine: {
      kind: "slot",
      replicas: 1,
      slots: 96,
      device: "cpu",
      maxLength: null,
      prefixMegabytes: 256,
      generateDeadlineS: 600,
    },
    embedder: {
      kind: "policy",
      model: null,
      pooling: "auto",
      maxLength: 512,
      device: "cpu",
      trustRemoteCode: false,
    },
    environments: { count: 2, verifiers: 1, requireBoxed: false },
    tools: { profile: "exit", feedback: "none", docs: "json", helpers: 1 },
    code: {
      wording: "programs",
      scoreRanges: "full",
      sandbox: "auto",
      allowWeakSandbox: false,
      stdio: "pipe",
      reuse: false,
      warm: 0,
      wallSeconds: 300,
      memoryMegabytes: 4096,
    },
    evaluation: {
      K: evaluation.budget,
      problems: 500,
      samples: evaluation.sampleCount,
      every: 0,
      temperature: null,
      topP: null,
      topK: null,
    },
    recording: { terminalBytes: 256 * 2 ** 10, blobBytes: 16 * 2 ** 20 },
    checkpoint: { every: 20, keep: 2 },
  };
}

/** The options of ExIt that a configuration means: its strategy's table, then what it names. */
export function exitOptionsOf({ domain, strategy, exit }: RunConfig): ExitOptions {
  const { options } = presetFor(domain, strategy);
  const named = Object.fromEntries(Object.entries(exit).filter(([, value]) => value !== undefined));
  return { ...DEFAULT_OPTIONS, ...options, ...named };
}
