// The flight recorder of an actor as a table: its last messages, the newest at the end. Pure.
import type { FlightRecord } from "../../runtime/index.ts";
import { type Column, formatMs, printable, renderTable } from "./render.ts";

const columns: Column<FlightRecord>[] = [
  { title: "time", text: ({ atMs }) => new Date(atMs).toISOString().slice(11, 23) },
  { title: "from", text: ({ from }) => printable(from) },
  { title: "method", text: ({ method }) => printable(method) },
  { title: "outcome", text: ({ outcome }) => outcome },
  { title: "queue ms", text: ({ queueMs }) => formatMs(queueMs), isNumber: true },
  { title: "run ms", text: ({ runMs, outcome }) => (outcome === "running" ? "…" : formatMs(runMs)), isNumber: true },
  { title: "bytes", text: ({ bytes }) => String(bytes), isNumber: true },
];

/** Times are UTC. */
export function renderFlight(records: readonly FlightRecord[]): string {
  return records.length === 0 ? "no messages yet" : renderTable(columns, records);
}
