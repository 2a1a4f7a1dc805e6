// Runs side by side: accuracy over samples, one curve a strategy, the mean over its seeds and the range between them. Pure.
import { STRATEGIES, type StrategyName } from "../../actors/index.ts";
import type { Figures, Series } from "./figures.ts";

/** A curve over the group's `samples`: mean, lowest and highest of its runs. */
export interface Spread {
  mean: Series;
  low: Series;
  high: Series;
}

export interface StrategyGroup {
  strategy: string;
  seeds: number[];
  /** Where the curves have points: within what all runs of the group have reached. */
  samples: number[];
  k0: Spread;
  kK: Spread;
}

export interface Comparison {
  K: number;
  /** In the order of the paper's table. */
  groups: StrategyGroup[];
}

/** @throws RangeError if the runs measure different things, or none has been evaluated */
export function compareRuns(runs: readonly Figures[]): Comparison {
  const measured = runs.filter(({ evaluations }) => evaluations.iteration.length > 0);
  if (measured.length === 0) throw new RangeError("none of these runs has an evaluation. Compare runs that have one.");
  const budgets = [...new Set(measured.map(({ K }) => K))];
  if (budgets.length > 1) {
    throw new RangeError(
      `these runs are evaluated after different numbers of steps, K = ${budgets.join(", ")}. Compare runs of one K.`,
    );
  }
  const order = Object.keys(STRATEGIES) as StrategyName[];
  const strategies = [...new Set(measured.map(({ strategy }) => strategy))].sort(
    (one, other) => order.indexOf(one as StrategyName) - order.indexOf(other as StrategyName),
  );
  return {
    K: budgets[0]!,
    groups: strategies.map((strategy) => groupOf(measured.filter((run) => run.strategy === strategy))),
  };
}

function groupOf(runs: readonly Figures[]): StrategyGroup {
  const shared = Math.min(...runs.map(({ evaluations }) => evaluations.samples.at(-1)!));
  const all = runs.flatMap(({ evaluations }) => evaluations.samples);
  const samples = [...new Set(all)].filter((at) => at <= shared).sort((one, other) => one - other);
  return {
    strategy: runs[0]!.strategy,
    seeds: runs.map(({ seed }) => seed).sort((one, other) => one - other),
    samples,
    k0: spreadOf(runs, samples, "k0"),
    kK: spreadOf(runs, samples, "kK"),
  };
}

function spreadOf(runs: readonly Figures[], samples: readonly number[], which: "k0" | "kK"): Spread {
  const columns = samples.map((at) =>
    runs.flatMap(({ evaluations }) => interpolated(evaluations.samples, evaluations[which], at) ?? []),
  );
  const each = (of: (values: number[]) => number) => columns.map((values) => (values.length === 0 ? null : of(values)));
  return {
    mean: each((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
    low: each((values) => Math.min(...values)),
    high: each((values) => Math.max(...values)),
  };
}

/** The value there, on the straight line between the two measured points around it; null outside of them. */
export function interpolated(x: readonly number[], y: Series, at: number): number | null {
  const points = x.flatMap((value, index) => (y[index] === null ? [] : [{ x: value, y: y[index]! }]));
  const after = points.findIndex((point) => point.x >= at);
  if (after < 0) return null;
  const right = points[after]!;
  if (right.x === at) return right.y;
  const left = points[after - 1];
  if (left === undefined) return null;
  return left.y + ((right.y - left.y) * (at - left.x)) / (right.x - left.x);
}
