// The actions of an OpenEnv environment: by their JSON schema described, read from responses, and drawn for a probe.
// Knows schemas as pydantic writes them; whether an action is one, the server says.
import { visibleText } from "../reasoning.ts";
import { hashFraction } from "../task.ts";
import { actionOf } from "./action.ts";

/** A JSON schema, as far as anybody looks into it here. */
export type Schema = Readonly<{
  type?: string;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  enum?: readonly unknown[];
  const?: unknown;
  anyOf?: readonly Schema[];
  items?: Schema;
  minimum?: number;
  maximum?: number;
  default?: unknown;
  $ref?: string;
  $defs?: Readonly<Record<string, Schema>>;
}>;

/** The one field of an action that is nothing but a text; null for every other action. */
export function soleText(schema: Schema): string | null {
  const fields = fieldsOf(schema);
  return fields.length === 1 && fields[0]![1].type === "string" && !fields[0]![1].enum ? fields[0]![0] : null;
}

/** How a policy is to write one. */
export function howToAct(schema: Schema): string {
  const properties = Object.fromEntries(fieldsOf(schema));
  const { required, $defs } = schema;
  const shown = JSON.stringify({ type: "object", properties, required, $defs });
  return `End your response with one action as <action>…</action>. An action is a JSON object by this schema: ${shown}`;
}

/** The action of a response: all of its visible text where an action is one text, else the JSON between the last tags. */
export function readAction(schema: Schema, response: string): { action: unknown } | { problem: string } {
  const field = soleText(schema);
  if (field !== null) return { action: { [field]: visibleText(response) } };
  const text = actionOf(response);
  if (text === null) return { problem: "No <action>…</action> was found in the response." };
  try {
    const action: unknown = JSON.parse(text);
    if (typeof action === "object" && action !== null && !Array.isArray(action)) return { action };
    return { problem: "The action was not taken: it is not a JSON object." };
  } catch (error) {
    return { problem: `The action was not taken: it is not JSON: ${(error as Error).message}.` };
  }
}

/** An action of this schema, the same for the same draw: required fields alone, and what no draw fits as it falls. */
export function drawnAction(schema: Schema, draw: string): Record<string, unknown> {
  const required = fieldsOf(schema).filter(([name]) => schema.required?.includes(name));
  return Object.fromEntries(
    required.map(([name, field]) => [name, drawn(field, `${draw}.${name}`, schema.$defs ?? {})]),
  );
}

function drawn(schema: Schema, draw: string, definitions: Readonly<Record<string, Schema>>): unknown {
  const at = hashFraction(0, draw);
  const one = <V>(values: readonly V[]) => values[Math.floor(at * values.length)]!;
  const named = schema.$ref?.split("/").at(-1);
  if (named !== undefined && definitions[named]) return drawn(definitions[named], draw, definitions);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return one(schema.enum);
  if (schema.anyOf) return drawn(one(schema.anyOf), draw, definitions);
  const { minimum = 0, maximum = minimum + 3 } = schema;
  switch (schema.type) {
    case "integer":
      return minimum + Math.floor(at * (maximum - minimum + 1));
    case "number":
      return minimum + at * (maximum - minimum);
    case "boolean":
      return at < 0.5;
    case "array":
      return schema.items ? [drawn(schema.items, `${draw}[0]`, definitions)] : [];
    case "object":
      return drawnAction({ ...schema, $defs: definitions }, draw);
    case "null":
      return null;
    default:
      return one(["1", "a", "help", "look"]);
  }
}

/** Without what every action has. */
function fieldsOf(schema: Schema): [string, Schema][] {
  return Object.entries(schema.properties ?? {}).filter(([name]) => name !== "metadata");
}
