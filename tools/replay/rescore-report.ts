// What `--rescore` prints: how far it is, each difference, and the sum. Knows nothing of how scores come about.
import type { EpisodeLine, RunConfig } from "../../actors/index.ts";
import { countOf, listCounts, numberOf } from "./figures.ts";
import { type Rescored, rescore } from "./rescore.ts";
import type { Terminal } from "./terminal.ts";
import { oneLine } from "./text.ts";

/** Scores again and prints; resolves with how many rewards differ. */
export async function reportRescore(
  folder: string,
  lines: readonly EpisodeLine[],
  config: RunConfig,
  terminal: Terminal,
  { isJson }: { isJson: boolean },
): Promise<number> {
  const counts = { equal: 0, different: 0, unknown: 0 };
  const causes: Record<string, number> = {};
  const progress = new Progress(lines.length, process.stderr);
  progress.show(0);
  await rescore(folder, lines, config, (rescored) => {
    counts[rescored.outcome] += 1;
    if (rescored.outcome === "unknown") causes[rescored.cause!] = (causes[rescored.cause!] ?? 0) + 1;
    if (isJson || rescored.outcome === "different") progress.clear();
    if (isJson) terminal.write(JSON.stringify(rescored));
    else if (rescored.outcome === "different") terminal.write(differenceOf(rescored, terminal));
    progress.show(counts.equal + counts.different + counts.unknown);
  });
  progress.clear();
  const unknown = counts.unknown === 0 ? "" : ` (${listCounts(causes)})`;
  const sum =
    `${countOf(lines.length, "episode")} re-scored · ${countOf(counts.equal)} equal · ` +
    `${countOf(counts.different)} different · ${countOf(counts.unknown)} could not be told${unknown}`;
  if (isJson) process.stderr.write(`${sum}\n`);
  else terminal.write(sum);
  return counts.different;
}

function differenceOf({ id, recorded, rescored, gold, answer, rule }: Rescored, { bold, warn }: Terminal): string {
  const said = answer === null ? "no answer found" : `answer '${oneLine(answer)}'${rule === null ? "" : ` (${rule})`}`;
  const change = warn(`recorded ${numberOf(recorded!)}, re-scored ${numberOf(rescored!)}`);
  return `${bold(oneLine(id))}  ${change} · gold ${oneLine(gold ?? "unknown")} · ${said}`;
}

/** Where nobody watches: a line every so many episodes, and no more than so many lines. */
const leastStep = 1000;
const mostLines = 20;

/** A count on stderr: redrawn in place on a screen. */
class Progress {
  readonly #total: number;
  readonly #stream: NodeJS.WriteStream;
  #shown = "";

  constructor(total: number, stream: NodeJS.WriteStream) {
    this.#total = total;
    this.#stream = stream;
  }

  show(count: number): void {
    const step = Math.max(leastStep, Math.ceil(this.#total / mostLines));
    const isStep = this.#stream.isTTY || count % step === 0;
    const text = `  re-scoring ${countOf(count)} of ${countOf(this.#total)} …`;
    if (!isStep || text === this.#shown) return;
    this.#shown = text;
    this.#stream.write(this.#stream.isTTY ? `\r${text}\x1b[K` : `${text}\n`);
  }

  clear(): void {
    if (this.#stream.isTTY && this.#shown !== "") this.#stream.write("\r\x1b[K");
    this.#shown = this.#stream.isTTY ? "" : this.#shown;
  }
}
