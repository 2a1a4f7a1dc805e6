// `iterant replay RUN`: its episodes, a row each, and one line that sums up all that matched.
// Reads the index only.
import type { EpisodeLine } from "../../actors/index.ts";
import { countOf, listCounts, numberOf } from "./figures.ts";
import type { OnDamage } from "./recording.ts";
import { type SelectionFlags, selectEpisodes, type Tally } from "./selection.ts";
import type { Terminal } from "./terminal.ts";
import { clip, oneLine, wrap } from "./text.ts";

/** Rows of a table that nobody asked to be longer or shorter. */
const usualRowCount = 40;

export interface ListFlags extends SelectionFlags {
  all?: boolean;
  json?: boolean;
}

export async function listEpisodes(
  folder: string,
  flags: ListFlags,
  terminal: Terminal,
  onDamage: OnDamage,
): Promise<void> {
  if (flags.json) {
    await selectEpisodes(folder, flags, onDamage, (line) => terminal.write(JSON.stringify(line)));
    return;
  }
  const table = new Table(terminal);
  const isShort = !flags.all && flags.limit === undefined && flags.last === undefined;
  const selection = isShort ? { ...flags, last: usualRowCount } : flags;
  const tally = await selectEpisodes(folder, selection, onDamage, (line) => table.add(line));
  table.flush();
  for (const line of wrap(summaryOf(tally, isShort), terminal.isScreen ? terminal.width : Number.POSITIVE_INFINITY)) {
    terminal.write(line);
  }
}

/** What a row says. The last column takes what is left of the line. */
const columns: readonly { title: string; isNumber?: true; of: (line: EpisodeLine) => string }[] = [
  { title: "episode", of: ({ id }) => oneLine(id) },
  { title: "iteration", isNumber: true, of: ({ iteration }) => String(iteration) },
  { title: "mode", of: ({ mode }) => oneLine(mode) },
  { title: "depth", isNumber: true, of: ({ depth }) => String(depth) },
  { title: "task", of: ({ task }) => oneLine(task) },
  { title: "reward", isNumber: true, of: ({ reward }) => (reward === null ? "-" : numberOf(reward)) },
  { title: "tokens", isNumber: true, of: ({ tokenCount }) => String(tokenCount) },
  { title: "versions", of: ({ versions }) => versionsOf(versions) },
  { title: "end", of: ({ finish, failure }) => oneLine(failure ?? finish ?? "-") },
];

const rewardColumn = columns.findIndex(({ title }) => title === "reward");

export function versionsOf([low, high]: readonly [number, number]): string {
  if (low < 0) return "-";
  return low === high ? String(low) : `${low}..${high}`;
}

/** Rows are aligned a block at a time, so that a table of any length begins at once. */
const blockRowCount = 1000;

class Table {
  readonly #terminal: Terminal;
  readonly #widths = columns.map(({ title }) => title.length);
  #block: EpisodeLine[] = [];
  #hasTitle = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  add(line: EpisodeLine): void {
    this.#block.push(line);
    if (this.#block.length >= blockRowCount) this.flush();
  }

  flush(): void {
    const rows = this.#block.map((line) => ({ line, cells: columns.map(({ of }) => of(line)) }));
    this.#block = [];
    if (rows.length === 0) return;
    for (const { cells } of rows) {
      for (const [at, cell] of cells.entries()) this.#widths[at] = Math.max(this.#widths[at]!, cell.length);
    }
    const { bold, write } = this.#terminal;
    if (!this.#hasTitle) write(bold(this.#align(columns.map(({ title }) => title))));
    this.#hasTitle = true;
    for (const { line, cells } of rows) write(this.#align(cells, line));
  }

  /** A row, its reward coloured; on a screen never longer than a line, since a table that wraps is none. */
  #align(cells: readonly string[], line?: EpisodeLine): string {
    const { isScreen, width } = this.#terminal;
    const padded = cells.map((cell, at) =>
      columns[at]!.isNumber ? cell.padStart(this.#widths[at]!) : cell.padEnd(this.#widths[at]!),
    );
    const text = padded.join("  ").trimEnd();
    if (isScreen && text.length > width) return clip(text, width);
    if (line) padded[rewardColumn] = this.#paint(line)(padded[rewardColumn]!);
    return padded.join("  ").trimEnd();
  }

  #paint({ reward }: EpisodeLine): (text: string) => string {
    const { bad, good, warn } = this.#terminal;
    if (reward === null) return warn;
    if (reward === 1) return good;
    return reward === 0 ? bad : (text) => text;
  }
}

function summaryOf(tally: Tally, isShort: boolean): string {
  const { episodeCount, matchCount, shownCount, scoredCount, rewardSum, tokenCount, modes, failures } = tally;
  if (episodeCount === 0) return "no episodes yet";
  const parts = [
    matchCount === episodeCount
      ? countOf(episodeCount, "episode")
      : `${countOf(matchCount)} of ${countOf(episodeCount, "episode")}`,
  ];
  if (shownCount < matchCount)
    parts.push(`${isShort ? "the last " : ""}${shownCount} shown${isShort ? " (--all)" : ""}`);
  if (scoredCount > 0) parts.push(`mean reward ${numberOf(rewardSum / scoredCount)}`);
  if (matchCount > 0) parts.push(listCounts(modes), countOf(tokenCount, "token"));
  const failedCount = matchCount - scoredCount;
  if (failedCount > 0) parts.push(`${countOf(failedCount)} failed (${listCounts(failures)})`);
  return parts.join(" · ");
}
