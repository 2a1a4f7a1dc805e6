// A run's records as figures: key numbers and series. Pure; what `iterant report --json` prints and the page draws.
// Shares and accuracies are in 0 .. 1, times in seconds; null where nothing was measured.
import { type EvaluationRow, exitOptionsOf, type IterationRow, type LedgerCounts } from "../../actors/index.ts";
import type { RunRecords } from "./records.ts";

export type Series = (number | null)[];

export interface Figures {
  name: string;
  strategy: string;
  seed: number;
  /** Done as planned, ended early in order, or without an end: it lives, or broke off. */
  state: "finished" | "ended early" | "no end recorded";
  K: number;
  /** Prompts are selected from a buffer; otherwise every one is a base task. */
  hasCurriculum: boolean;
  iterations: number;
  plannedIterations: number;
  version: number;
  wall_s: number | null;
  setup_s: number | null;
  firstUpdate_s: number | null;
  /** Episodes that have ended otherwise than by being cancelled. */
  samples: number;
  samplesPerSecond: number | null;
  accuracy: { k0: BeforeAfter; kK: BeforeAfter };
  meanReward: BeforeAfter;
  lag: { mean: number | null; max: number | null };
  ledger: (LedgerCounts & { open: number }) | null;
  learnerTime_s: { update: number; wait: number; publish: number; checkpoint: number };
  /** [evaluations] */
  evaluations: { iteration: number[]; samples: number[]; k0: Series; kK: Series };
  /** accuracy@k for k = 0..K; null without an evaluation, the last one null with only one. */
  steps: { k: number[]; first: Series | null; last: Series | null; firstIteration: number; lastIteration: number };
  /** [iterations] */
  training: TrainingSeries;
}

export interface BeforeAfter {
  before: number | null;
  after: number | null;
}

export interface TrainingSeries {
  iteration: number[];
  meanReward: Series;
  samplesPerSecond: Series;
  entropy: Series;
  base: Series;
  improve: Series;
  diverge: Series;
  depth: Series;
  score: Series;
  lowestScore: Series;
  highestScore: Series;
  bufferSize: Series;
  effectiveSampleSize: Series;
  lagMean: Series;
  lagMax: Series;
  /** Shares of each iteration's time. */
  update: Series;
  wait: Series;
  publish: Series;
  checkpoint: Series;
}

export function figuresOf(records: RunRecords): Figures {
  const { name, config, iterations, evaluations, summary } = records;
  const last = iterations.at(-1);
  const K = config.evaluation.K;
  const ledger = ledgerOf(summary?.ledger ?? last?.ledger);
  const samples = ledger === null ? 0 : ledger.admitted - ledger.cancelled - ledger.open;
  const wall_s = summary?.wall_s ?? last?.wall_s ?? null;
  return {
    name,
    strategy: config.strategy,
    seed: config.seed,
    state: summary === undefined ? "no end recorded" : summary.finished ? "finished" : "ended early",
    K,
    hasCurriculum: exitOptionsOf(config).mechanisms.selection,
    iterations: last?.iteration ?? 0,
    plannedIterations: last?.iterations ?? config.training.iterations,
    version: last?.version ?? 0,
    wall_s,
    setup_s: summary?.setup_s ?? null,
    firstUpdate_s: summary?.first_update_s ?? null,
    samples,
    samplesPerSecond: wall_s !== null && wall_s > 0 ? samples / wall_s : null,
    accuracy: { k0: endsOf(evaluations, 0), kK: endsOf(evaluations, K) },
    meanReward: rewardEnds(iterations),
    lag: lagOf(records),
    ledger,
    learnerTime_s: learnerTime(iterations),
    evaluations: {
      iteration: evaluations.map(({ iteration }) => iteration),
      samples: evaluations.map(({ iteration }) => samplesAt(iterations, iteration)),
      k0: evaluations.map(({ accuracy }) => measured(accuracy[0])),
      kK: evaluations.map(({ accuracy }) => measured(accuracy[K])),
    },
    steps: stepsOf(evaluations, K),
    training: trainingSeries(iterations),
  };
}

/** Episodes that had ended when an iteration was done: what the policy of its end has been trained with. */
function samplesAt(iterations: readonly IterationRow[], iteration: number): number {
  const row = iterations.findLast((candidate) => candidate.iteration <= iteration);
  if (row === undefined) return 0;
  const { trained, filtered, stale, failed } = row.ledger;
  return trained + filtered + stale + failed;
}

