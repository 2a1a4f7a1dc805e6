// Numbers and counts as people read them.

/** At most three decimals, none that say nothing. */
export function numberOf(value: number, digits = 3): string {
  return String(Number(value.toFixed(digits)));
}

/** With its sign, for credit. */
export function signedOf(value: number, digits = 3): string {
  const text = numberOf(value, digits);
  return value > 0 && text !== "0" ? `+${text}` : text;
}

/** `12 800 episodes`, `1 episode`, `12 800`. */
export function countOf(count: number, noun?: string): string {
  const grouped = String(count).replace(/\B(?=(\d{3})+$)/g, " ");
  if (noun === undefined) return grouped;
  return `${grouped} ${noun}${count === 1 ? "" : "s"}`;
}

/** `base 12, improve 4`, the most frequent first. */
export function listCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([, one], [, other]) => other - one)
    .map(([name, count]) => `${name} ${countOf(count)}`)
    .join(", ");
}
