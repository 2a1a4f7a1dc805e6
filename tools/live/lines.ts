// A run as plain lines, for logs and pipes: a word that says what it is, then name=value, in an order that stays.
// Every evaluation and notice is a line; of the iterations about one in ten seconds of the run's own time.
import type { EvaluationRow, IterationRow, LogRow, RunConfig } from "../../actors/index.ts";
import { isMeasured, type Measured } from "./numbers.ts";

const period_s = 10;

/** The line with which a run begins. */
export function openingLine({ strategy, seed, model, training, evaluation }: RunConfig): string {
  return line("start", {
    strategy,
    seed: String(seed),
    model,
    iterations: String(training.iterations),
    K: String(evaluation.K),
  });
}

/** Says which rows become lines: pure but for the second at which it last spoke of an iteration. */
export class Lines {
  #spoken_s = Number.NEGATIVE_INFINITY;

  /** The row's line; null for an iteration that is passed over. */
  of(row: LogRow): string | null {
    switch (row.kind) {
      case "evaluation":
        return evaluationLine(row);
      case "notice":
        return `notice at_s=${number(row.at_s, 1)} ${row.text.replace(/\p{Control}+/gu, " ")}`;
      case "iteration":
        if (row.wall_s - this.#spoken_s < period_s && row.iteration !== row.iterations) return null;
        this.#spoken_s = row.wall_s;
        return iterationLine(row);
    }
  }
}

function evaluationLine({ iteration, version, at_s, accuracy, corrections, problemCount }: EvaluationRow): string {
  return line("evaluation", {
    iteration: String(iteration),
    version: String(version),
    at_s: number(at_s, 1),
    ...Object.fromEntries(accuracy.map((value, k) => [`k${k}`, number(value, 4)])),
    repaired: String(corrections.repairedCount),
    broken: String(corrections.brokenCount),
    problems: String(problemCount),
  });
}

function iterationLine(row: IterationRow): string {
  const { time, lag, queue, ledger, curriculum } = row;
  const { draws, buffer } = curriculum;
  return line("iteration", {
    iteration: `${row.iteration}/${row.iterations}`,
    version: String(row.version),
    wall_s: number(row.wall_s, 1),
    reward: number(row.meanReward, 4),
    samples_per_s: number(row.samplesPerSecond, 1),
    wait_s: number(time.wait_s, 3),
    update_s: number(time.update_s, 3),
    lag_mean: number(lag.mean, 3),
    lag_max: String(lag.max),
    running: String(queue.runningCount),
    waiting: String(queue.waitingCount),
    buffer: String(buffer.size),
    depth: number(buffer.depth, 3),
    S: number(buffer.meanScore, 4),
    base: number(draws.modeShares.base, 3),
    improve: number(draws.modeShares.improve, 3),
    diverge: number(draws.modeShares.diverge, 3),
    ...Object.fromEntries(Object.entries(ledger).map(([end, ended]) => [end, String(ended)])),
  });
}

function line(kind: string, fields: Record<string, string>): string {
  return [kind, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)].join(" ");
}

function number(value: Measured, digits: number): string {
  return isMeasured(value) ? value.toFixed(digits) : "none";
}
