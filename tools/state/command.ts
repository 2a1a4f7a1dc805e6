// `iterant state`: nodes, hosts, actors and calls of a live run, as tables or JSON, filtered on every column.
import { Argument, Command } from "commander";
import { renderTable } from "../attach/render.ts";
import { Visit } from "../attach/visit.ts";
import { exitCodes, Failure } from "../failure.ts";
import { findRun } from "../run-folder.ts";
import { collect, parseCount } from "../train/command.ts";
import { makeFilter } from "./filter.ts";
import { type Resource, type ResourceName, type Row, resources } from "./resources.ts";

const names = Object.keys(resources) as ResourceName[];
const kinds = names.map((name) => `  ${name.padEnd(7)} ${resources[name].about}`).join("\n");
const kindArgument = () => new Argument("<kind>", "what to look at").choices(names);

interface ListFlags {
  filter: string[];
  limit: number;
  json?: boolean;
}

export function stateCommand(): Command {
  return new Command("state")
    .description("what a live run is doing: its nodes, hosts, actors and calls on their way")
    .addCommand(listCommand())
    .addCommand(getCommand())
    .addCommand(summaryCommand())
    .addHelpText(
      "after",
      `
Kinds:
${kinds}

Examples:
  iterant state list actors                                 of the newest run
  iterant state list actors my-run --filter placement=thread --filter mailbox>0
  iterant state list calls --filter since_s>5 --json        what hangs, for a script
  iterant state get actors environment-1
  iterant state summary`,
    );
}

function listCommand(): Command {
  return new Command("list")
    .description("rows of one kind")
    .addArgument(kindArgument())
    .argument("[run]", "a run's name or folder; the newest unless given")
    .option("--filter <condition>", "column=value, column!=value, column>1; repeatable, all must hold", collect, [])
    .option("--limit <n>", "rows at most", parseCount, 100)
    .option("--json", "one JSON object, with every column")
    .action(async (kind: ResourceName, run: string | undefined, { filter, limit, json }: ListFlags) => {
      const rows = await rowsOf(kind, run);
      const isMeant = makeFilter(filter, columnsOf(kind, rows));
      const meant = rows.filter(isMeant);
      const shown = meant.slice(0, limit);
      if (json) console.log(JSON.stringify({ [kind]: shown, total: meant.length }));
      else console.log(tableOf(kind, shown));
      if (!json && meant.length > shown.length) console.log(`and ${meant.length - shown.length} more: raise --limit`);
    });
}

function getCommand(): Command {
  return new Command("get")
    .description("all there is to know of one")
    .addArgument(kindArgument())
    .argument("<name>", "as the first column of the list says it")
    .argument("[run]", "a run's name or folder; the newest unless given")
    .option("--json", "a list of JSON objects: two nodes may know the same name")
    .action(async (kind: ResourceName, name: string, run: string | undefined, { json }: { json?: boolean }) => {
      const rows = await rowsOf(kind, run);
      const { key } = resources[kind] as Resource;
      const found = rows.filter((row) => row[key] === name);
      if (found.length === 0) {
        const known = [...new Set(rows.map((row) => row[key]))].slice(0, 10).join(", ");
        throw new Failure(exitCodes.usage, `there is no ${name} among the ${kind}. There are: ${known || "none"}.`);
      }
      console.log(json ? JSON.stringify(found) : found.map(linesOf).join("\n\n"));
    });
}

function summaryCommand(): Command {
  return new Command("summary")
    .description("how many of each there are, and what does not answer")
    .argument("[run]", "a run's name or folder; the newest unless given")
    .option("--json", "one JSON object")
    .action(async (run: string | undefined, { json }: { json?: boolean }) => {
      await using visit = await Visit.open(findRun(run));
      const [nodes, actors, calls] = await Promise.all(
        [resources.nodes, resources.actors, resources.calls].map(({ rows }) => rows(visit) as Promise<Row[]>),
      );
      const summary = {
        nodes: countBy(nodes!, "state"),
        actors: countBy(actors!, "state"),
        placements: countBy(actors!, "placement"),
        classes: countBy(actors!, "class"),
        calls: countBy(calls!, "method"),
      };
      if (json) console.log(JSON.stringify(summary));
      else console.log(Object.entries(summary).map(summaryLine).join("\n"));
    });
}

async function rowsOf(kind: ResourceName, run: string | undefined): Promise<Row[]> {
  await using visit = await Visit.open(findRun(run));
  return await resources[kind].rows(visit);
}

/** All that rows have; those of the table where there is no row to look at. */
function columnsOf(kind: ResourceName, rows: readonly Row[]): string[] {
  return rows[0] ? Object.keys(rows[0]) : [...resources[kind].columns];
}

function tableOf(kind: ResourceName, rows: readonly Row[]): string {
  if (rows.length === 0) return `no ${kind}`;
  const columns = resources[kind].columns.map((title) => ({
    title,
    text: (row: Row) => String(row[title] ?? "?"),
    isNumber: rows.every((row) => typeof row[title] !== "string"),
  }));
  return renderTable(columns, rows);
}

function linesOf(row: Row): string {
  const width = Math.max(...Object.keys(row).map((column) => column.length));
  return Object.entries(row)
    .map(([column, value]) => `  ${column.padEnd(width)}  ${value ?? "?"}`)
    .join("\n");
}

function countBy(rows: readonly Row[], column: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of rows) counts[String(row[column])] = (counts[String(row[column])] ?? 0) + 1;
  return counts;
}

function summaryLine([what, counts]: [string, Record<string, number>]): string {
  const parts = Object.entries(counts).map(([value, count]) => `${count} ${value}`);
  return `  ${what.padEnd(10)}  ${parts.join(", ") || "none"}`;
}
