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
 * math-verify reads boxes and "final answer is …" first, and among them what ends last. So the box decides alone if it
 * is the only one, no dollar, bracket or parenthesis delimiter can enclose it or compete, and nobody says "final
 * answer". That holds only if the content can be parsed: otherwise math-verify looks further, and the verifier says so.
 */
export function decidingBox(text: string): string | null {
  const mark = text.indexOf("\\boxed{");
  if (mark < 0 || (text.match(/\\(?:boxed|fbox)/g) ?? []).length > 1) return null;
  const start = mark + "\\boxed{".length;
  const end = closingBrace(text, start);
  if (end === undefined) return null;
  const content = text.slice(start, end);
  const around = text.slice(0, mark) + text.slice(end);
  // Python's ignore-case takes the dotless i and the long s for i and s.
  const hasRival = /\$|\\[[\]()]/.test(text) || /[[\]]/.test(around) || /f[iıİ]nal\s+an[sſ]wer/iu.test(text);
  return hasRival || content.trim() === "" ? null : content;
}

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
