// Which charts a run has, as data: what page/charts.js draws and nothing else. Pure.
// A chart without a single value is not among them; the page says what is missing instead.
import { counted } from "../live/numbers.ts";
import type { Figures, Series } from "./figures.ts";

/** Colours have roles; page.css says which colour a role has, by day and by night. */
export type Role = "first" | "final" | "base" | "improve" | "diverge" | "wait" | "quiet" | `group${1 | 2 | 3 | 4 | 5}`;

export interface ChartSeries {
  label: string;
  values: Series;
  role: Role;
  /** A thin line behind the others; a broken one. */
  style?: "faint" | "dashed";
  /** Edges of the range around the values, drawn as a band. */
  low?: Series;
  high?: Series;
}

export interface Chart {
  id: string;
  title: string;
  /** One sentence: how to read it. */
  note: string;
  kind: "lines" | "stack";
  x: readonly number[];
  xLabel: string;
  unit: "percent" | "number";
  series: readonly ChartSeries[];
  /** Limits of the y axis; what is null follows the values. */
  range: readonly [number | null, number | null];
  /** Charts of one name share the cursor. */
  sync: string | null;
}

export type ChartSection = "accuracy" | "training" | "curriculum" | "asynchrony";

export function chartsOf(figures: Figures): Record<ChartSection, Chart[]> {
  const sections = {
    accuracy: [accuracyChart(figures), stepsChart(figures)],
    training: [rewardChart(figures), entropyChart(figures)],
    curriculum: figures.hasCurriculum ? curriculumCharts(figures) : [],
    asynchrony: [lagChart(figures), learnerChart(figures)],
  };
  const drawable = (charts: Chart[]) => charts.filter(({ series }) => series.some(({ values }) => hasValue(values)));
  return {
    accuracy: drawable(sections.accuracy),
    training: drawable(sections.training),
    curriculum: drawable(sections.curriculum),
    asynchrony: drawable(sections.asynchrony),
  };
}

function accuracyChart({ evaluations, K }: Figures): Chart {
  const series: ChartSeries[] = [{ label: "first answer, k=0", values: evaluations.k0, role: "first" }];
  if (K > 0) series.push({ label: `after ${counted(K, "step")}, k=${K}`, values: evaluations.kK, role: "final" });
  return {
    id: "accuracy",
    title: "Accuracy on problems it never trains on",
    note: "Where the second curve lies above the first, the policy gains by being shown its own answer and asked for a better one.",
    kind: "lines",
    x: evaluations.iteration,
    xLabel: "iteration",
    unit: "percent",
    series,
    range: [null, null],
    sync: null,
  };
}

function stepsChart({ steps }: Figures): Chart {
  const series: ChartSeries[] = [];
  if (steps.first)
    series.push({ label: `iteration ${steps.firstIteration}`, values: steps.first, role: "quiet", style: "dashed" });
  if (steps.last) series.push({ label: `iteration ${steps.lastIteration}`, values: steps.last, role: "final" });
  return {
    id: "steps",
    title: "Accuracy after k self-improvement steps",
    note: "The first evaluation against the last: higher is what it has learned, steeper is how well it improves itself.",
    kind: "lines",
    x: steps.k,
    xLabel: "k",
    unit: "percent",
    series,
    range: [null, null],
    sync: null,
  };
}

function rewardChart({ training }: Figures): Chart {
  return {
    ...iterationChart(training.iteration),
    id: "reward",
    title: "Mean reward",
    note: "Of each iteration's episodes, and smoothed. Prompts get harder as the curriculum moves on: compare accuracy, not this.",
    series: [
      { label: "each iteration", values: training.meanReward, role: "quiet", style: "faint" },
      { label: "smoothed", values: smoothed(training.meanReward), role: "first" },
    ],
  };
}

function entropyChart({ training }: Figures): Chart {
  return {
    ...iterationChart(training.iteration),
    id: "entropy",
    title: "Entropy of the policy",
    note: "Nats a token. Where it falls to nothing, the policy has stopped exploring.",
    series: [{ label: "entropy", values: training.entropy, role: "diverge" }],
    range: [0, null],
  };
}

function curriculumCharts({ training }: Figures): Chart[] {
  const chart = iterationChart(training.iteration);
  return [
    {
      ...chart,
      id: "draws",
      title: "Where episodes start",
      note: "Base tasks, an earlier answer to improve, or one to diverge from; shares of each iteration's prompts, smoothed.",
      kind: "stack",
      unit: "percent",
      range: [0, 1],
      series: [
        { label: "base", values: smoothed(training.base), role: "base" },
        { label: "improve", values: smoothed(training.improve), role: "improve" },
        { label: "diverge", values: smoothed(training.diverge), role: "diverge" },
      ],
    },
    {
      ...chart,
      id: "depth",
      title: "Self-iteration depth in the buffer",
      note: "1 is a base task; each step on an earlier answer adds one.",
      series: [{ label: "mean depth", values: training.depth, role: "improve" }],
    },
    {
      ...chart,
      id: "score",
      title: "Learnability S in the buffer",
      note: "Variance of the rewards of a prompt's group: the mean, and from the lowest to the highest. 0.25 is half right, half wrong.",
      series: [
        {
          label: "mean S",
          values: training.score,
          role: "first",
          low: training.lowestScore,
          high: training.highestScore,
        },
      ],
      range: [0, null],
    },
    {
      ...chart,
      id: "buffer",
      title: "Instances in the buffer",
      note: "How many there are, and among how many the next draw is spread.",
      series: [
        { label: "size", values: training.bufferSize, role: "quiet" },
        { label: "in play", values: training.effectiveSampleSize, role: "improve" },
      ],
      range: [0, null],
    },
  ];
}

function lagChart({ training }: Figures): Chart {
  return {
    ...iterationChart(training.iteration),
    id: "lag",
    title: "Policy lag",
    note: "Versions between the policy that sampled a token and the one that learns from it; 0 is strictly on-policy.",
    series: [
      { label: "mean", values: smoothed(training.lagMean), role: "first" },
      { label: "max", values: training.lagMax, role: "quiet", style: "faint" },
    ],
    range: [0, null],
  };
}

function learnerChart({ training }: Figures): Chart {
  return {
    ...iterationChart(training.iteration),
    id: "learner",
    title: "Where the learner's time went",
    note: "Shares of each iteration, smoothed. Waiting is time in which sampling was the bottleneck.",
    kind: "stack",
    unit: "percent",
    range: [0, 1],
    series: [
      { label: "updating", values: smoothed(training.update), role: "final" },
      { label: "waiting for episodes", values: smoothed(training.wait), role: "wait" },
      { label: "giving weights out", values: smoothed(training.publish), role: "first" },
      { label: "saving", values: smoothed(training.checkpoint), role: "quiet" },
    ],
  };
}

function iterationChart(iteration: readonly number[]) {
  return {
    kind: "lines",
    x: iteration,
    xLabel: "iteration",
    unit: "number",
    range: [null, null],
    sync: "iteration",
  } satisfies Partial<Chart>;
}

/** A centred mean over a twentieth of the series, nulls left out; short series are as they are. */
export function smoothed(values: Series): Series {
  const reach = Math.floor(values.length / 40);
  return values.map((_, at) => {
    const near = values.slice(Math.max(0, at - reach), at + reach + 1).filter((value) => value !== null);
    return near.length === 0 ? null : near.reduce((sum, value) => sum + value, 0) / near.length;
  });
}

function hasValue(values: Series): boolean {
  return values.some((value) => value !== null);
}
