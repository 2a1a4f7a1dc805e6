// What a response shows: the text without the model's reasoning.
// A response is graded by it, embedded by it, and shown by it to the next attempt; tokens keep everything.

const tag = /<(\/?)(?:think|thinking|reasoning)>/gi;

/**
 * The response without its reasoning blocks, trimmed.
 * A closing tag whose opening one stood in the prompt hides everything before it; a block that was cut off before
 * its closing tag hides everything after it, so a response that never stopped reasoning shows nothing.
 */
export function visibleText(response: string): string {
  let shown = "";
  let at = 0;
  let isHidden = false;
  for (const match of response.matchAll(tag)) {
    const isClosing = match[1] === "/";
    if (isClosing && !isHidden) shown = "";
    else if (!isHidden) shown += response.slice(at, match.index);
    isHidden = !isClosing;
    at = match.index + match[0].length;
  }
  return (isHidden ? shown : shown + response.slice(at)).trim();
}
