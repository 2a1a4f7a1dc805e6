// `iterant replay RUN ID`: one episode as a person reads it, from its task to its advantage.
// Draws what view.ts found out; everything that a model or a task wrote is made harmless first.
import { startTurn, type Turn } from "../../actors/index.ts";
import type { Message } from "../../envs/index.ts";
import { drawColumns } from "./columns.ts";
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
}

function showHead({ line, group }: EpisodeView, { bold, write }: Terminal): void {
  const { iteration, draw, life, atMs } = group;
  const facts = [
    `iteration ${iteration}`,
    draw.mode,
    `depth ${line.depth}`,
    ...(life > 0 ? [`life ${life}`] : []),
    new Date(atMs).toISOString().slice(0, 19).replace("T", " "),
  ];
  write(`${bold(oneLine(line.id))}  ${facts.join(" · ")}`);
}

function showTask({ group }: EpisodeView, terminal: Terminal): void {
  const { id, problem, answer } = group.task;
  title(`task ${oneLine(id)}`, terminal);
  if (typeof problem === "string") paragraph(problem, terminal);
  if (typeof answer === "string") terminal.write(`  ${terminal.dim("gold")} ${oneLine(answer)}`);
}

function showOpening({ group, episode }: EpisodeView, terminal: Terminal): void {
  const promptIds = group.prompts[episode.promptHash];
  title(`shown to the policy${promptIds ? ` (${countOf(promptIds.length, "token")})` : ""}`, terminal);
  for (const message of group.opening) showMessage(message, terminal);
}

function showTurns({ episode }: EpisodeView, terminal: Terminal): void {
  for (const [at, { response, observation, feedback, start, end }] of episode.turns.entries()) {
    title(`turn ${at + 1} (${countOf(end - start, "token")})`, terminal);
    paragraph(response, terminal);
    for (const message of observation ?? []) showMessage(message, terminal);
    if (feedback !== undefined && feedback !== null) labelled("feedback", feedback, terminal);
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
    terminal.write(`  ${terminal.dim(`grown from ${chain.join(" ← ")}${quality}`)}`);
  } else if (quality !== "") terminal.write(`  ${terminal.dim(`its parent's${quality.slice(1)}`)}`);
}

function showOutcome({ episode, credit, line }: EpisodeView, terminal: Terminal): void {
  const { reward, quality, advantage, finish, failure, generateMs, worldMs } = episode;
  const { bold, dim, good, bad, warn } = terminal;
  terminal.write("");
  if (failure !== null) {
    terminal.write(`${warn("not scored")}  ${oneLine(failure.cause)}: ${oneLine(failure.message)}`);
  } else if (reward !== null) {
    const paint = reward === 1 ? good : reward === 0 ? bad : bold;
    const facts = [
      paint(`reward ${numberOf(reward)}`),
      ...(quality === null || quality === reward ? [] : [`quality ${numberOf(quality)}`]),
      `advantage ${signedOf(advantage)}`,
      finish === "length" ? warn("cut off by the token limit") : `ended by ${finish}`,
    ];
    terminal.write(facts.join(" · "));
  } else terminal.write(warn("not scored"));
  if (credit?.isMasked[line.at]) terminal.write(dim("masked: a response that was cut off carries no gradient here"));
  const took = `${(generateMs / 1000).toFixed(1)} s of sampling, ${Math.round(worldMs)} ms of the world`;
  terminal.write(dim(`${countOf(line.tokenCount, "token")} sampled by version ${versionsOf(line.versions)}, ${took}`));
}

function showGroup({ group, credit, line }: EpisodeView, terminal: Terminal): void {
  const { dim, write } = terminal;
  title(`group ${oneLine(group.groupId)} (${countOf(group.episodes.length, "episode")})`, terminal);
  if (credit) write(`  ${creditOf(credit)}`);
  const start = startTurn(group.draw.instance);
  if (start > 0) {
    const { score } = group.draw.instance;
    const before = score === null ? "" : `, S ${numberOf(score, 4)} when it was drawn`;
    write(`  ${dim(`started at turn ${start} of instance ${group.draw.instance.key.slice(0, 8)}${before}`)}`);
  }
  for (const [at, sibling] of group.episodes.entries()) {
    const mark = at === line.at ? "▸" : " ";
    const reward = sibling.reward === null ? "-" : numberOf(sibling.reward);
    const said = sibling.failure?.cause ?? sibling.turns.at(-1)?.response.trim().split("\n").at(-1) ?? "";
    const cells = `${mark} ${oneLine(sibling.id)}  ${reward.padStart(5)}  ${signedOf(sibling.advantage).padStart(7)}`;
    write(`  ${clip(`${cells}  ${oneLine(said)}`, terminal.width - 2)}`);
  }
}

function creditOf({ score, verdict, meanReward }: NonNullable<EpisodeView["credit"]>): string {
  const fate = verdict.kind === "filtered" ? `not trained on: ${verdict.cause}` : verdict.kind;
  if (score === null || meanReward === null) return `S unknown · ${fate}`;
  return `S ${numberOf(score, 4)} · mean reward ${numberOf(meanReward)} · ${fate}`;
}

// --- pieces -------------------------------------------------------------------------------------------------------

function title(text: string, { bold, write }: Terminal): void {
  write("");
  write(bold(text));
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
