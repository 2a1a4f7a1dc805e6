// `iterant replay RUN ID`: one episode as a person reads it, from its task to its advantage.
// Draws what view.ts found out; everything that a model or a task wrote is made harmless first.
import { type RecordedEpisode, startTurn, type Turn } from "../../actors/index.ts";
import type { Message } from "../../envs/index.ts";
import { drawColumns } from "./columns.ts";
import { factsOf } from "./facts.ts";
import { countOf, numberOf, signedOf } from "./figures.ts";
import { versionsOf } from "./list.ts";
import type { Terminal } from "./terminal.ts";
import { clip, harmless, oneLine, wrap } from "./text.ts";
import type { EpisodeView } from "./view.ts";

/** The whole page. */
export function showEpisode(view: EpisodeView, terminal: Terminal): void {
  showHead(view, terminal);
  showTask(view, terminal);
  showOpening(view, terminal);
  showTurns(view, terminal);
  showIterates(view, terminal);
  showOutcome(view, terminal);
  showGroup(view, terminal);
  showDescendants(view, terminal);
}

function showHead({ line, group }: EpisodeView, terminal: Terminal): void {
  const { iteration, draw, life, atMs } = group;
  const facts = [
    `iteration ${iteration}`,
    draw.mode,
    `depth ${line.depth}`,
    ...(life > 0 ? [`life ${life}`] : []),
    new Date(atMs).toISOString().slice(0, 19).replace("T", " "),
  ];
  const id = oneLine(line.id);
  sentence(`${id}  ${facts.join(" · ")}`, terminal, { lead: id, paint: terminal.bold });
}

function showTask({ group }: EpisodeView, terminal: Terminal): void {
  const { id, problem, answer } = group.task;
  title(`task ${oneLine(id)}`, terminal);
  if (typeof problem === "string") paragraph(problem, terminal);
  if (typeof answer === "string") {
    sentence(`gold ${oneLine(answer)}`, terminal, { lead: "gold", paint: terminal.dim, indent: 2 });
  }
}

function showOpening({ group, episode }: EpisodeView, terminal: Terminal): void {
  const promptIds = group.prompts[episode.promptHash];
  title(`shown to the policy${promptIds ? ` (${countOf(promptIds.length, "token")})` : ""}`, terminal);
  for (const message of group.opening) showMessage(message, terminal);
}

function showTurns({ folder, episode }: EpisodeView, terminal: Terminal): void {
  for (const [at, { response, observation, feedback, start, end }] of episode.turns.entries()) {
    title(`turn ${at + 1} (${countOf(end - start, "token")})`, terminal);
    paragraph(response, terminal);
    for (const message of observation ?? []) showMessage(message, terminal);
    if (feedback !== undefined && feedback !== null) labelled("feedback", feedback, terminal);
    const step = episode.steps?.[at];
    for (const fact of step ? factsOf(step, folder) : []) remark(oneLine(fact), terminal, 2);
  }
  if (episode.turns.length === 0) title("no turn was played", terminal);
}

/** The iterate that was to be bettered beside what became of it. */
function showIterates({ group, episode, ancestors, line }: EpisodeView, terminal: Terminal): void {
  const { mode, instance } = group.draw;
  const parent: Turn | undefined = instance.turns.at(-1);
  const child = episode.turns[0];
  if (mode === "base" || parent === undefined || child === undefined) return;
  const word = mode === "improve" ? "improved" : "diverged from";
  title(`what was ${word}`, terminal);
  const [nearest] = ancestors;
  const titles = {
    left: `${nearest ? oneLine(nearest.id) : "parent, not recorded"} · depth ${instance.depth}`,
    right: `${oneLine(line.id)} · depth ${line.depth}`,
  };
  const texts = { left: harmless(parent.response), right: harmless(child.response) };
  for (const { kind, text } of drawColumns(texts, titles, terminal.width - 2)) {
    const paint = kind === "title" ? terminal.bold : kind === "same" ? terminal.dim : (plain: string) => plain;
    terminal.write(`  ${paint(text)}`);
  }
  const quality = instance.prevQuality === null ? "" : `, quality ${numberOf(instance.prevQuality)} before`;
  if (ancestors.length > 0) {
    const chain = ancestors.map(({ id, reward }) => `${oneLine(id)} (${reward === null ? "-" : numberOf(reward)})`);
    remark(`grown from ${chain.join(" ← ")}${quality}`, terminal, 2);
  } else if (quality !== "") remark(`its parent's${quality.slice(1)}`, terminal, 2);
}

