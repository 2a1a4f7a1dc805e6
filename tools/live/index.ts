// What a run shows while it goes on and when it has ended.
import type { LogRow, RunConfig, RunSummary } from "../../actors/index.ts";

export interface LiveViewOptions {
  rows: AsyncIterable<LogRow>;
  config: RunConfig;
  stream: NodeJS.WriteStream;
}

/** Follows a run to its end, a line a happening. */
export async function startLiveView({ rows, stream }: LiveViewOptions): Promise<void> {
  for await (const row of rows) stream.write(`  ${lineOf(row)}\n`);
}

/** The table at the end of a run. */
export function renderSummary(summary: RunSummary, folder: string): string {
  const { accuracy, ledger } = summary;
  return `${folder}: ${summary.steps} iterations, k=0 ${accuracy.k0.before} -> ${accuracy.k0.after}, k=${accuracy.K} ${accuracy.kK.before} -> ${accuracy.kK.after}, ${JSON.stringify(ledger)}\n`;
}

function lineOf(row: LogRow): string {
  switch (row.kind) {
    case "iteration":
      return `iteration ${row.iteration}/${row.iterations} reward ${row.meanReward.toFixed(2)} lag ${row.lag.mean.toFixed(2)}`;
    case "evaluation":
      return `version ${row.version}: accuracy@k ${row.accuracy.map((value) => value.toFixed(3)).join(" ")}`;
    case "notice":
      return row.text;
  }
}
