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

/** Data and series as uPlot takes them: a stack is drawn as sums from the bottom, a range as two edges and a band. */
function layers({ kind, series, unit, x }) {
  const data = [x];
  const drawn = [{}];
  const bands = [];
  let below = x.map(() => 0);
  for (const { label, values, role, style, low, high } of series) {
    const isStacked = kind === "stack";
    const value = (_u, _v, _s, index) => (index === null || values[index] === null ? "–" : write[unit](values[index]));
    if (isStacked) below = below.map((sum, at) => (values[at] === null ? null : sum + values[at]));
    data.push(isStacked ? below : values);
    drawn.push({
      label,
      value,
      stroke: () => colourOf(role, style === "faint" ? 45 : 100),
      width: style === "faint" || isStacked ? 1 : 2,
      ...(style === "dashed" ? { dash: [5, 4] } : {}),
      ...(isStacked ? { fill: () => colourOf(role, 75) } : {}),
      points: { show: !isStacked && style !== "faint" && x.length <= 40, size: 6, fill: () => colourOf(role) },
      spanGaps: true,
    });
    if (low !== undefined) {
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
      bands.push({ series: [drawn.length - 2, drawn.length - 1], fill: () => colourOf(role, 18) });
    }
  }
  if (kind === "stack") {
    // The sum of all is drawn first and the lowest last, each down to the axis and over the one before.
    const order = drawn
      .slice(1)
      .map((_, at) => at + 1)
      .reverse();
    return { data: [x, ...order.map((at) => data[at])], drawn: [{}, ...order.map((at) => drawn[at])], bands };
  }
  return { data, drawn, bands };
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
  const { data, drawn, bands } = layers(chart);
  drawn[0] = { label: chart.xLabel };
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
