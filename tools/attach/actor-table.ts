// The actors of a run as a table, and each as one flat record for programs.
// The busy share is that of the time between two readings; with one reading, of the actor's life.
import type { ActorReport } from "../../runtime/index.ts";
import { type Column, formatShare, formatSpan, renderTable } from "./render.ts";
import type { Census } from "./visit.ts";

/** What `--json` gives for each actor; counts are null while its host does not answer. */
export interface ActorRow {
  address: string;
  class: string;
  placement: string;
  host: string;
  state: string;
  mailboxLength: number | null;
  /** Null also for a mailbox without bounds. */
  mailboxCapacity: number | null;
  running: number | null;
  /** From 0 to 1. */
  busyShare: number | null;
  handled: number | null;
  failed: number | null;
  restarts: number;
  age_s: number | null;
}

/** Rows in the order of the reports; `before` is the reading before, if there was one. */
export function toRows(reports: readonly ActorReport[], before: readonly ActorReport[] = []): ActorRow[] {
  const cells = new Map(before.map(({ address, cell }) => [address, cell]));
  return reports.map(({ address, className, placement, host, state, restarts, cell }) => {
    const old = cells.get(address);
    const isSameLife = cell !== undefined && old !== undefined && old.incarnation === cell.incarnation;
    const busyMs = cell && (isSameLife ? cell.busyMs - old.busyMs : cell.busyMs);
    const spanMs = cell && (isSameLife ? cell.ageMs - old.ageMs : cell.ageMs);
    return {
      address,
      class: className,
      placement,
      host,
      state,
      mailboxLength: cell?.mailboxLength ?? null,
      mailboxCapacity: cell && Number.isFinite(cell.mailboxCapacity) ? cell.mailboxCapacity : null,
      running: cell?.running ?? null,
      busyShare: busyMs !== undefined && spanMs ? Math.min(1, Math.max(0, busyMs / spanMs)) : null,
      handled: cell?.handled ?? null,
      failed: cell?.failed ?? null,
      restarts,
      age_s: cell ? cell.ageMs / 1000 : null,
    };
  });
}

const number = (value: number | null) => (value === null ? "?" : String(value));
const columns: Column<ActorRow>[] = [
  { title: "actor", text: (row) => row.address },
  { title: "class", text: (row) => row.class },
  { title: "placement", text: (row) => row.placement },
  { title: "state", text: (row) => (row.state === "up" && row.handled === null ? "no answer" : row.state) },
  { title: "mailbox", text: mailboxOf, isNumber: true },
  { title: "running", text: (row) => number(row.running), isNumber: true },
  { title: "busy", text: (row) => (row.busyShare === null ? "?" : formatShare(row.busyShare)), isNumber: true },
  { title: "handled", text: (row) => number(row.handled), isNumber: true },
  { title: "failed", text: (row) => number(row.failed), isNumber: true },
  { title: "restarts", text: (row) => String(row.restarts), isNumber: true },
  { title: "age", text: (row) => (row.age_s === null ? "?" : formatSpan(1000 * row.age_s)), isNumber: true },
];

function mailboxOf({ mailboxLength, mailboxCapacity }: ActorRow): string {
  return mailboxLength === null ? "?" : `${mailboxLength}/${mailboxCapacity ?? "∞"}`;
}

export function renderActors(census: Census, before?: Census): string {
  const table = census.actors.length === 0 ? "no actors" : renderTable(columns, toRows(census.actors, before?.actors));
  return [table, ...census.silent.map(({ node, reason }) => `${node} gave no answer: ${reason}`)].join("\n");
}

/** One actor, a line a fact. */
export function renderStats(report: ActorReport): string {
  const [row] = toRows([report]);
  return columns
    .slice(1)
    .map(({ title, text }) => `  ${title.padEnd(9)}  ${text(row!)}`)
    .join("\n");
}
