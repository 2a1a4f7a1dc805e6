// Text for a terminal: what a model wrote is drawn, never obeyed. Widths are counted in cells.
// Knows strings only.

/** Bytes that a terminal acts on, and marks that turn the direction of writing. Line feed and tab stay. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The text with everything that a terminal would act on made visible, and tabs as spaces. */
export function harmless(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replaceAll("\t", "    ")
    .replace(obeyed, (character) => {
      const code = character.charCodeAt(0);
      if (code < 0x20) return String.fromCharCode(0x2400 + code); // control pictures: ␛ for escape
      return code === 0x7f ? "␡" : `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
    });
}

/** One line of it, with its line feeds shown. */
export function oneLine(text: string): string {
  return harmless(text).replaceAll("\n", "⏎");
}

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
const wide =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}])/u;
const invisible = /^(?:\p{Mn}|\p{Me}|[\u200b-\u200d])+$/u;

/** Cells that a harmless line takes. */
export function widthOf(line: string): number {
  if (/^[\x20-\x7e]*$/.test(line)) return line.length;
  let width = 0;
  for (const { segment } of segmenter.segment(line)) width += cellsOf(segment);
  return width;
}

function cellsOf(grapheme: string): number {
  if (invisible.test(grapheme)) return 0;
  return wide.test(grapheme) || grapheme.includes("\ufe0f") ? 2 : 1;
}

/** Padded with spaces to a width; a longer one is cut, and says so with its last cell. */
export function fill(line: string, width: number): string {
  const cells = widthOf(line);
  if (cells <= width) return line + " ".repeat(width - cells);
  const { head } = splitAt(line, width - 1);
  return `${head}…${" ".repeat(width - 1 - widthOf(head))}`;
}

/** Cut to a width if it is longer, and not padded. */
export function clip(line: string, width: number): string {
  return widthOf(line) <= width ? line : fill(line, width).trimEnd();
}

/** The lines of a harmless text, none wider than `width`; broken at spaces where there are any. */
export function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((line) => wrapLine(line, width));
}

function wrapLine(line: string, width: number): string[] {
  const lines: string[] = [];
  let rest = line;
  while (widthOf(rest) > width) {
    const { head, tail } = splitAt(rest, width);
    const space = tail.startsWith(" ") ? head.length : head.lastIndexOf(" ");
    const cut = space > 0 ? space : head.length;
    lines.push(rest.slice(0, cut));
    rest = space > 0 ? rest.slice(cut).replace(/^ /, "") : rest.slice(cut);
  }
  lines.push(rest);
  return lines;
}

/** As many whole graphemes as fit, one at least, and the rest. */
function splitAt(line: string, width: number): { head: string; tail: string } {
  let cells = 0;
  let end = 0;
  for (const { segment, index } of segmenter.segment(line)) {
    cells += cellsOf(segment);
    if (cells > width && index > 0) break;
    end = index + segment.length;
  }
  return { head: line.slice(0, end), tail: line.slice(end) };
}
