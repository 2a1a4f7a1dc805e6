// How numbers are written for people: shares as percent, seconds as a clock. What was not measured is a dash.
// Pure. The live view, the summary and the report write alike because they write with this.

/** A number that may not have been measured: null in JSON, NaN in memory. */
export type Measured = number | null | undefined;

export const unmeasured = "–";

export function isMeasured(value: Measured): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** 0.3917 → `39.2 %` */
export function percent(share: Measured, digits = 1): string {
  return isMeasured(share) ? `${(100 * share).toFixed(digits)} %` : unmeasured;
}

/** The way from one share to another in percentage points: `+5.0`, `-11.7`. */
export function points(before: Measured, after: Measured): string {
  if (!isMeasured(before) || !isMeasured(after)) return unmeasured;
  const text = (100 * (after - before)).toFixed(1);
  if (Number(text) === 0) return "0.0";
  return text.startsWith("-") ? text : `+${text}`;
}

export function decimal(value: Measured, digits = 2): string {
  return isMeasured(value) ? value.toFixed(digits) : unmeasured;
}

export function count(value: Measured): string {
  return isMeasured(value) ? String(Math.round(value)) : unmeasured;
}

/** 11520 → `11 520`, the space one that does not break: for pages, where nobody greps. */
export function grouped(value: Measured): string {
  return count(value).replace(/\B(?=(\d{3})+$)/g, "\u00a0");
}

/** `1 problem`, `2 problems` */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Seconds as `0:07`, `12:40`, `3:02:09`. */
export function clock(seconds: Measured): string {
  if (!isMeasured(seconds)) return unmeasured;
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(s).padStart(2, "0");
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
