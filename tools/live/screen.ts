// The screen of a run: what is known of it as lines that fit a terminal of any width.
// Pure: the same state, width and second give the same lines. At most 20 of them, the most important on top.
import { exitOptionsOf, type IterationRow, type NoticeRow } from "../../actors/index.ts";
import { fill, type Line, pad, paint, say, widthOf, wrap } from "./line.ts";
import { clock, count, counted, decimal, isMeasured, percent, points } from "./numbers.ts";
import { type LiveState, lastIteration, learnerShares, phaseOf, recentMean, timeLeft_s } from "./state.ts";
import { blocks, progress, rangeOf, type Strokes, sharesBar, sparkline } from "./strokes.ts";

export interface ScreenOptions {
  /** Seconds since the newest row. */
  sinceRow_s?: number;
  isColoured?: boolean;
  strokes?: Strokes;
}

/** Wider than this nothing is gained. */
const widest = 100;
const narrow = 56;

/** The run as lines of at most `width` columns. */
export function render(state: LiveState, width: number, options: ScreenOptions = {}): string[] {
  const { sinceRow_s = 0, isColoured = false, strokes = blocks } = options;
  const view: View = { state, width: Math.min(width, widest), sinceRow_s: state.isOver ? 0 : sinceRow_s, strokes };
  const lines = [
    title(view),
    ...progressLines(view),
    [],
    ...accuracyLines(view),
    [],
    ...flowLines(view),
    ...noticeLines(view),
    ...hintLines(view),
  ];
  return lines.map((line) => paint(line, width, isColoured));
}

interface View {
  state: LiveState;
  width: number;
  sinceRow_s: number;
  strokes: Strokes;
}

function title({ state, width }: View): Line {
  const { strategy, seed, model, problems, learner } = state.config;
  const engine =
    learner.engine === "torch" ? [] : [[say(`${learner.engine}, ${counted(learner.ranks, "rank")}`, "dim")]];
  const isTiny = model === "tiny" && problems.train === "tiny";
  const names = isTiny ? [say("tiny model, tiny equations", "dim")] : [say(`${model} on ${problems.train}`, "dim")];
  return fill([say("  "), say(strategy, "strong")], [[say(`  seed ${seed}`, "dim")], names, ...engine], width);
}

function progressLines({ state, width, sinceRow_s, strokes }: View): Line[] {
  const at = lastIteration(state)?.iteration ?? 0;
  const share = state.iterations === 0 ? 1 : at / state.iterations;
  const left_s = timeLeft_s(state);
  const elapsed = clock(state.wall_s + sinceRow_s);
  const left =
    left_s === null || at === state.iterations || state.isOver
      ? ""
      : `, about ${clock(Math.max(0, left_s - sinceRow_s))} left`;
  const words: Line[] = [
    [say(`iteration ${at}`, "strong"), say(` of ${state.iterations}`)],
    [say(`${elapsed}${left}`)],
    [say(percent(share, 0), "dim")],
  ];
  const phase: Line = [say("  "), say(phaseOf(state), state.isOver ? "strong" : "dim")];
  const room = width - widthOf(fill([say("  ")], words, width, "  ")) - 2;
  if (room < 8) return [fill([say("  ")], words, width, "  "), phase];
  const { done, left: rest } = progress(share, Math.min(40, room), strokes);
  return [fill([say("  "), say(done, "final"), say(rest, "dim"), say("  ")], words, width, "  "), phase];
}

function accuracyLines({ state, width, strokes }: View): Line[] {
  const { K } = state.config.evaluation;
  const { evaluations } = state;
  if (evaluations.length === 0) return [[say("  held-out accuracy: "), say("not measured yet", "dim")]];
  const series = [0, K].map((k) => evaluations.map(({ accuracy }) => accuracy[k] ?? Number.NaN));
  const range = rangeOf(...series);
  const isNarrow = width < narrow;
  const room = width - labelWidthAt(width) - 3 * columnWidth - 6;
  const row = (k: number, label: string, tone: "first" | "final"): Line => {
    const values = series[k === 0 ? 0 : 1]!;
    const [first, last] = [values.at(0), evaluations.length > 1 ? values.at(-1) : undefined];
    const cells: Line = [
      say("  "),
      say(pad(isNarrow ? `k=${k}` : label, labelWidthAt(width)), tone),
      say(percent(first).padStart(columnWidth)),
      say((last === undefined ? "" : percent(last)).padStart(columnWidth), "strong"),
      say((last === undefined ? "" : points(first, last)).padStart(columnWidth), difference(first, last)),
    ];
    return room < 4 || last === undefined
      ? cells
      : [...cells, say("   "), say(sparkline(values, Math.min(room, 30), strokes, range), tone)];
  };
  const head = [say("  "), say(pad(isNarrow ? "held out" : "held-out accuracy", labelWidthAt(width)))];
  const columns = ["before", phaseOf(state) === "done" ? "after" : "now", "points"].map((name) =>
    say(name.padStart(columnWidth), "dim"),
  );
  const rows = [row(0, "first answer, k=0", "first")];
  if (K > 0) rows.push(row(K, `after ${counted(K, "step")}, k=${K}`, "final"));
  return [[...head, ...columns], ...rows];
}

function difference(before: number | undefined, after: number | undefined) {
  if (!isMeasured(before) || !isMeasured(after) || before === after) return "plain";
  return after > before ? "good" : "bad";
}

