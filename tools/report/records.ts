// A run's folder as a report needs it: configuration, rows, chains of answers, summary. Everything may be missing but the first.
// A run that was resumed has written some iterations twice: what counts is the life that went on.
// A line that a crash has torn is left out.
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import {
  type ChainRecord,
  type EvaluationRow,
  type IterationRow,
  type LogRow,
  type NoticeRow,
  type RunConfig,
  type RunSummary,
  readGroups,
} from "../../actors/index.ts";
import { readConfig, readSummary, runFiles } from "../run-folder.ts";
import { type Machine, readMachine } from "./machine.ts";

export interface RunRecords {
  folder: string;
  name: string;
  config: RunConfig;
  /** By iteration, each once. */
  iterations: IterationRow[];
  /** By iteration, each once. */
  evaluations: EvaluationRow[];
  notices: NoticeRow[];
  /** Chains of answers by the evaluation's iteration. */
  chains: ReadonlyMap<number, readonly ChainRecord[]>;
  /** Undefined for a run that lives or broke off. */
  summary: RunSummary | undefined;
  machine: Machine | undefined;
  begunAt: Date;
}

export async function readRecords(folder: string): Promise<RunRecords> {
  const config = readConfig(folder);
  const rows = survivingRows(readLines<LogRow>(join(folder, runFiles.metrics)));
  return {
    folder: resolve(folder),
    name: basename(resolve(folder)),
    config,
    ...rows,
    chains: readChains(join(folder, runFiles.evaluations), rows.evaluations),
    summary: readSummary(folder),
    machine: readMachine(folder),
    begunAt: await beginningOf(folder),
  };
}

/**
 * The rows of the life that went on. Iteration i is told before anything that follows from it; so when it is told again,
 * whatever was told of it and of later ones belongs to a life that was abandoned.
 */
export function survivingRows(rows: readonly LogRow[]): Pick<RunRecords, "iterations" | "evaluations" | "notices"> {
  let iterations: IterationRow[] = [];
  let evaluations: EvaluationRow[] = [];
  const notices: NoticeRow[] = [];
  for (const row of rows) {
    if (row.kind === "iteration") {
      if (row.iteration <= (iterations.at(-1)?.iteration ?? 0)) {
        iterations = iterations.filter(({ iteration }) => iteration < row.iteration);
        evaluations = evaluations.filter(({ iteration }) => iteration < row.iteration);
      }
      iterations.push(row);
    } else if (row.kind === "evaluation") {
      evaluations = [...evaluations.filter(({ iteration }) => iteration !== row.iteration), row];
    } else {
      notices.push(row);
    }
  }
  return { iterations, evaluations: evaluations.sort((one, other) => one.iteration - other.iteration), notices };
}

/** The newest chains of each evaluation that counts. */
function readChains(file: string, evaluations: readonly EvaluationRow[]): Map<number, ChainRecord[]> {
  const byIteration = new Map(evaluations.map(({ iteration }) => [iteration, new Map<string, ChainRecord>()]));
  for (const { iteration, ...chain } of readLines<ChainRecord & { iteration: number }>(file)) {
    byIteration.get(iteration)?.set(JSON.stringify([chain.task, chain.sample]), chain);
  }
  return new Map([...byIteration].map(([iteration, chains]) => [iteration, [...chains.values()]]));
}

function readLines<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      if (line === "") return [];
      try {
        return [JSON.parse(line) as T];
      } catch {
        return []; // torn by a crash, and what it said was never acted on
      }
    });
}

/** When the first group was written; failing that, when the configuration was. */
async function beginningOf(folder: string): Promise<Date> {
  const episodes = join(folder, runFiles.episodes);
  if (existsSync(episodes)) {
    for await (const { atMs } of readGroups(episodes)) return new Date(atMs);
  }
  return statSync(join(folder, runFiles.config)).mtime;
}
