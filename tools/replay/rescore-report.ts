// What `--rescore` prints: how far it is, each difference or the table of them, and the sum. Knows nothing of how scores
// come about.
import type { EpisodeLine, RunConfig } from "../../actors/index.ts";
import { Progress } from "../live/progress.ts";
import { DifferenceTable } from "./difference-table.ts";
import { countOf, listCounts, numberOf } from "./figures.ts";
import { type Rescored, rescore } from "./rescore.ts";
import type { Terminal } from "./terminal.ts";
import { oneLine } from "./text.ts";

export interface RescoreOptions {
  /** The configuration that the episodes were recorded under. */
  recorded: RunConfig;
  /** The one to score by. */
  config: RunConfig;
  /** Set where other rules have a name: then their differences are a table. */
  profile?: string;
  isJson: boolean;
  signal?: AbortSignal;
}

/** Scores again and prints; resolves with how many rewards differ. */
export async function reportRescore(
  folder: string,
  lines: readonly EpisodeLine[],
  options: RescoreOptions,
  terminal: Terminal,
): Promise<number> {
  const { profile, isJson, signal } = options;
  const counts = { equal: 0, different: 0, unknown: 0 };
  const causes: Record<string, number> = {};
  const table = new DifferenceTable();
  const progress = new Progress("re-scoring", lines.length);
  progress.show(0);
  try {
    await rescore(folder, lines, options, (rescored) => {
      counts[rescored.outcome] += 1;
      table.add(rescored);
      if (rescored.outcome === "unknown") causes[rescored.cause!] = (causes[rescored.cause!] ?? 0) + 1;
      const isTold = isJson || (rescored.outcome === "different" && profile === undefined);
      if (isTold) progress.clear();
      if (isTold) terminal.write(isJson ? JSON.stringify(rescored) : differenceOf(rescored, terminal));
      progress.show(counts.equal + counts.different + counts.unknown);
    });
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
  progress.clear();
  if (profile !== undefined && !isJson) table.show(`rewards by ${profile}`, terminal);
  const unknown = counts.unknown === 0 ? "" : ` (${listCounts(causes)})`;
  const toldCount = counts.equal + counts.different + counts.unknown;
  const sum =
    `${countOf(toldCount, "episode")} re-scored · ${countOf(counts.equal)} equal · ` +
    `${countOf(counts.different)} different · ${countOf(counts.unknown)} could not be told${unknown}`;
  if (isJson) process.stderr.write(`${sum}\n`);
  else terminal.write(sum);
  return counts.different;
}

function differenceOf({ id, recorded, rescored, gold, answer, rule }: Rescored, { bold, warn }: Terminal): string {
  const change = warn(`recorded ${numberOf(recorded!)}, re-scored ${numberOf(rescored!)}`);
  if (gold === null) return `${bold(oneLine(id))}  ${change}`;
  const said = answer === null ? "no answer found" : `answer '${oneLine(answer)}'${rule === null ? "" : ` (${rule})`}`;
  return `${bold(oneLine(id))}  ${change} · gold ${oneLine(gold)} · ${said}`;
}
