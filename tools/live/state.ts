// What is known of a run so far: its plan and its rows, folded one by one.
// Pure. Knows no terminal and no clock; what is made of it is the screen's affair.
import type { EvaluationRow, IterationRow, LogRow, NoticeRow, RunConfig } from "../../actors/index.ts";
import { mean } from "./numbers.ts";

export interface LiveState {
  readonly config: RunConfig;
  /** How many there will be; a run that keeps a time changes it. */
  readonly iterations: number;
  readonly evaluations: readonly EvaluationRow[];
  /** Where the learner stood when the newest evaluation came in. */
  readonly evaluatedAt: number;
  /** The newest iterations, oldest first; enough for means that are calm. */
  readonly recent: readonly IterationRow[];
  /** Mean reward of every iteration. */
  readonly rewards: readonly number[];
  /** The newest notices, oldest first. */
  readonly notices: readonly NoticeRow[];
  /** Seconds into the run at the newest row. */
  readonly wall_s: number;
  /** No row will follow. */
  readonly isOver: boolean;
}

const recentCount = 20;
const noticeCount = 2;

export function beginState(config: RunConfig): LiveState {
  return {
    config,
    iterations: config.training.iterations,
    evaluations: [],
    evaluatedAt: -1,
    recent: [],
    rewards: [],
    notices: [],
    wall_s: 0,
    isOver: false,
  };
}

export function addRow(state: LiveState, row: LogRow): LiveState {
  switch (row.kind) {
    case "iteration":
      return {
        ...state,
        iterations: row.iterations,
        recent: [...state.recent, row].slice(-recentCount),
        rewards: [...state.rewards, row.meanReward],
        wall_s: Math.max(state.wall_s, row.wall_s),
      };
    case "evaluation":
      return {
        ...state,
        evaluations: [...state.evaluations, row],
        evaluatedAt: state.recent.at(-1)?.iteration ?? row.iteration,
        wall_s: Math.max(state.wall_s, row.at_s),
      };
    case "notice":
      return {
        ...state,
        notices: [...state.notices, row].slice(-noticeCount),
        wall_s: Math.max(state.wall_s, row.at_s),
      };
  }
}

export function endState(state: LiveState): LiveState {
  return { ...state, isOver: true };
}

export function lastIteration(state: LiveState): IterationRow | undefined {
  return state.recent.at(-1);
}

/** Seconds until the last update at the speed of the newest iterations; null before there is a speed. */
export function timeLeft_s(state: LiveState): number | null {
  const [first, last] = [state.recent.at(0), state.recent.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const each_s = (last.wall_s - first.wall_s) / (last.iteration - first.iteration);
  return Math.max(0, each_s * (state.iterations - last.iteration));
}

export type LearnerShares = Record<"wait" | "update" | "publish" | "checkpoint", number>;

/** Where the learner's time went over the newest iterations, as shares of 1; null before there is any. */
export function learnerShares({ recent }: LiveState): LearnerShares | null {
  const sum = (key: keyof IterationRow["time"]) => recent.reduce((total, { time }) => total + time[key], 0);
  const seconds = {
    wait: sum("wait_s"),
    update: sum("update_s"),
    publish: sum("publish_s"),
    checkpoint: sum("checkpoint_s"),
  };
  const whole = Object.values(seconds).reduce((total, value) => total + value, 0);
  if (!(whole > 0)) return null;
  return {
    wait: seconds.wait / whole,
    update: seconds.update / whole,
    publish: seconds.publish / whole,
    checkpoint: seconds.checkpoint / whole,
  };
}

/** Means over the newest iterations. */
export function recentMean({ recent }: LiveState, of: (row: IterationRow) => number): number {
  return mean(recent.map(of).filter(Number.isFinite));
}

/** What the run is at, in a sentence. */
export function phaseOf(state: LiveState): string {
  const { evaluations, iterations, isOver } = state;
  const last = lastIteration(state);
  const { K, samples, problems, every } = state.config.evaluation;
  if (isOver)
    return last?.iteration === iterations ? "done" : `ended at iteration ${last?.iteration ?? 0} of ${iterations}`;
  if (last?.iteration === iterations) return `last evaluation, of version ${last.version} …`;
  if (evaluations.length === 0) {
    const chains = `${samples} ${samples === 1 ? "chain" : "chains"} of ${K + 1} answers each`;
    return `first evaluation: up to ${problems} problems, ${chains} …`;
  }
  const at = last?.iteration ?? 0;
  if (every === 0) return `next evaluation at the end, iteration ${iterations}`;
  const due = Math.floor(at / every) * every;
  if (due > 0 && state.evaluatedAt < due) return `evaluation at iteration ${due} under way …`;
  return `next evaluation at iteration ${Math.min(iterations, due + every)}`;
}