function endsOf(evaluations: readonly EvaluationRow[], k: number): BeforeAfter {
  const [first, last] = [evaluations.at(0), evaluations.at(-1)];
  return { before: measured(first?.accuracy[k]), after: first === last ? null : measured(last?.accuracy[k]) };
}

/** Means over the first and the last tenth of the iterations: single iterations jump. */
function rewardEnds(iterations: readonly IterationRow[]): BeforeAfter {
  if (iterations.length < 2) return { before: measured(iterations[0]?.meanReward), after: null };
  const count = Math.max(1, Math.floor(iterations.length / 10));
  const meanOf = (rows: readonly IterationRow[]) => mean(rows.map(({ meanReward }) => meanReward));
  return { before: meanOf(iterations.slice(0, count)), after: meanOf(iterations.slice(-count)) };
}

function lagOf({ summary, iterations }: RunRecords): Figures["lag"] {
  if (summary !== undefined) return { mean: measured(summary.policy_lag.mean), max: measured(summary.policy_lag.max) };
  const max = iterations.reduce<number | null>((most, { lag }) => Math.max(most ?? 0, lag.max), null);
  return { mean: mean(iterations.map(({ lag }) => lag.mean)), max };
}

function ledgerOf(counts: LedgerCounts | undefined): Figures["ledger"] {
  if (counts === undefined) return null;
  const { admitted, ...ends } = counts;
  return { ...counts, open: admitted - Object.values(ends).reduce((sum, ended) => sum + ended, 0) };
}

function learnerTime(iterations: readonly IterationRow[]): Figures["learnerTime_s"] {
  const sum = (key: keyof IterationRow["time"]) => iterations.reduce((total, { time }) => total + time[key], 0);
  return { update: sum("update_s"), wait: sum("wait_s"), publish: sum("publish_s"), checkpoint: sum("checkpoint_s") };
}

function stepsOf(evaluations: readonly EvaluationRow[], K: number): Figures["steps"] {
  const [first, last] = [evaluations.at(0), evaluations.at(-1)];
  const k = Array.from({ length: K + 1 }, (_, at) => at);
  const seriesOf = (row: EvaluationRow | undefined) => (row ? k.map((at) => measured(row.accuracy[at])) : null);
  return {
    k,
    first: seriesOf(first),
    last: first === last ? null : seriesOf(last),
    firstIteration: first?.iteration ?? 0,
    lastIteration: last?.iteration ?? 0,
  };
}

function trainingSeries(iterations: readonly IterationRow[]): TrainingSeries {
  const series = (of: (row: IterationRow) => number | null | undefined) => iterations.map((row) => measured(of(row)));
  const timeShare = (key: keyof IterationRow["time"]) =>
    series(({ time }) => time[key] / (time.wait_s + time.update_s + time.publish_s + time.checkpoint_s));
  return {
    iteration: iterations.map(({ iteration }) => iteration),
    meanReward: series(({ meanReward }) => meanReward),
    samplesPerSecond: series(({ samplesPerSecond }) => samplesPerSecond),
    entropy: series(({ learner }) => learner.entropy),
    base: series(({ curriculum }) => curriculum.draws.modeShares.base),
    improve: series(({ curriculum }) => curriculum.draws.modeShares.improve),
    diverge: series(({ curriculum }) => curriculum.draws.modeShares.diverge),
    depth: series(({ curriculum }) => curriculum.buffer.depth),
    score: series(({ curriculum }) => curriculum.buffer.meanScore),
    lowestScore: series(({ curriculum }) => curriculum.buffer.lowestScore),
    highestScore: series(({ curriculum }) => curriculum.buffer.highestScore),
    bufferSize: series(({ curriculum }) => curriculum.buffer.size),
    effectiveSampleSize: series(({ curriculum }) => curriculum.buffer.effectiveSampleSize),
    lagMean: series(({ lag }) => lag.mean),
    lagMax: series(({ lag }) => lag.max),
    update: timeShare("update_s"),
    wait: timeShare("wait_s"),
    publish: timeShare("publish_s"),
    checkpoint: timeShare("checkpoint_s"),
  };
}

/** Rounded to what a page can show; null for NaN, which JSON does not know. */
function measured(value: number | null | undefined): number | null {
  return typeof value === "number" && Number.isFinite(value) ? Math.round(value * 1e5) / 1e5 : null;
}

function mean(values: readonly number[]): number | null {
  return measured(values.reduce((sum, value) => sum + value, 0) / values.length);
}
