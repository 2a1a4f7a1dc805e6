// `--tokens`: an episode token by token: text, who chose it, log-probability, policy version, advantage.
// Texts come from the model's own tokenizer, through Python; without them the ids stand alone.
import { spawnSync } from "node:child_process";
import type { RecordedEpisode } from "../../actors/index.ts";
import { localPython } from "../../runtime/index.ts";
import { numberOf, signedOf } from "./figures.ts";
import type { Terminal } from "./terminal.ts";
import { clip, oneLine, widthOf, wrap } from "./text.ts";

/** The text that each id adds, or why there are none. */
export type TokenTexts = { texts: string[] } | { missing: string };

const deadlineMs = 120_000;

/** Decodes with the tokenizer of a model folder. */
export function decodeTokens(modelFolder: string, ids: Int32Array): TokenTexts {
  const { executable, path } = localPython();
  const { status, stdout, stderr, error } = spawnSync(executable, ["-m", "iterant.tokens", modelFolder], {
    input: JSON.stringify([...ids]),
    encoding: "utf8",
    env: { ...process.env, PYTHONPATH: path.join(":") },
    timeout: deadlineMs,
    maxBuffer: 2 ** 28,
  });
  if (status === 0) return { texts: JSON.parse(stdout) as string[] };
  return { missing: error?.message ?? stderr.trim().split("\n").at(-1) ?? "it did not say why" };
}

/** The tokens behind the prompt, a row each. */
export function showTokens(episode: RecordedEpisode, texts: readonly string[] | null, terminal: Terminal): void {
  const { ids, mask, logprobs, versions, advantage } = episode;
  const { bold, dim, write, isScreen, width } = terminal;
  const textWidth = Math.max(4, ...[...(texts ?? [])].map((text) => Math.min(24, widthOf(quote(text)))));
  const head = [
    "   #",
    "     id",
    ...(texts ? ["text".padEnd(textWidth)] : []),
    " mask",
    " logprob",
    "version",
    "advantage",
  ];
  const cut = (row: string) => (isScreen ? clip(row, width) : row);
  write("");
  write(bold(cut(head.join(" "))));
  for (const [at, id] of ids.entries()) {
    const isSampled = mask[at] === 1;
    const text = texts ? [pad(quote(texts[at] ?? ""), textWidth)] : [];
    const credit = isSampled ? [logprobs[at]!.toFixed(4), String(versions[at]), signedOf(advantage)] : ["", "", ""];
    const [logprob, version, advantageText] = credit as [string, string, string];
    const cells = [
      String(at).padStart(4),
      String(id).padStart(7),
      ...text,
      String(mask[at]).padStart(5),
      logprob.padStart(8),
      version.padStart(7),
      advantageText.padStart(9),
    ];
    const line = cut(cells.join(" ").trimEnd());
    write(isSampled ? line : dim(line));
  }
  for (const line of wrap(sumOf(episode), width)) write(dim(line));
}

function sumOf({ mask, logprobs }: RecordedEpisode): string {
  const sampled = logprobs.filter((_, at) => mask[at] === 1);
  const sum = sampled.reduce((total, value) => total + value, 0);
  if (sampled.length === 0) return "no token was sampled";
  return `${sampled.length} of ${mask.length} tokens sampled · log-probability ${numberOf(sum)} in all, ${numberOf(sum / sampled.length)} a token`;
}

/** Quoted, so that spaces are seen; a token that is only a part of a character has no text of its own. */
function quote(text: string): string {
  return text === "" ? "(part)" : `'${oneLine(text)}'`;
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}
