// What a policy is told before the first request: which functions there are, and how to call them.
// Our own wording of a known form. `json` shows the published descriptions; `brief` a line of names; `none` is for tiny
// models that know the functions already.

export type DocStyle = "json" | "brief" | "none";

/** @param docs published descriptions, a JSON text each */
export function systemPrompt(docs: readonly string[], style: DocStyle): string {
  if (style === "brief") return `Functions: ${docs.map(signatureOf).join(" ")}`;
  return [
    "You carry out a user's requests by calling functions. These are the functions, a description a line:",
    ...docs.map(withoutClassBlurb),
    "",
    "First think, inside <reasoning> and </reasoning>. Then do exactly one of three things:",
    '- call functions: <tool>[{"name": "function_name", "args": {"argument": "value"}}]</tool>',
    "- say that the request is done: <TASK_FINISHED>",
    "- say that it cannot be done: <TASK_ERROR>",
    "Calls run in their order up to the first that fails. Their results come back as a list of texts, one for each.",
    "After that you respond again, until the request is done. Then the next request may follow.",
  ].join("\n");
}

/** Upstream repeats the class's description in front of each function's. */
function withoutClassBlurb(doc: string): string {
  const parsed = JSON.parse(doc) as { description: string };
  const { description } = parsed;
  const own = description.split("Tool description:").at(-1)!.trim();
  return JSON.stringify({ ...parsed, description: own });
}

function signatureOf(doc: string): string {
  const { name, parameters } = JSON.parse(doc) as { name: string; parameters: { properties?: object } };
  return `${name}(${Object.keys(parameters.properties ?? {}).join(", ")})`;
}
