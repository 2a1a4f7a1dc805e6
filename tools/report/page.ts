// The report of one run as a page. Knows figures, charts and episodes; what a browser does with them is page/.
// A run that lacks evaluations, episodes or an end still has a report: each section says what is missing and why.
import {
  count,
  counted,
  decimal,
  grouped,
  isMeasured,
  clock as lasting,
  percent,
  points,
  unmeasured,
} from "../live/numbers.ts";
import { type Chart, type ChartSection, chartsOf } from "./charts.ts";
import { chartPlace, documentOf } from "./document.ts";
import type { EpisodePair } from "./episodes.ts";
import { type BeforeAfter, type Figures, figuresOf } from "./figures.ts";
import { type Html, html, nothing } from "./html.ts";
import type { ProblemText } from "./problem-texts.ts";
import type { RunRecords } from "./records.ts";

export interface PageContent {
  records: RunRecords;
  pairs: readonly EpisodePair[];
  problems: ReadonlyMap<string, ProblemText>;
}

export function pageOf({ records, pairs, problems }: PageContent): string {
  const figures = figuresOf(records);
  const charts = chartsOf(figures);
  const body = html`<main>
${headerOf(records, figures)}
${keyFigures(figures)}
${section("Held-out accuracy", charts.accuracy, "No evaluation has been recorded: the run ended before its first one was done.")}
${episodesSection(pairs, problems, figures)}
${section("Training", charts.training, "No iteration has been recorded: the run ended before its first update.")}
${section("Curriculum", charts.curriculum, whyNoCurriculum(figures))}
${asynchronySection(figures, charts.asynchrony)}
${noticesSection(records)}
${configurationSection(records)}
</main>`;
  const all = (Object.keys(charts) as ChartSection[]).flatMap((name) => charts[name]);
  return documentOf({ title: `${figures.name} · Iterant`, body, charts: all });
}

function headerOf({ config, machine, begunAt }: RunRecords, figures: Figures): Html {
  const isTiny = config.model === "tiny" && config.problems.train === "tiny";
  const facts: [string, string][] = [
    ["strategy", figures.strategy],
    ["seed", String(figures.seed)],
    ["model", isTiny ? "tiny, on tiny equations" : `${config.model}, on ${config.problems.train}`],
    [
      "learner",
      config.learner.engine === "torch" ? "torch" : `${config.learner.engine}, ${config.learner.ranks} ranks`,
    ],
    ["begun", `${begunAt.toISOString().slice(0, 16).replace("T", " ")} UTC`],
    ["machine", machine === undefined ? "not recorded" : `${machine.description}, Node ${machine.node}`],
  ];
  return html`<header>
<p class="eyebrow">Iterant · report of a run</p>
<h1>${figures.name} <span class="state ${figures.state === "finished" ? "good" : "open"}">${stateOf(figures)}</span></h1>
<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</header>`;
}

function stateOf({ state, iterations, plannedIterations }: Figures): string {
  const at = `iteration ${iterations} of ${plannedIterations}`;
  switch (state) {
    case "finished":
      return "finished";
    case "ended early":
      return `ended early, at ${at}`;
    case "no end recorded":
      return `no end recorded, at ${at}`;
  }
}

function keyFigures(figures: Figures): Html {
  const { accuracy, K, wall_s, lag, learnerTime_s, meanReward } = figures;
  const loop_s = Object.values(learnerTime_s).reduce((sum, seconds) => sum + seconds, 0);
  const tiles: [label: string, value: string, detail: string][] = [
    ["mean reward", change(meanReward, (value) => decimal(value)), "first and last tenth of the iterations"],
    ["iterations", grouped(figures.iterations), `${grouped(figures.version)} updates of the weights`],
    ["samples", grouped(figures.samples), `${decimal(figures.samplesPerSecond, 1)} a second`],
    [
      "time",
      lasting(wall_s),
      figures.firstUpdate_s === null ? "" : `first update after ${decimal(figures.firstUpdate_s, 1)} s`,
    ],
    ["policy lag", decimal(lag.mean), `mean, in versions; ${count(lag.max)} at most`],
    ["learner busy", loop_s > 0 ? percent(learnerTime_s.update / loop_s, 0) : unmeasured, "of its time in updates"],
  ];
  return html`<section class="key">
${accuracyCard("first answer", 0, accuracy.k0, "first")}
${K > 0 ? accuracyCard(`after ${counted(K, "step")}`, K, accuracy.kK, "final") : nothing}
<dl class="tiles">${tiles.map(
    ([label, value, detail]) => html`<div><dt>${label}</dt><dd>${value}</dd><dd class="detail">${detail}</dd></div>`,
  )}</dl>
</section>`;
}

function accuracyCard(label: string, k: number, { before, after }: BeforeAfter, role: string): Html {
  const isUp = isMeasured(before) && isMeasured(after) && after >= before;
  const difference =
    after === null ? nothing : html`<p class="difference ${isUp ? "good" : "bad"}">${points(before, after)} points</p>`;
  return html`<div class="card ${role}">
<p class="label">held-out accuracy, ${label} <span class="k">k=${k}</span></p>
<p class="big">${after === null ? html`<span>${percent(before)}</span>` : html`<span class="from">${percent(before)} →</span> <span>${percent(after)}</span>`}</p>
${difference}
</div>`;
}

function change({ before, after }: BeforeAfter, write: (value: number | null) => string): string {
  return after === null ? write(before) : `${write(before)} → ${write(after)}`;
}

