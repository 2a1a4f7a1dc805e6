// The comparison as a picture that stands alone, for a README: lines and bands, readable by day and by night.
// Pure. Draws what compare-page draws, without a script.
import { counted } from "../live/numbers.ts";
import type { Comparison, Spread, StrategyGroup } from "./compare.ts";
import type { Series } from "./figures.ts";
import { Html, html } from "./html.ts";

const size = { width: 860, height: 340 };
const plot = { top: 64, bottom: 48, left: 54, right: 16, gap: 40 };

/** By day, and by night; the same as in page/page.css. */
const colours = [
  ["#2f6fde", "#6ea3ff"],
  ["#d9822b", "#f0a350"],
  ["#0f9d6b", "#3fce9a"],
  ["#a04fc4", "#c98be6"],
  ["#c0392b", "#ff7b6b"],
] as const;

interface Panel {
  title: string;
  of: (group: StrategyGroup) => Spread;
}

interface Scale {
  low: number;
  high: number;
  ticks: number[];
}

export function comparisonSvg({ K, groups }: Comparison): string {
  const panels: Panel[] = [{ title: "first answer (k=0)", of: ({ k0 }) => k0 }];
  if (K > 0) panels.push({ title: `after ${counted(K, "self-improvement step")} (k=${K})`, of: ({ kK }) => kK });
  const shown = groups.flatMap((group) => panels.flatMap(({ of }) => [...of(group).low, ...of(group).high]));
  const values = shown.filter((value) => value !== null);
  const y = scaleOf(Math.min(...values), Math.max(...values), 5);
  const x = scaleOf(0, Math.max(1, ...groups.flatMap(({ samples }) => samples)), 4);
  const description = groups.map(({ strategy, seeds }) => `${strategy} (${seeds.length} seeds)`).join(" and ");
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" role="img" aria-label="Held-out accuracy over samples: ${description}">
<style>${new Html(styles())}</style>
${legendOf(groups)}
${panels.map((panel, at) => panelOf(panel, groups, { x, y }, frameOf(at, panels.length)))}
</svg>
`.text;
}

interface Frame {
  left: number;
  width: number;
  isFirst: boolean;
}

function frameOf(at: number, panelCount: number): Frame {
  const room = size.width - plot.left - plot.right - plot.gap * (panelCount - 1);
  const width = room / panelCount;
  return { left: plot.left + at * (width + plot.gap), width, isFirst: at === 0 };
}

function panelOf(
  { title, of }: Panel,
  groups: readonly StrategyGroup[],
  { x, y }: { x: Scale; y: Scale },
  { left, width, isFirst }: Frame,
): Html {
  const bottom = size.height - plot.bottom;
  const xOf = (value: number) => round(left + ((value - x.low) / (x.high - x.low)) * width);
  const yOf = (value: number) => round(bottom - ((value - y.low) / (y.high - y.low)) * (bottom - plot.top));
  const pathOf = (samples: readonly number[], along: Series) =>
    samples.flatMap((at, index) => (along[index] === null ? [] : [`${xOf(at)} ${yOf(along[index]!)}`])).join(" L");
  return html`<g>
<text class="title" x="${left}" y="${plot.top - 14}">${title}</text>
${y.ticks.map(
  (tick) =>
    html`<line class="grid" x1="${left}" x2="${round(left + width)}" y1="${yOf(tick)}" y2="${yOf(tick)}"/>${
      isFirst
        ? html`<text class="tick" text-anchor="end" x="${left - 8}" y="${yOf(tick) + 4}">${Math.round(100 * tick)} %</text>`
        : []
    }`,
)}
${x.ticks.map((tick) => html`<text class="tick" text-anchor="middle" x="${xOf(tick)}" y="${bottom + 18}">${thousands(tick)}</text>`)}
<text class="tick" text-anchor="middle" x="${round(left + width / 2)}" y="${size.height - 10}">samples</text>
${groups.map((group, at) => {
  const { low, high } = of(group);
  const back = [...group.samples].reverse();
  return group.seeds.length < 2
    ? html``
    : html`<path class="band c${at}" d="M${pathOf(group.samples, high)} L${pathOf(back, [...low].reverse())} Z"/>`;
})}
${groups.map((group, at) => html`<path class="line c${at}" d="M${pathOf(group.samples, of(group).mean)}"/>`)}
</g>`;
}

function legendOf(groups: readonly StrategyGroup[]): Html {
  let x = plot.left;
  return html`<g>${groups.map(({ strategy, seeds }, at) => {
    const label = seeds.length > 1 ? `${strategy} (${seeds.length} seeds)` : strategy;
    const from = x;
    x += 40 + label.length * 7.2;
    return html`<path class="line c${at}" d="M${round(from)} 20 h20"/><text class="label" x="${round(from + 26)}" y="24">${label}</text>`;
  })}</g>`;
}

function styles(): string {
  const of = (night: 0 | 1) =>
    colours.map((pair, at) => `.line.c${at}{stroke:${pair[night]}}.band.c${at}{fill:${pair[night]}}`).join("");
  return [
    "text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:#1d1f22}",
    ".title{font-weight:600}.tick{font-size:12px;fill:#6b7076}",
    ".grid{stroke:#d9d9d4;stroke-width:1}.line{fill:none;stroke-width:2.25;stroke-linejoin:round}.band{opacity:.16}",
    of(0),
    `@media(prefers-color-scheme:dark){text{fill:#e6e8ea}.tick{fill:#969da5}.grid{stroke:#343a41}${of(1)}}`,
  ].join("");
}

/** Round steps of 1, 2 or 5 that cover the values with about so many ticks. */
export function scaleOf(lowest: number, highest: number, tickCount: number): Scale {
  const span = Math.max(highest - lowest, 1e-9);
  const power = 10 ** Math.floor(Math.log10(span / tickCount));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => span / candidate <= tickCount)!;
  const [low, high] = [Math.floor(lowest / step + 1e-9) * step, Math.ceil(highest / step - 1e-9) * step];
  const top = high > low ? high : low + step;
  const ticks = Array.from({ length: Math.round((top - low) / step) + 1 }, (_, at) => low + at * step);
  return { low, high: top, ticks };
}

function thousands(value: number): string {
  return value >= 1000 ? `${Number((value / 1000).toPrecision(3))}k` : String(value);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
