// A line of the terminal as words with a tone, cut to a width before it is painted: escape codes are never cut.
// Control characters in what others have said (notices, names) are made visible, so that no text can steer the terminal.

/** What a word is, not which colour it has. */
export type Tone = "plain" | "dim" | "strong" | "first" | "final" | "good" | "bad" | "warning";

export interface Word {
  readonly text: string;
  readonly tone: Tone;
}

export type Line = readonly Word[];

export function say(text: string, tone: Tone = "plain"): Word {
  return { text: visible(text), tone };
}

/** Columns that a line takes. */
export function widthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + columnsOf(text), 0);
}

/** Blanks behind the text up to a width. */
export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - columnsOf(text)));
}

/** The parts that fit between a head and the edge, in their order of importance; what does not fit is left out. */
export function fill(head: Line, parts: readonly Line[], width: number, between = "   "): Line {
  const line = [...head];
  let isFirst = true;
  for (const part of parts) {
    const gap = isFirst ? "" : between;
    if (widthOf(line) + gap.length + widthOf(part) > width && !isFirst) break;
    if (gap !== "") line.push(say(gap));
    line.push(...part);
    isFirst = false;
  }
  return line;
}

/** The text in lines of at most `width` columns, broken between words where it can be. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of visible(text).split(" ")) {
    const joined = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && columnsOf(joined) <= width) lines[lines.length - 1] = joined;
    else lines.push(word);
  }
  return lines;
}

/** The line as text that takes at most `width` columns, an ellipsis where it was cut. */
export function paint(line: Line, width: number, isColoured: boolean): string {
  return fitted(line, width)
    .map(({ text, tone }) => (isColoured && tone !== "plain" ? `\x1b[${codes[tone]}m${text}\x1b[0m` : text))
    .join("")
    .trimEnd();
}

/** The sixteen colours that every terminal lets its owner choose. */
const codes: Record<Exclude<Tone, "plain">, string> = {
  dim: "2",
  strong: "1",
  first: "36",
  final: "32",
  good: "32",
  bad: "31",
  warning: "33",
};

function fitted(line: Line, width: number): Line {
  if (widthOf(line) <= width) return line;
  const kept: Word[] = [];
  let left = Math.max(0, width - 1);
  for (const { text, tone } of line) {
    const cut = cutTo(text, left);
    kept.push({ text: cut, tone });
    left -= columnsOf(cut);
    if (cut !== text) break;
  }
  return width < 1 ? [] : [...kept, { text: "…", tone: "dim" }];
}

function cutTo(text: string, width: number): string {
  let columns = 0;
  let kept = "";
  for (const { segment } of characters.segment(text)) {
    columns += columnsOfCharacter(segment);
    if (columns > width) break;
    kept += segment;
  }
  return kept;
}

const characters = new Intl.Segmenter("en", { granularity: "grapheme" });
const wide =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u;

/** Columns that a text without escape codes takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const { segment } of characters.segment(text)) columns += columnsOfCharacter(segment);
  return columns;
}

function columnsOfCharacter(segment: string): number {
  if (/^[\p{Mark}\p{Format}]+$/u.test(segment)) return 0;
  return wide.test(segment) ? 2 : 1;
}

function visible(text: string): string {
  return text.replace(/[\r\n\t]+/g, " ").replace(/\p{Control}/gu, "\ufffd");
}
