// What the sum of an episode's rewards is worth: a quality in [0, 1], by a rule with a name.
// Knows no environment; one whose rewards have another meaning is wrapped by its author.
import { EnvironmentError } from "../errors.ts";

/**
 * - `range`: from 0 at `min` to 1 at `max`, straight in between and cut off beyond
 * - `threshold`: 1 if the return is at least `at`, else 0
 */
export type ReturnQuality = { kind: "range"; min: number; max: number } | { kind: "threshold"; at: number };

export function qualityOfReturn(rule: ReturnQuality, total: number): number {
  switch (rule.kind) {
    case "range":
      return Math.min(1, Math.max(0, (total - rule.min) / (rule.max - rule.min)));
    case "threshold":
      return total >= rule.at ? 1 : 0;
  }
}

/**
 * The rule that a text names: `0..500` is a range, `475` a threshold.
 * @throws EnvironmentError `bad_data`
 */
export function returnQualityOf(text: string): ReturnQuality {
  const [low, high, ...rest] = text.split("..").map((number) => (number.trim() === "" ? Number.NaN : Number(number)));
  if (high === undefined && Number.isFinite(low)) return { kind: "threshold", at: low! };
  if (Number.isFinite(low) && Number.isFinite(high) && low! < high! && rest.length === 0) {
    return { kind: "range", min: low!, max: high! };
  }
  throw new EnvironmentError("bad_data", `no rule for returns '${text}' - write a range, 0..500, or a threshold, 475`);
}