function flowLines(view: View): Line[] {
  const { state } = view;
  const row = lastIteration(state);
  if (row === undefined) return [labelled(view, "learner", [[say("waits for its first batch", "dim")]])];
  return [
    rewardLine(view),
    labelled(view, "speed", [
      [say(`${count(recentMean(state, ({ samplesPerSecond }) => samplesPerSecond))} samples/s`)],
      [say(`version ${row.version}`, "dim")],
    ]),
    learnerLine(view),
    labelled(view, "groups", [
      [say(`${row.queue.runningCount} running`)],
      [say(`${row.queue.waitingCount} waiting`)],
      [say(`lag ${decimal(row.lag.mean)} mean, ${row.lag.max} max of ${state.config.training.maxLag}`)],
    ]),
    ...curriculumLines(view, row),
    ledgerLine(view, row),
  ];
}

function rewardLine(view: View): Line {
  const { state, width, strokes } = view;
  const reward = recentMean(state, ({ meanReward }) => meanReward);
  const room = width - labelWidthAt(width) - 2 - 8;
  const curve = sparkline(state.rewards, Math.min(room, 48), strokes);
  return labelled(view, "reward", [[say(decimal(reward), "strong")], ...(room < 4 ? [] : [[say(curve, "dim")]])]);
}

function learnerLine(view: View): Line {
  const shares = learnerShares(view.state);
  if (shares === null) return labelled(view, "learner", [[say("–")]]);
  const bar = sharesBar([shares.update, shares.wait, shares.publish + shares.checkpoint], barWidth(view), view.strokes);
  const words: Line[] = [
    [say(`updates ${percent(shares.update, 0)}`, "final")],
    [say(`waits ${percent(shares.wait, 0)}`, "warning")],
    [say(`gives out ${percent(shares.publish, 0)}`, "dim")],
    [say(`saves ${percent(shares.checkpoint, 0)}`, "dim")],
  ];
  const drawn: Line = [say(bar[0]!, "final"), say(bar[1]!, "warning"), say(bar[2]!, "dim")];
  return labelled(view, "learner", view.width < narrow ? words : [drawn, ...words], "  ");
}

function curriculumLines(view: View, { curriculum }: IterationRow): Line[] {
  const { config } = view.state;
  if (!exitOptionsOf(config).mechanisms.selection) {
    return [labelled(view, "draws", [[say("base tasks only: no curriculum", "dim")]])];
  }
  const { buffer } = curriculum;
  const shareOf = (mode: "base" | "improve" | "diverge") =>
    recentMean(view.state, (row) => row.curriculum.draws.modeShares[mode]);
  const shares = { base: shareOf("base"), improve: shareOf("improve"), diverge: shareOf("diverge") };
  const words: Line[] = [
    [say(`base ${percent(shares.base, 0)}`, "first")],
    [say(`improve ${percent(shares.improve, 0)}`, "final")],
    [say(`diverge ${percent(shares.diverge, 0)}`, "warning")],
  ];
  const bar = sharesBar([shares.base, shares.improve, shares.diverge], barWidth(view), view.strokes);
  const drawn: Line = [say(bar[0]!, "first"), say(bar[1]!, "final"), say(bar[2]!, "warning")];
  return [
    labelled(view, "draws", view.width < narrow ? words : [drawn, ...words], "  "),
    labelled(view, "buffer", [
      [say(`${count(buffer.size)} instances`)],
      [say(`depth ${decimal(buffer.depth)}`)],
      [say(`S ${decimal(buffer.meanScore, 3)} mean`)],
      [say(`${count(buffer.effectiveSampleSize)} in play`, "dim")],
    ]),
  ];
}

/** Every admitted episode has one end or is still under way; ends that nothing met are left out. */
function ledgerLine(view: View, { ledger }: IterationRow): Line {
  const { admitted, ...ends } = ledger;
  const open = admitted - Object.values(ends).reduce((sum, ended) => sum + ended, 0);
  const met = Object.entries(ends).filter(([end, ended]) => ended > 0 || end === "trained");
  const words = met.map(([end, ended], at) => [
    say(`${at === 0 ? "= " : "+ "}${count(ended)} ${end}`, end === "failed" && ended > 0 ? "bad" : "plain"),
  ]);
  const parts = [
    [say(`${count(admitted)} admitted`)],
    ...words,
    ...(open > 0 ? [[say(`+ ${count(open)} open`, "dim")]] : []),
  ];
  return labelled(view, "episodes", parts, " ");
}

/** Two lines: the newest notice if it needs both, else the one before it as well. */
function noticeLines({ state, width }: View): Line[] {
  const [before, newest] = [state.notices.at(-2), state.notices.at(-1)];
  if (newest === undefined) return [];
  const linesOf = ({ at_s, text }: NoticeRow): Line[] =>
    wrap(text, width - 10).map((part, at) => [
      say(`  ${pad(at === 0 ? clock(at_s) : "", 8)}`, "dim"),
      say(part, "warning"),
    ]);
  const lines = linesOf(newest);
  const first = before && lines.length === 1 ? linesOf(before).slice(0, 1) : [];
  return [[], ...first, ...lines.slice(0, 2)];
}

function hintLines({ state, width }: View): Line[] {
  if (state.isOver) return [];
  const hints = ["Ctrl-C ends it in order", "to look inside, in another terminal: iterant attach"];
  return [
    [],
    fill(
      [say("  ")],
      hints.map((hint) => [say(hint, "dim")]),
      width,
      " · ",
    ),
  ];
}

const columnWidth = 9;

function labelWidthAt(width: number): number {
  return width < narrow ? 9 : 20;
}

function barWidth({ width }: View): number {
  return width < 80 ? 8 : 16;
}

function labelled({ width }: View, label: string, parts: readonly Line[], between = "   "): Line {
  return fill([say("  "), say(pad(label, labelWidthAt(width)), "dim")], parts, width, between);
}
