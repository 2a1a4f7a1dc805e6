// Content hashes: the same value has the same hash in every process, whatever the order of its keys.
// Tasks are known by theirs, and two states of an episode are equal if theirs are.
import { createHash } from "node:crypto";

/**
 * SHA-256 of a JSON value, 64 hex digits. Keys are sorted, absent and `undefined` properties are the same,
 * and a lone surrogate is told from every other.
 * @throws TypeError for what JSON cannot hold: a function, a class instance, NaN, a cycle would never end
 */
export function contentHash(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}

/** JSON with sorted keys and no spaces; equal texts mean equal values. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (isPlainObject(value)) {
    const entries = Object.keys(value)
      .filter((key) => value[key] !== undefined)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
    return `{${entries.join(",")}}`;
  }
  throw new TypeError(`not a JSON value - ${String(value)} - hash plain objects, arrays, texts and finite numbers`);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
