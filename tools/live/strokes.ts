// Curves and bars of characters. Pure; a terminal without block characters gets marks that every font has.

export interface Strokes {
  /** From lowest to highest. */
  readonly spark: readonly string[];
  readonly full: string;
  readonly empty: string;
  /** Fills of a bar's parts, told apart without colour. */
  readonly parts: readonly string[];
}

export const blocks: Strokes = {
  spark: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
  full: "━",
  empty: "─",
  parts: ["█", "▓", "▒", "░"],
};

export const ascii: Strokes = {
  spark: ["_", ".", "-", "=", "+", "*", "%", "#"],
  full: "#",
  empty: "-",
  parts: ["#", "=", "-", "."],
};

export interface SparkRange {
  low: number;
  high: number;
}

/** Lowest and highest of all values, so that curves side by side can be compared. */
export function rangeOf(...series: readonly (readonly number[])[]): SparkRange {
  const values = series.flat().filter(Number.isFinite);
  return values.length === 0 ? { low: 0, high: 1 } : { low: Math.min(...values), high: Math.max(...values) };
}

/**
 * A curve of at most `width` characters; longer series are averaged into it. Empty for no value.
 * A series that does not move is a line at half height.
 */
export function sparkline(
  values: readonly number[],
  width: number,
  strokes: Strokes,
  { low, high }: SparkRange = rangeOf(values),
): string {
  const { spark } = strokes;
  const middle = Math.floor(spark.length / 2) - 1;
  return squeezed(values.filter(Number.isFinite), width)
    .map((value) => {
      if (high - low < 1e-12) return spark[middle];
      const level = Math.floor(((value - low) / (high - low)) * spark.length);
      return spark[Math.min(spark.length - 1, Math.max(0, level))];
    })
    .join("");
}

/** How much of it is done: the filled part and the rest. */
export function progress(share: number, width: number, { full, empty }: Strokes): { done: string; left: string } {
  const filled = Math.min(width, Math.max(0, Math.round(share * width)));
  return { done: full.repeat(filled), left: empty.repeat(width - filled) };
}

/** A bar of parts whose lengths are their shares and together exactly `width`: the largest remainders are rounded up. */
export function sharesBar(shares: readonly number[], width: number, { parts }: Strokes): string[] {
  const whole = shares.reduce((sum, share) => sum + share, 0);
  if (!(whole > 0)) return shares.map(() => "");
  const exact = shares.map((share) => (share / whole) * width);
  const lengths = exact.map(Math.floor);
  const byRemainder = exact
    .map((value, at) => ({ at, rest: value - Math.floor(value) }))
    .sort((a, b) => b.rest - a.rest);
  const missing = width - lengths.reduce((sum, length) => sum + length, 0);
  for (const { at } of byRemainder.slice(0, missing)) lengths[at]! += 1;
  return lengths.map((length, at) => parts[at % parts.length]!.repeat(length));
}

function squeezed(values: readonly number[], width: number): number[] {
  if (values.length <= width) return [...values];
  return Array.from({ length: Math.max(0, width) }, (_, at) => {
    const [from, to] = [Math.floor((at * values.length) / width), Math.floor(((at + 1) * values.length) / width)];
    const bucket = values.slice(from, to);
    return bucket.reduce((sum, value) => sum + value, 0) / bucket.length;
  });
}
