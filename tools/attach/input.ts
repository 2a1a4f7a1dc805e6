// Whether what was typed so far can be a whole expression, or its author is in the middle of it. Pure.
// Errors are not looked for here: the actor's own language reports them.
import { Script } from "node:vm";

export type Language = "typescript" | "python";

/** True if more must come: an open bracket, string or block. */
export function isIncomplete(text: string, language: Language): boolean {
  return language === "python" ? isIncompletePython(text) : isIncompleteScript(text);
}

/** V8's own words for input that ends too early. */
const endsEarly = /^(Unexpected end of input|Unterminated template literal|missing \) after argument list)/;

function isIncompleteScript(text: string): boolean {
  // Private names and await are syntax only inside a class and an async function; here other words stand for them.
  const plain = text.replace(/\bself\.#/g, "self.").replace(/\bawait\b/g, "void");
  try {
    new Script(plain);
    return false;
  } catch (error) {
    const { message } = error as Error;
    if (!endsEarly.test(message)) return false;
    return !message.startsWith("missing )") || openBrackets(plain) > 0;
  }
}

function openBrackets(text: string): number {
  const bare = text.replace(/"(\\.|[^"\\\n])*"|'(\\.|[^'\\\n])*'|`(\\.|[^`\\])*`/g, "");
  return (bare.match(/[([{]/g)?.length ?? 0) - (bare.match(/[)\]}]/g)?.length ?? 0);
}

function isIncompletePython(text: string): boolean {
  const withoutStrings = text
    .replace(/'''[\s\S]*?'''|"""[\s\S]*?"""/g, "")
    .replace(/"(\\.|[^"\\\n])*"|'(\\.|[^'\\\n])*'/g, "");
  if (/'''|"""/.test(withoutStrings)) return true;
  const bare = withoutStrings.replace(/#.*/g, "");
  if (openBrackets(bare) > 0) return true;
  const isBlock = bare.split("\n").some((line) => line.trimEnd().endsWith(":"));
  return isBlock ? !text.endsWith("\n\n") : /\\\n?$/.test(bare); // a block ends with a blank line
}
