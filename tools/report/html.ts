// HTML as values: a template whose texts are escaped unless they are HTML themselves. What a policy has said stays text.
// Pure. Knows no report.

export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Html | readonly Html[];

/** A piece of a page; everything between `${` and `}` that is no Html is text, and is shown as it is. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((text, string, at) => `${text}${rendered(parts[at - 1]!)}${string}`));
}

export const nothing = new Html("");

/** JSON to stand in a script element: no value can end the element. */
export function jsonOf(value: unknown): Html {
  return new Html(JSON.stringify(value).replaceAll("<", "\\u003c"));
}

function rendered(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(({ text }) => text).join("");
  return escapes.reduce((text, [from, to]) => text.replaceAll(from, to), String(part));
}

const escapes = [
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
  ["'", "&#39;"],
] as const;
