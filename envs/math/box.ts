// Boxes in a response: finding them by their braces, and when one of them alone decides.
// Knows nothing of mathematics; which box counts is math-verify's business, and this only proves when nothing else can.

/** The contents of every `\boxed{…}` and `\fbox{…}`, in order; one whose brace is never closed is left out. */
export function boxesOf(text: string): string[] {
  const boxes: string[] = [];
  for (const match of text.matchAll(/\\(?:boxed|fbox)\s*\{/g)) {
    const start = match.index + match[0].length;
    const end = closingBrace(text, start);
    if (end !== undefined) boxes.push(text.slice(start, end));
  }
  return boxes;
}

/**
 * The content of the only box, if nothing around it can change what math-verify takes for the answer; else null.
 *
 * math-verify reads boxes and "final answer is …" before all other places, and among them what ends last. So the only
 * box decides alone if nobody says "final answer". Delimiters around it do not matter, except that a closing one would
 * be found too early inside the box, and that one followed by a percent sign divides by a hundred.
 * This holds only if the content can be parsed: otherwise math-verify looks further, and its rule is not `box`.
 */
export function decidingBox(text: string): string | null {
  const mark = text.indexOf("\\boxed{");
  if (mark < 0 || (text.match(/\\(?:boxed|fbox)/g) ?? []).length > 1) return null;
  const start = mark + "\\boxed{".length;
  const end = closingBrace(text, start);
  if (end === undefined) return null;
  const content = text.slice(start, end);
  const isPlain = content.trim() !== "" && !/\$|\\[[\]()]/.test(content);
  const isCutByBracket = /[[\]]/.test(content) && /[[\]]/.test(text.slice(0, mark));
  return isPlain && !isCutByBracket && !rival.test(text) && !percent.test(text.slice(end)) ? content : null;
}

/** Python's ignore-case takes the dotless i and the long s for i and s. */
const rival = /f[iıİ]nal\s+an[sſ]wer/iu;
const percent = /%|percent|pct/i;

/** Where the brace opened before `start` closes. Braces are counted as they stand, escaped ones too, as math-verify does. */
function closingBrace(text: string, start: number): number | undefined {
  let depth = 1;
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === "{") depth += 1;
    else if (text[at] === "}") depth -= 1;
    if (depth === 0) return at;
  }
  return undefined;
}