function showOutcome({ episode, credit, line }: EpisodeView, terminal: Terminal): void {
  const { generateMs, worldMs } = episode;
  terminal.write("");
  showReward(episode, terminal);
  if (credit?.isMasked[line.at]) remark("masked: a response that was cut off carries no gradient here", terminal);
  const took = `${(generateMs / 1000).toFixed(1)} s of sampling, ${Math.round(worldMs)} ms of the world`;
  remark(`${countOf(line.tokenCount, "token")} sampled by version ${versionsOf(line.versions)}, ${took}`, terminal);
}

function showReward({ reward, quality, advantage, finish, failure }: RecordedEpisode, terminal: Terminal): void {
  const { bold, good, bad, warn } = terminal;
  if (reward === null) {
    const why = failure === null ? "" : `  ${oneLine(failure.cause)}: ${oneLine(failure.message)}`;
    sentence(`not scored${why}`, terminal, { lead: "not scored", paint: warn });
    return;
  }
  const lead = `reward ${numberOf(reward)}`;
  const facts = [
    lead,
    ...(quality === null || quality === reward ? [] : [`quality ${numberOf(quality)}`]),
    `advantage ${signedOf(advantage)}`,
    finish === "length" ? "cut off by the token limit" : `ended by ${finish}`,
  ];
  sentence(facts.join(" · "), terminal, { lead, paint: reward === 1 ? good : reward === 0 ? bad : bold });
}

function showGroup({ group, credit, line }: EpisodeView, terminal: Terminal): void {
  title(`group ${oneLine(group.groupId)} (${countOf(group.episodes.length, "episode")})`, terminal);
  if (credit) sentence(creditOf(credit), terminal, { indent: 2 });
  const start = startTurn(group.draw.instance);
  if (start > 0) {
    const { score } = group.draw.instance;
    const before = score === null ? "" : `, S ${numberOf(score, 4)} when it was drawn`;
    remark(`started at turn ${start} of instance ${group.draw.instance.key.slice(0, 8)}${before}`, terminal, 2);
  }
  for (const [at, sibling] of group.episodes.entries()) {
    const mark = at === line.at ? "▸" : " ";
    const reward = sibling.reward === null ? "-" : numberOf(sibling.reward);
    const said = sibling.failure?.cause ?? sibling.turns.at(-1)?.response.trim().split("\n").at(-1) ?? "";
    const cells = `${mark} ${oneLine(sibling.id)}  ${reward.padStart(5)}  ${signedOf(sibling.advantage).padStart(7)}`;
    terminal.write(`  ${clip(`${cells}  ${oneLine(said)}`, terminal.width - 2)}`);
  }
}

function showDescendants({ descendants }: EpisodeView, terminal: Terminal): void {
  if (descendants.length === 0) return;
  title("grown from this episode", terminal);
  for (const { groupId, iteration, mode, rewards } of descendants) {
    const got = rewards.map((reward) => (reward === null ? "-" : numberOf(reward))).join(" ");
    sentence(`${oneLine(groupId)}  iteration ${iteration} · ${mode} · rewards ${got}`, terminal, { indent: 2 });
  }
}

function creditOf({ score, verdict, meanReward }: NonNullable<EpisodeView["credit"]>): string {
  const fate = verdict.kind === "filtered" ? `not trained on: ${verdict.cause}` : verdict.kind;
  if (score === null || meanReward === null) return `S unknown · ${fate}`;
  return `S ${numberOf(score, 4)} · mean reward ${numberOf(meanReward)} · ${fate}`;
}

// --- pieces -------------------------------------------------------------------------------------------------------

function title(text: string, { bold, write, width }: Terminal): void {
  write("");
  for (const line of wrap(text, width)) write(bold(line));
}

interface SentenceOptions {
  /** What it begins with, painted. */
  lead?: string;
  paint?: (text: string) => string;
  indent?: number;
}

function sentence(text: string, { width, write }: Terminal, options: SentenceOptions = {}): void {
  const { lead = "", paint = (plain) => plain, indent = 0 } = options;
  for (const [at, line] of wrap(text, width - indent).entries()) {
    const isLed = at === 0 && line.startsWith(lead);
    write(" ".repeat(indent) + (isLed ? paint(lead) + line.slice(lead.length) : line));
  }
}

/** A sentence of lesser weight. */
function remark(text: string, { width, write, dim }: Terminal, indent = 0): void {
  for (const line of wrap(text, width - indent)) write(" ".repeat(indent) + dim(line));
}

function showMessage({ role, content }: Message, terminal: Terminal): void {
  labelled(role, content, terminal);
}

function labelled(label: string, text: string, terminal: Terminal): void {
  terminal.write(`  ${terminal.dim(oneLine(label))}`);
  paragraph(text, terminal, 4);
}

function paragraph(text: string, { width, write }: Terminal, indent = 2): void {
  for (const line of wrap(harmless(text).trimEnd(), width - indent)) write(`${" ".repeat(indent)}${line}`.trimEnd());
}
