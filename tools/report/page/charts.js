// Draws the charts of a page from the data that stands in it. Runs in a browser, knows uPlot and the roles of page.css.
// Colours are asked for at every drawing, so that a page follows its reader from day to night.
const uPlot = globalThis.uPlot;
const charts = JSON.parse(document.getElementById("charts-data").textContent);
const height = 230;

const colourOf = (role, share = 100) => {
  const colour = getComputedStyle(document.documentElement).getPropertyValue(`--${role}`).trim();
  return share === 100 ? colour : `color-mix(in srgb, ${colour} ${share}%, transparent)`;
};

const write = {
  percent: (value) => `${(100 * value).toFixed(1)} %`,
  number: (value) => String(Number(value.toPrecision(4))),
};

/** Axis numbers: no more digits than the step between them asks for. */
const ticks = {
  percent: (_, values) => values.map((value) => `${Number((100 * value).toFixed(2))} %`),
  number: (_, values) => values.map((value) => String(Number(value.toPrecision(6)))),
};

function axis(values) {
  return {
    stroke: () => colourOf("text-quiet"),
    grid: { stroke: () => colourOf("grid"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
    size: 30,
    gap: 6,
    ...(values === undefined ? {} : { values }),
  };
}

/** Data and series as uPlot takes them: lines, each with the edges of its range and a band between them. */
function lines({ series, unit, x }) {
  const data = [x];
  const drawn = [{}];
  const bands = [];
  for (const { label, values, role, style, low, high } of series) {
    data.push(values);
    drawn.push({
      label,
      value: legendOf(values, unit),
      stroke: () => colourOf(role, style === "faint" ? 45 : 100),
      width: style === "faint" ? 1 : 2,
      dash: style === "dashed" ? [5, 4] : undefined,
      points: { show: style !== "faint" && x.length <= 40, size: 6, fill: () => colourOf(role) },
      spanGaps: true,
    });
    if (low === undefined) continue;
    for (const edge of [high, low]) {
      data.push(edge);
      drawn.push({
        label: "",
        class: "edge",
        stroke: "transparent",
        width: 0,
        points: { show: false },
        spanGaps: true,
      });
    }
    bands.push({ series: [drawn.length - 2, drawn.length - 1], fill: () => colourOf(role, 16) });
  }
  return { data, drawn, bands };
}

/** Parts upon each other: each is drawn as the sum of all from the bottom up to it, and filled down to the one below. */
function stack({ series, unit, x }) {
  const sums = [];
  for (const { values } of series) {
    sums.push(values.map((value, at) => (value === null ? null : value + (sums.at(-1)?.[at] ?? 0))));
  }
  const topFirst = series.map((part, at) => ({ ...part, sum: sums[at] })).reverse();
  return {
    data: [x, ...topFirst.map(({ sum }) => sum)],
    drawn: [
      {},
      ...topFirst.map(({ label, values, role }, at) => ({
        label,
        value: legendOf(values, unit),
        stroke: () => colourOf(role),
        width: 0,
        fill: at === topFirst.length - 1 ? () => colourOf(role, 85) : undefined,
        points: { show: false },
      })),
    ],
    bands: topFirst.slice(0, -1).map(({ role }, at) => ({ series: [at + 1, at + 2], fill: () => colourOf(role, 85) })),
  };
}

function legendOf(values, unit) {
  return (_u, _v, _s, index) => (index === null || (values[index] ?? null) === null ? "–" : write[unit](values[index]));
}

/** A tenth of room on both sides, within what the unit allows. */
function rangeOf({ unit, range }) {
  const [lowest, highest] = range;
  return (_u, low, high) => {
    const room = Math.max((high - low) * 0.1, unit === "percent" ? 0.02 : 1e-6);
    const [from, to] = [low - room, high + room];
    return [
      lowest ?? (unit === "percent" ? Math.max(0, from) : from),
      highest ?? (unit === "percent" ? Math.min(1, to) : to),
    ];
  };
}

function draw(chart) {
  const place = document.querySelector(`#chart-${chart.id} .plot`);
  const { data, drawn, bands } = (chart.kind === "stack" ? stack : lines)(chart);
  drawn[0] = { label: chart.xLabel };
  const newest = chart.x.length - 1;
  const showNewest = (u) => {
    if ((u.cursor.idx ?? null) === null) u.setLegend({ idx: newest }, false);
  };
  const width = () => Math.max(200, Math.floor(place.clientWidth));
  const plot = new uPlot(
    {
      width: width(),
      height,
      series: drawn,
      bands,
      scales: { x: { time: false }, y: { range: rangeOf(chart) } },
      axes: [
        { ...axis(), space: 60, incrs: wholeSteps },
        { ...axis(ticks[chart.unit]), size: 52 },
      ],
      cursor: { ...(chart.sync === null ? {} : { sync: { key: chart.sync, setSeries: false } }), points: { size: 7 } },
      hooks: { ready: [showNewest], setCursor: [showNewest] },
      legend: { markers: { width: 0, fill: (u, at) => u.series[at].stroke?.(u, at) ?? "transparent" } },
    },
    data,
    place,
  );
  new ResizeObserver(() => {
    if (width() !== plot.width) plot.setSize({ width: width(), height });
  }).observe(place);
  return plot;
}

/** Iterations and steps are whole. */
const wholeSteps = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

const plots = charts.map(draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const plot of plots) {
    plot.redraw(false);
    plot.root.querySelectorAll(".u-series:not(:first-child)").forEach((row, at) => {
      const marker = row.querySelector(".u-marker");
      if (marker) marker.style.background = plot.series[at + 1].stroke(plot, at + 1);
    });
  }
});
/** For whoever looks into the page: the plots by the ids of their charts. */
globalThis.iterantPlots = Object.fromEntries(charts.map(({ id }, at) => [id, plots[at]]));
