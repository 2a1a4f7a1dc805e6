// How a response is read: the block of a tool call, a word that ends the request, or neither.
// What stands inside the block is not looked at: it goes to the helper as it is, since a parser here would change it.
import { visibleText } from "../reasoning.ts";

/** Texts that end a response; kept in it. */
export const toolStops = ["</tool>", "<TASK_FINISHED>", "<TASK_ERROR>"] as const;

export type ToolResponse =
  /** `text` is what stands between the tags. */
  { kind: "tool"; text: string } | { kind: "finished" | "error" | "none" };

/** Giving up outside the reasoning counts before everything else, then being done, then the last block of calls. */
export function readResponse(response: string): ToolResponse {
  const shown = visibleText(response);
  if (shown.includes("<TASK_ERROR>")) return { kind: "error" };
  if (shown.includes("<TASK_FINISHED>")) return { kind: "finished" };
  const end = shown.lastIndexOf("</tool>");
  const start = end < 0 ? -1 : shown.lastIndexOf("<tool>", end);
  if (start < 0) return { kind: "none" };
  return { kind: "tool", text: shown.slice(start + "<tool>".length, end) };
}
