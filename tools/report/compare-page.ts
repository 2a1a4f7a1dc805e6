// The comparison of runs as a page: a curve for each strategy before and after the steps, and the numbers at its ends.
import { counted, grouped, percent, points } from "../live/numbers.ts";
import type { Chart, Role } from "./charts.ts";
import { type Comparison, interpolated, type Spread, type StrategyGroup } from "./compare.ts";
import { chartPlace, documentOf } from "./document.ts";
import type { Figures, Series } from "./figures.ts";
import { type Html, html } from "./html.ts";

export function comparePageOf(comparison: Comparison, runs: readonly Figures[]): string {
  const { K, groups } = comparison;
  const charts = [chartOf(comparison, "k0", "first answers, k=0")];
  if (K > 0) charts.push(chartOf(comparison, "kK", `after ${counted(K, "self-improvement step")}, k=${K}`));
  const title = groups.map(({ strategy }) => strategy).join(" · ");
  const body = html`<main>
<header><p class="eyebrow">Iterant · comparison of ${runs.length} runs</p><h1>${title}</h1></header>
<section><h2>Held-out accuracy over samples</h2><div class="charts">${charts.map(chartPlace)}</div></section>
<section><h2>At the ends of the curves</h2>${endsTable(comparison)}</section>
<section><h2>The runs</h2>${runsTable(runs, K)}</section>
</main>`;
  return documentOf({ title: `${title} · Iterant`, body, charts });
}

/** All groups over the samples of all; between its own points a group's line is straight. */
function chartOf({ groups }: Comparison, which: "k0" | "kK", title: string): Chart {
  const x = [...new Set(groups.flatMap(({ samples }) => samples))].sort((one, other) => one - other);
  const along = ({ samples }: StrategyGroup, values: Series) => x.map((at) => interpolated(samples, values, at));
  return {
    id: which,
    title: `Held-out accuracy, ${title}`,
    note: "The mean over seeds, and from the lowest to the highest of them. Samples are episodes that have ended.",
    kind: "lines",
    x,
    xLabel: "samples",
    unit: "percent",
    range: [null, null],
    sync: "samples",
    series: groups.map((group, at) => ({
      label: group.strategy,
      role: roleOf(at),
      values: along(group, group[which].mean),
      ...(group.seeds.length > 1 ? { low: along(group, group[which].low), high: along(group, group[which].high) } : {}),
    })),
  };
}

/** Five strategies, five colours. */
export function roleOf(at: number): Role {
  return `group${((at % 5) + 1) as 1 | 2 | 3 | 4 | 5}`;
}

function endsTable({ K, groups }: Comparison): Html {
  const budgets = K > 0 ? [0, K] : [0];
  const heads = budgets.flatMap((k) => [`k=${k} before`, `k=${k} after`, "points"]);
  const cellsOf = (spread: Spread) => [
    endOf(spread, 0),
    endOf(spread, -1),
    points(spread.mean.at(0), spread.mean.at(-1)),
  ];
  return tableOf(
    ["strategy", "seeds", "samples", ...heads],
    groups.map((group) => [
      group.strategy,
      group.seeds.join(", "),
      grouped(group.samples.at(-1)),
      ...cellsOf(group.k0),
      ...(K > 0 ? cellsOf(group.kK) : []),
    ]),
  );
}

/** The mean, and below it the range if there is one. */
function endOf({ mean, low, high }: Spread, at: number): Cell {
  const [least, most] = [percent(low.at(at)), percent(high.at(at))];
  if (least === most) return percent(mean.at(at));
  return html`${percent(mean.at(at))}<br><span class="detail">${least} to ${most}</span>`;
}

function runsTable(runs: readonly Figures[], K: number): Html {
  return tableOf(
    ["run", "strategy", "seed", "iterations", "samples", "k=0", ...(K > 0 ? [`k=${K}`] : []), "end"],
    runs.map(({ name, strategy, seed, iterations, samples, evaluations, state }) => [
      name,
      strategy,
      String(seed),
      grouped(iterations),
      grouped(samples),
      percent(evaluations.k0.at(-1)),
      ...(K > 0 ? [percent(evaluations.kK.at(-1))] : []),
      state,
    ]),
  );
}

type Cell = string | Html;

function tableOf(heads: readonly string[], rows: readonly (readonly Cell[])[]): Html {
  return html`<div class="table"><table class="figures"><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map(
    ([first, ...cells]) => html`<tr><th scope="row">${first!}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`,
  )}</tbody></table></div>`;
}
