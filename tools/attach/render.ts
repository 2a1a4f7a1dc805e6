// What attach prints: tables, spans of time, and text of actors made safe for a terminal. Pure.

export interface Column<Row> {
  title: string;
  text: (row: Row) => string;
  isNumber?: boolean;
}

/** Columns as wide as their widest cell, two blanks apart, no blanks at the end of a line. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ text }) => text(row)))];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => line[at]!.length)));
  const pad = (text: string, at: number) =>
    columns[at]!.isNumber ? text.padStart(widths[at]!) : text.padEnd(widths[at]!);
  return cells.map((line) => line.map(pad).join("  ").trimEnd()).join("\n");
}

/** `840 ms`, `5 s`, `12.3 s`, `5 min`, `3 h 20 min`, `2 d 4 h`. */
export function formatSpan(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${Number(seconds.toFixed(1))} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Milliseconds with as many digits as say something. */
export function formatMs(ms: number): string {
  return ms < 10 ? ms.toFixed(1) : String(Math.round(ms));
}

export function formatShare(share: number): string {
  return `${Math.round(100 * Math.min(1, share))} %`;
}

/**
 * An actor's text without what could command the terminal: control characters are shown as `\x1b`.
 * A model writes what it likes, and an error message may hold its words.
 */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (sign) =>
    sign === "\n" || sign === "\t" ? sign : `\\x${sign.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
