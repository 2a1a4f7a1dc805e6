// What other rules would have said, in sum: how many rewards rise and fall, the mean before and after, the largest changes.

import { countOf, numberOf, signedOf } from "./figures.ts";
import type { Rescored } from "./rescore.ts";
import type { Terminal } from "./terminal.ts";
import { oneLine } from "./text.ts";

const shownCount = 10;

export class DifferenceTable {
  readonly #changes: { id: string; task: string; before: number; after: number }[] = [];

  add({ id, task, recorded, rescored }: Rescored): void {
    if (recorded !== null && rescored !== null) this.#changes.push({ id, task, before: recorded, after: rescored });
  }

  /** Of the episodes that have a reward by either rules; nothing where there is none. */
  show(title: string, { write, bold, good, bad, dim }: Terminal): void {
    const all = this.#changes.map((change) => ({ ...change, by: change.after - change.before }));
    if (all.length === 0) return;
    const tolerance = 1e-9;
    const up = all.filter(({ by }) => by > tolerance).length;
    const down = all.filter(({ by }) => by < -tolerance).length;
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const means = [mean(all.map(({ before }) => before)), mean(all.map(({ after }) => after))] as const;
    write(bold(title));
    write(
      `  unchanged ${countOf(all.length - up - down)} · up ${countOf(up)} · down ${countOf(down)} · ` +
        `mean ${numberOf(means[0], 4)} before, ${numberOf(means[1], 4)} after (${signedOf(means[1] - means[0], 4)})`,
    );
    const largest = all
      .filter(({ by }) => Math.abs(by) > tolerance)
      .sort((one, other) => Math.abs(other.by) - Math.abs(one.by))
      .slice(0, shownCount);
    const width = Math.max(0, ...largest.map(({ id }) => oneLine(id).length));
    for (const { id, task, before, after, by } of largest) {
      const paint = by > 0 ? good : bad;
      const change = `${numberOf(before, 4)} → ${numberOf(after, 4)}`;
      write(`  ${oneLine(id).padEnd(width)}  ${paint(signedOf(by, 4).padStart(7))}  ${change}  ${dim(oneLine(task))}`);
    }
    const leftCount = up + down - largest.length;
    if (leftCount > 0) write(dim(`  and ${countOf(leftCount)} more; all of them: --json`));
  }
}
