// One layer of configuration as somebody wrote it: a YAML file, a preset, or --set on the command line.
// Parsed and checked by itself, so that a mistake is named with its file, line and column and the nearest right word.
// Knows the schema's keys; what they mean, actors/config.ts says.
import { readFileSync } from "node:fs";
import { type Document, isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { type PartialConfig, runConfigSchema } from "../../actors/index.ts";
import { exitCodes, Failure } from "../failure.ts";
import { nearest } from "./nearest.ts";

/** The schema with every key optional, two levels deep: what a layer may hold. */
const layerSchema = z.strictObject(
  Object.fromEntries(
    Object.entries(runConfigSchema.shape).map(([key, field]) => [
      key,
      (field instanceof z.ZodObject ? field.partial() : field).optional(),
    ]),
  ),
);

/** Says where in its source a path of keys stands: `run.yaml:12:5`, or the flag it came by. */
type Locate = (path: readonly PropertyKey[], isKey: boolean) => string;

/**
 * Reads a YAML file.
 * @throws Failure `usage` with all mistakes, each `file:line:column: what, and what to write instead`
 */
export function readLayer(file: string): PartialConfig {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Failure(exitCodes.usage, `cannot read ${file}: ${(error as Error).message}`);
  }
  return parseLayer(text, file);
}

/** The same for a text at hand. */
export function parseLayer(text: string, file: string): PartialConfig {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    const lines = document.errors.map((error) => `${place(error.pos[0])}: ${error.message}`);
    throw new Failure(exitCodes.usage, lines.join("\n"));
  }
  const value: unknown = document.toJS() ?? {};
  return check(value, (path, isKey) => place(offsetOf(document, path, isKey)));
}

/**
 * Reads `--set training.maxLag=2`: a path of keys and a YAML value.
 * @throws Failure `usage`
 */
export function parseSetting(setting: string): PartialConfig {
  const at = setting.indexOf("=");
  if (at < 1) {
    throw new Failure(exitCodes.usage, `--set ${setting}: write a key and a value, as in --set training.maxLag=2`);
  }
  const keys = setting.slice(0, at).trim().split(".");
  const value: unknown = parseDocument(setting.slice(at + 1)).toJS();
  const nested = keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
  return check(nested, () => `--set ${setting}`);
}

function check(value: unknown, locate: Locate): PartialConfig {
  const result = layerSchema.safeParse(value);
  if (result.success) return result.data as PartialConfig;
  const lines = result.error.issues.flatMap((issue) => complaintsOf(issue, value, locate));
  throw new Failure(exitCodes.usage, lines.join("\n"));
}

function complaintsOf(issue: z.core.$ZodIssue, value: unknown, locate: Locate): string[] {
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(issue.path);
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const near = nearest(key, known);
      const advice = near ? `did you mean ${near}?` : `known here: ${known.join(", ")}.`;
      return `${locate(path, true)}: ${path.join(".")} is no key; ${advice}`;
    });
  }
  const given = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value);
  const name = issue.path.length === 0 ? "the configuration" : issue.path.join(".");
  return [`${locate(issue.path, false)}: ${name} is ${show(given)}: ${wish(issue, given)}`];
}

function wish(issue: z.core.$ZodIssue, given: unknown): string {
  if (issue.code === "invalid_value") {
    const values = issue.values.map(String);
    const near = typeof given === "string" ? nearest(given, values) : undefined;
    return `it must be one of ${values.join(", ")}${near ? `; did you mean ${near}?` : "."}`;
  }
  if (issue.code === "too_small") return `it must be ${issue.inclusive ? "at least" : "above"} ${issue.minimum}.`;
  if (issue.code === "too_big") return `it must be ${issue.inclusive ? "at most" : "below"} ${issue.maximum}.`;
  if (issue.code === "invalid_type")
    return `it must be ${issue.expected === "int" ? "a whole number" : article(issue.expected)}.`;
  return `${issue.message}.`;
}

function article(expected: string): string {
  const name = expected === "object" ? "section with keys" : expected;
  return /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
}

function show(given: unknown): string {
  return given === undefined ? "missing" : (JSON.stringify(given) ?? String(given));
}

function knownKeys(path: readonly PropertyKey[]): string[] {
  const section =
    path.length === 0 ? runConfigSchema : runConfigSchema.shape[path[0] as keyof typeof runConfigSchema.shape];
  return section instanceof z.ZodObject ? Object.keys(section.shape) : [];
}

/** Where a key or its value stands; the nearest section's start where it is absent. */
function offsetOf(document: Document, path: readonly PropertyKey[], isKey: boolean): number {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1) as string[], true);
    if (!isMap(parent)) continue;
    const pair = parent.items.find(({ key }) => isScalar(key) && key.value === path[length - 1]);
    if (!pair) continue;
    const node = isKey ? pair.key : (pair.value ?? pair.key);
    return (node as { range?: [number, number, number] }).range?.[0] ?? 0;
  }
  return 0;
}
