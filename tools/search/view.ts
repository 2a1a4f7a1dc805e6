// A search while it runs, and the table of what it came to. Pure but for the stream that the progress is written to.
import type { Finding, SearchOptions, SearchReport } from "../../actors/index.ts";
import { bestSoFarOf } from "../../actors/index.ts";
import { pad } from "../live/line.ts";
import { clock, decimal, percent } from "../live/numbers.ts";

export interface SearchSize {
  tasks: number;
  samples: number;
  options: SearchOptions;
}

/** How far the searches are: one line that is drawn anew on a terminal, a line every tenth of the way in a pipe. */
export class SearchProgress {
  readonly #stream: NodeJS.WritableStream & { isTTY?: boolean };
  readonly #size: SearchSize;
  readonly #findings = new Map<string, Finding["node"][]>();
  #count = 0;
  #toldTenth = 0;

  constructor(stream: NodeJS.WritableStream & { isTTY?: boolean }, size: SearchSize) {
    this.#stream = stream;
    this.#size = size;
  }

  tell({ task, sample, node }: Finding): void {
    const key = `${sample} ${task}`;
    const nodes = this.#findings.get(key) ?? [];
    nodes.push(node);
    this.#findings.set(key, nodes);
    this.#count += 1;
    const tenth = Math.floor((10 * this.#count) / this.#total);
    if (this.#stream.isTTY) this.#stream.write(`\r\x1b[2K${this.#line()}`);
    else if (tenth > this.#toldTenth) this.#stream.write(`${this.#line()}\n`);
    this.#toldTenth = tenth;
  }

  end(): void {
    if (this.#stream.isTTY && this.#count > 0) this.#stream.write("\n");
  }

  get #total(): number {
    const { tasks, samples, options } = this.#size;
    return tasks * samples * (options.steps + 1);
  }

  #line(): string {
    const all = [...this.#findings.values()];
    const valid = all.flat().filter(({ isValid }) => isValid).length;
    const best = all.map((nodes) => bestSoFarOf(nodes, this.#size.options).at(-1) ?? 0);
    const mean = best.reduce((sum, value) => sum + value, 0) / Math.max(1, best.length);
    return `  ${this.#count} of ${this.#total} nodes, ${percent(valid / this.#count, 0)} valid, best so far ${decimal(mean, 4)}`;
  }
}

/** At most 80 columns but for long names. */
export function renderReport({ tasks, mean, rule }: SearchReport, folder: string): string {
  const steps = shownSteps(mean.length - 1);
  const nameWidth = Math.min(28, Math.max(6, ...tasks.map(({ task }) => task.length)));
  const row = (name: string, cells: string[]) =>
    `  ${pad(name.slice(0, nameWidth), nameWidth)}${cells.map((cell) => cell.padStart(9)).join("")}`;
  const shown = tasks.slice(0, 20);
  const isSampleKnown = tasks.some(({ sampleScore }) => sampleScore !== null);
  return [
    "",
    `  best score so far after k steps - ${rule}`,
    "",
    row("", [...steps.map((k) => `k=${k}`), "valid", ...(isSampleKnown ? ["sample", "beats it"] : [])]),
    ...shown.map(({ task, bestSoFar, validShare, sampleScore, beatsSampleShare }) =>
      row(task, [
        ...steps.map((k) => decimal(bestSoFar[k], 4)),
        percent(validShare, 0),
        ...(isSampleKnown ? [decimal(sampleScore, 4), percent(beatsSampleShare, 0)] : []),
      ]),
    ),
    ...(tasks.length > shown.length ? [`  and ${tasks.length - shown.length} more: report.json has all of them`] : []),
    row(
      "mean",
      steps.map((k) => decimal(mean[k], 4)),
    ),
    "",
    `  ${clock(tasks.reduce((sum, { wall_s }) => sum + wall_s, 0))} of searching, ${tasks.reduce((sum, { failedCount }) => sum + failedCount, 0)} nodes lost to infrastructure`,
    `  ${folder}`,
  ].join("\n");
}

/** 0, the powers of two below the last, and the last. */
function shownSteps(last: number): number[] {
  return [...new Set([0, ...[1, 2, 4, 8, 16, 32, 64, 128, 256].filter((k) => k < last), last])].slice(-5);
}
