// The action of a response: what stands between the last pair of tags.
// Knows no space: whether the text is an action, whoever takes it says.
import { visibleText } from "../reasoning.ts";

/** A response may end here. */
export const actionStops: readonly string[] = ["</action>"];

/** The text, without the space around it; null if there are no tags. Reasoning does not count. */
export function actionOf(response: string): string | null {
  const text = visibleText(response);
  const end = text.lastIndexOf("</action>");
  const begin = text.lastIndexOf("<action>", end);
  if (end < 0 || begin < 0) return null;
  return text.slice(begin + "<action>".length, end).trim();
}