function section(title: string, charts: readonly Chart[], missing: string): Html {
  const content =
    charts.length === 0
      ? html`<p class="missing">${missing}</p>`
      : html`<div class="charts">${charts.map(chartPlace)}</div>`;
  return html`<section><h2>${title}</h2>${content}</section>`;
}

function whyNoCurriculum({ hasCurriculum }: Figures): string {
  return hasCurriculum
    ? "No iteration has been recorded: the run ended before its first update."
    : "This run has no curriculum: every prompt is a base task.";
}

function asynchronySection(figures: Figures, charts: readonly Chart[]): Html {
  return html`<section><h2>Asynchrony</h2>
${charts.length === 0 ? html`<p class="missing">No iteration has been recorded.</p>` : html`<div class="charts">${charts.map(chartPlace)}</div>`}
${ledgerOf(figures)}</section>`;
}

/** Every admitted episode has one end; together they are the bar. */
function ledgerOf({ ledger }: Figures): Html {
  if (ledger === null || ledger.admitted === 0) return nothing;
  const ends = (["trained", "filtered", "stale", "failed", "cancelled", "open"] as const)
    .map((end) => ({ end, episodes: ledger[end] }))
    .filter(({ end, episodes }) => episodes > 0 || end === "trained");
  let at = 0;
  const bars = ends.map(({ end, episodes }) => {
    const width = (1000 * episodes) / ledger.admitted;
    at += width;
    return html`<rect class="end-${end}" x="${(at - width).toFixed(2)}" y="0" width="${width.toFixed(2)}" height="24"></rect>`;
  });
  return html`<figure class="chart ledger" id="chart-ledger">
<figcaption><h3>The ledger: what became of ${grouped(ledger.admitted)} episodes</h3>
<p>Each admitted episode ends exactly once. Filtered are groups whose rewards were all alike: they carry no gradient.</p></figcaption>
<svg viewBox="0 0 1000 24" preserveAspectRatio="none" role="img" aria-label="ends of episodes">${bars}</svg>
<ul class="legend">${ends.map(
    ({ end, episodes }) =>
      html`<li><span class="swatch end-${end}"></span>${end === "open" ? "under way" : end} <b>${grouped(episodes)}</b> <span class="detail">${percent(episodes / ledger.admitted)}</span></li>`,
  )}</ul>
</figure>`;
}

function episodesSection(pairs: readonly EpisodePair[], problems: PageContent["problems"], figures: Figures): Html {
  const { firstIteration, lastIteration } = figures.steps;
  const content =
    pairs.length === 0
      ? html`<p class="missing">There are no two evaluations with answers to compare.</p>`
      : html`<p class="lead">The same questions with the same random draws, put to the policy of iteration ${firstIteration}
and to that of iteration ${lastIteration}. Each answer below the first was given after the one above it was shown and a better one
was asked for.</p>
${pairs.map((pair) => episodeOf(pair, problems.get(pair.task), figures))}`;
  return html`<section><h2>Three problems, before and after</h2>${content}</section>`;
}

function episodeOf(
  { task, before, after, change: gained }: EpisodePair,
  text: ProblemText | undefined,
  { steps }: Figures,
): Html {
  const verdict = gained > 0 ? ["good", "better"] : gained < 0 ? ["bad", "worse"] : ["", "unchanged"];
  const problem =
    text === undefined
      ? html`<p class="problem">problem ${task}</p>`
      : html`<p class="problem">${shortened(text.problem)}</p>`;

  const gold = text === undefined ? nothing : html`<p class="detail">${task} · answer <code>${text.answer}</code></p>`;
  return html`<article class="episode">
<header><div>${problem}${gold}</div><span class="verdict ${verdict[0]!}">${verdict[1]!}</span></header>
<div class="sides">
${chainOf(`before, iteration ${steps.firstIteration}`, before)}
${chainOf(`after, iteration ${steps.lastIteration}`, after)}
</div>
</article>`;
}

function chainOf(title: string, { responses, scores }: EpisodePair["before"]): Html {
  return html`<div class="chain"><h3>${title}</h3><ol>${responses.map((response, k) => {
    const isSame = k > 0 && response === responses[k - 1];
    const mark = markOf(scores[k] ?? null);
    return html`<li class="${mark.role}"><span class="k">k=${k}</span><span class="mark" title="${mark.word}" aria-label="${mark.word}">${mark.sign}</span>${
      isSame ? html`<span class="same">the same again</span>` : html`<pre>${shortened(response)}</pre>`
    }</li>`;
  })}</ol></div>`;
}

function markOf(score: number | null): { role: string; sign: string; word: string } {
  if (score === null) return { role: "unscored", sign: "?", word: "could not be scored" };
  if (score >= 0.5) return { role: "right", sign: "✓", word: "right" };
  return { role: "wrong", sign: "✗", word: "wrong" };
}

const longest = 4000;

/** A response of many pages would bury the report; the whole of it stands in evaluations.jsonl. */
function shortened(text: string): string {
  return text.length <= longest
    ? text
    : `${text.slice(0, longest)} … (${grouped(text.length - longest)} characters more)`;
}

function noticesSection({ notices }: RunRecords): Html {
  if (notices.length === 0) return nothing;
  return html`<section><h2>What happened on the way</h2><ul class="notices">${notices.map(
    ({ at_s, text }) => html`<li><span class="detail">${lasting(at_s)}</span> ${text}</li>`,
  )}</ul></section>`;
}

function configurationSection({ config }: RunRecords): Html {
  return html`<section><details><summary><h2>Configuration, every key of it</h2></summary><pre class="configuration">${JSON.stringify(config, null, 2)}</pre></details></section>`;
}
