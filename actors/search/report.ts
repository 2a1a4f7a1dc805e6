// What searches came to: the best so far at every step, how many nodes were worth anything, beside what costs nothing.
// Pure; the tables are made of these numbers.
import { macroMean } from "../exit/index.ts";
import type { SearchNode } from "./node.ts";
import { type SearchOptions, selectionRule } from "./options.ts";
import { bestSoFarOf } from "./policy.ts";
import type { Finding } from "./searcher.ts";

export interface TaskReport {
  readonly task: string;
  readonly searchCount: number;
  /** Mean best score after step 0, 1, …; a search without a valid node counts as 0. */
  readonly bestSoFar: readonly number[];
  /** Share of nodes that are valid, of those that infrastructure did not break. */
  readonly validShare: number;
  /** What copying the sample submission earns, where the world says; null elsewhere. */
  readonly sampleScore: number | null;
  /** Share of valid nodes that are better than that. */
  readonly beatsSampleShare: number | null;
  readonly failedCount: number;
  readonly wall_s: number;
}

export interface SearchReport {
  readonly rule: string;
  readonly tasks: readonly TaskReport[];
  /** The unweighted mean over tasks, at each step. */
  readonly mean: readonly number[];
}

/** @param sampleScores by task, in [0, 1] */
export function reportOf(
  findings: readonly Finding[],
  options: SearchOptions,
  sampleScores: Readonly<Record<string, number>> = {},
): SearchReport {
  const searches = bySearch(findings);
  const ids = [...new Set(findings.map(({ task }) => task))].sort();
  const tasks = ids.map((task) =>
    taskReport(
      task,
      searches.filter((one) => one.task === task).map(({ nodes }) => nodes),
      options,
      sampleScores[task] ?? null,
    ),
  );
  const steps = Array.from({ length: options.steps + 1 }, (_, step) => step);
  return {
    rule: selectionRule(options),
    tasks,
    mean: steps.map((step) => macroMean(tasks.map(({ bestSoFar }) => bestSoFar[step] ?? 0))),
  };
}

function taskReport(
  task: string,
  searches: readonly (readonly SearchNode[])[],
  options: SearchOptions,
  sampleScore: number | null,
): TaskReport {
  const curves = searches.map((nodes) => bestSoFarOf(nodes, options));
  const nodes = searches.flat();
  const judged = nodes.filter(({ failure }) => failure === null);
  const valid = judged.filter(({ isValid }) => isValid);
  const better = valid.filter(({ score }) => sampleScore !== null && score !== null && score > sampleScore);
  return {
    task,
    searchCount: searches.length,
    bestSoFar: Array.from({ length: options.steps + 1 }, (_, step) =>
      macroMean(curves.map((curve) => curve[Math.min(step, curve.length - 1)] ?? 0)),
    ),
    validShare: judged.length === 0 ? 0 : valid.length / judged.length,
    sampleScore,
    beatsSampleShare: sampleScore === null || valid.length === 0 ? null : better.length / valid.length,
    failedCount: nodes.length - judged.length,
    wall_s: nodes.reduce((sum, { generateMs, worldMs }) => sum + generateMs + worldMs, 0) / 1000,
  };
}

function bySearch(findings: readonly Finding[]): { task: string; nodes: SearchNode[] }[] {
  const searches = new Map<string, { task: string; nodes: SearchNode[] }>();
  for (const { task, sample, node } of findings) {
    const key = `${sample} ${task}`;
    const one = searches.get(key) ?? { task, nodes: [] };
    one.nodes.push(node);
    searches.set(key, one);
  }
  return [...searches.values()];
}
