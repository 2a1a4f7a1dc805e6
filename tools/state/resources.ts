// What can be asked of a live cluster, each as flat rows: nodes, hosts, actors, calls on their way.
// Knows what a visit answers; knows no flags and no table.
import { toRows } from "../attach/actor-table.ts";
import { nameOf, type Visit } from "../attach/visit.ts";

export type Cell = string | number | null;
export type Row = Readonly<Record<string, Cell>>;

export interface Resource {
  /** What one is called by. */
  key: string;
  /** Shown in a table; the others are in JSON alone. */
  columns: readonly string[];
  about: string;
  /** Null stands for what could not be asked: a host that does not answer, a node that is silent. */
  rows(visit: Visit): Promise<Row[]>;
}

export const resources = {
  nodes: {
    key: "name",
    columns: ["name", "pid", "state", "actors", "calls", "rss_mb", "labels"],
    about: "processes that hold actors, of this and of other machines",
    async rows(visit: Visit) {
      const { actors, silent } = await visit.actors({ isBrief: true });
      const known = await visit.nodes();
      return known.map(({ info, report }) => ({
        name: info.name,
        pid: report?.pid ?? null,
        state: report === null ? "silent" : report.isStopping ? "stopping" : "up",
        actors: actors.filter(({ address }) => address.endsWith(`@${info.name}`)).length,
        calls: report?.inFlightCount ?? null,
        rss_mb: report === null ? null : Math.round(report.rssBytes / 2 ** 20),
        labels: Object.entries(info.labels)
          .map(([label, value]) => `${label}=${value}`)
          .join(" "),
        incarnation: info.incarnation,
        reason: silent.find(({ node }) => node === info.name)?.reason ?? null,
      }));
    },
  },
  hosts: {
    key: "host",
    columns: ["host", "node", "placement", "actors", "running", "waiting", "failed", "restarts"],
    about: "threads and processes that actors live in",
    async rows(visit: Visit) {
      const rows = await actorRows(visit);
      const hosts = [...new Set(rows.map(({ node, host }) => `${node} ${host}`))];
      return hosts.map((place) => {
        const own = rows.filter(({ node, host }) => `${node} ${host}` === place);
        const { node, host, placement } = own[0]!;
        const sum = (of: (row: (typeof own)[number]) => number | null) =>
          own.some((row) => of(row) === null) ? null : own.reduce((total, row) => total + of(row)!, 0);
        return {
          host,
          node,
          placement,
          actors: own.length,
          running: sum(({ running }) => running),
          waiting: sum(({ mailbox }) => mailbox),
          failed: sum(({ failed }) => failed),
          restarts: sum(({ restarts }) => restarts),
        };
      });
    },
  },
  actors: {
    key: "name",
    columns: ["name", "node", "class", "placement", "state", "mailbox", "running", "handled", "failed", "restarts"],
    about: "actors and how they are",
    rows: actorRows,
  },
  calls: {
    key: "method",
    columns: ["actor", "node", "method", "from", "since_s"],
    about: "what actors were asked and have not answered, the oldest first",
    async rows(visit: Visit) {
      const { actors } = await visit.actors({ isBrief: true });
      const calls = await Promise.all(
        actors.map(async ({ address }) =>
          (await visit.inFlight(address)).map(({ method, from, sinceMs }) => ({
            actor: nameOf(address),
            node: address.slice(address.lastIndexOf("@") + 1),
            method,
            from,
            since_s: Math.round(sinceMs) / 1000,
          })),
        ),
      );
      return calls.flat().sort((one, other) => other.since_s - one.since_s);
    },
  },
} satisfies Record<string, Resource>;

export type ResourceName = keyof typeof resources;

async function actorRows(visit: Visit) {
  const { actors } = await visit.actors();
  return toRows(actors).map(({ address, class: className, mailboxLength, mailboxCapacity, busyShare, ...row }) => ({
    name: nameOf(address),
    node: address.slice(address.lastIndexOf("@") + 1),
    class: className,
    ...row,
    state: row.state === "up" && row.handled === null ? "no answer" : row.state,
    mailbox: mailboxLength,
    capacity: mailboxCapacity,
    busy: busyShare === null ? null : Math.round(1000 * busyShare) / 1000,
  }));
}
