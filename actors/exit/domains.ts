// The paper's three domains as presets: Tables 4 to 6, number for number, and section 9's defaults for what they omit.
// Knows numbers only; the models, data sets and worlds of a domain are named elsewhere.
// `presetFor` is where a run's configuration starts from.
import type { ExitOptions } from "./options.ts";
import { DEFAULT_OPTIONS } from "./options.ts";
import { STRATEGIES, type StrategyName } from "./strategies.ts";

export type DomainName = "math" | "tools" | "mle";

/** What the learner is told: the rows of Tables 4 to 6 that are not the task buffer's, and section 9's defaults. */
export interface TrainingPreset {
  readonly learningRate: number;
  readonly promptsPerBatch: number;
  /** G. */
  readonly rolloutsPerPrompt: number;
  readonly epochsPerBatch: number;
  /** beta, on the k3 estimator (D19). */
  readonly klCoefficient: number;
  readonly klEstimator: "k3";
  /** M: iterations between moves of the reference policy. */
  readonly referenceInterval: number;
  /** ref <- alpha theta + (1 - alpha) ref: 1 copies, 0 leaves it where it began. */
  readonly referenceAlpha: number;
  /** epsilon of Eq. 4, the same above and below. */
  readonly clip: number;
  /** D17, D18: mean over each sequence's tokens, or a constant budget of `maxResponseTokens` (Dr. GRPO). */
  readonly denominator: "sequence" | "constant";
  readonly iterations: number;
  readonly maxResponseTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly weightDecay: number;
  readonly adamBetas: readonly [number, number];
  readonly maxGradNorm: number;
  readonly warmupUpdates: number;
}

/** Section 8: how a domain is measured. */
export interface EvaluationPreset {
  /** K: self-improvement steps at inference. */
  readonly budget: number;
  /** At test time no step diverges, whatever the strategy trained with. */
  readonly mode: "improve";
  readonly plottedSteps: readonly number[];
  /** Independent chains or searches per task and checkpoint. */
  readonly sampleCount: number;
  /** Training runs per method, over which mean and deviation are reported. */
  readonly runCount: number;
}

export interface Preset {
  readonly options: ExitOptions;
  readonly training: TrainingPreset;
  readonly evaluation: EvaluationPreset;
}

/** One column of Tables 4 to 6: what differs between strategies. */
interface Column {
  readonly learningRate: number;
  readonly bufferCapacity: number;
  readonly minBufferSize: number;
  readonly selfIterationProbability: number;
  readonly divergenceProbability: number;
}

interface Domain {
  readonly training: Omit<TrainingPreset, "learningRate">;
  readonly options: Partial<ExitOptions>;
  readonly evaluation: EvaluationPreset;
  readonly columns: Readonly<Record<StrategyName, Column>>;
}

/** lr, N, B_min, p, p_div; a dash of the tables is 0. */
function column(lr: number, capacity: number, minimum: number, p: number, pDiv: number): Column {
  return {
    learningRate: lr,
    bufferCapacity: capacity,
    minBufferSize: minimum,
    selfIterationProbability: p,
    divergenceProbability: pDiv,
  };
}

/** The same in all domains. Not in the tables, and so defaults of section 9: sampling, optimiser. */
const common = {
  rolloutsPerPrompt: 8,
  klCoefficient: 0.001,
  klEstimator: "k3",
  referenceInterval: 100,
  clip: 0.2,
  temperature: 1,
  topP: 1,
  weightDecay: 0,
  adamBetas: [0.9, 0.999],
  maxGradNorm: 1,
  warmupUpdates: 0,
} as const;

const DOMAINS: Readonly<Record<DomainName, Domain>> = {
  /** Table 4. */
  math: {
    training: {
      ...common,
      promptsPerBatch: 128,
      epochsPerBatch: 1,
      referenceAlpha: 1,
      denominator: "sequence",
      iterations: 100,
      maxResponseTokens: 2048,
    },
    options: { advantage: "standard" },
    evaluation: { budget: 16, mode: "improve", plottedSteps: [0, 1, 2, 4, 8, 16], sampleCount: 8, runCount: 3 },
    columns: {
      grpo: column(1e-6, 0, 0, 0, 0),
      curriculum: column(1e-6, 512, 128, 0.5, 0),
      improve: column(1e-6, 512, 128, 0.5, 0),
      diverge: column(1e-6, 512, 128, 0.5, 0.2),
      exit: column(1e-6, 512, 128, 0.5, 0.2),
    },
  },
  /** Table 5; Dr. GRPO and overlong filtering for stability (3.5, 3.6). */
  tools: {
    training: {
      ...common,
      promptsPerBatch: 16,
      epochsPerBatch: 2,
      referenceAlpha: 1,
      denominator: "constant",
      iterations: 400,
      maxResponseTokens: 2048,
    },
    options: { advantage: "centred", overlongFilter: true },
    evaluation: { budget: 4, mode: "improve", plottedSteps: [0, 1, 2, 4], sampleCount: 8, runCount: 3 },
    columns: {
      grpo: column(1e-6, 0, 0, 0, 0),
      curriculum: column(5e-7, 320, 320, 0.2, 0),
      improve: column(5e-7, 640, 320, 0.5, 0),
      diverge: column(5e-7, 640, 320, 0.5, 0.2),
      exit: column(1e-6, 640, 320, 0.5, 0.5),
    },
  },
  /** Table 6; improve steps are paid by improvement (4.5). */
  mle: {
    training: {
      ...common,
      promptsPerBatch: 4,
      epochsPerBatch: 1,
      referenceAlpha: 0.5,
      denominator: "sequence",
      iterations: 800,
      maxResponseTokens: 8192,
    },
    options: {
      advantage: "standard",
      rewardKinds: { base: "absolute", improve: "improvement", diverge: "absolute" },
    },
    evaluation: {
      budget: 16,
      mode: "improve",
      plottedSteps: Array.from({ length: 17 }, (_, step) => step),
      sampleCount: 16,
      runCount: 3,
    },
    columns: {
      grpo: column(1e-6, 0, 0, 0, 0),
      curriculum: column(1e-6, 3, 3, 0.5, 0),
      improve: column(1e-6, 24, 8, 0.5, 0),
      diverge: column(1e-6, 32, 8, 0.5, 0.2),
      exit: column(1e-6, 24, 3, 0.5, 0.5),
    },
  },
};

/** The column of Tables 4 to 6 for a domain and strategy. */
export function presetFor(domainName: DomainName, strategy: StrategyName): Preset {
  const domain = DOMAINS[domainName];
  const { learningRate, ...buffer } = domain.columns[strategy];
  return {
    options: { ...DEFAULT_OPTIONS, ...domain.options, ...buffer, mechanisms: STRATEGIES[strategy] },
    training: { ...domain.training, learningRate },
    evaluation: domain.evaluation,
  };
}
