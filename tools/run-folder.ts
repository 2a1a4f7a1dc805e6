// Where runs lie and what lies in one. `latest` is the newest; a run is named by its folder or its name in `runs`.
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { RunConfig, RunSummary } from "../actors/index.ts";
import { exitCodes, Failure } from "./failure.ts";

/** The folder that holds all runs: `runs` in the working directory, or ITERANT_RUNS. */
export function runsFolder(): string {
  return resolve(process.env.ITERANT_RUNS ?? "runs");
}

/** Files of a run. */
export const runFiles = {
  config: "config.json",
  metrics: "metrics.jsonl",
  summary: "summary.json",
  report: "report.html",
  evaluations: "evaluations.jsonl",
  episodes: "episodes",
  checkpoints: "checkpoints",
  logs: "logs",
  /** Points at weights on their way to the engines, while the run lives. */
  weights: "weights",
  /** Where the run's node listens while it lives, for attach. */
  node: "node.json",
} as const;

/**
 * The folder of a run, by its path, its name, or `latest`.
 * @throws Failure `usage`, listing the runs that there are
 */
export function findRun(name = "latest"): string {
  const candidates = [resolve(name), join(runsFolder(), name)];
  const found = candidates.find((folder) => existsSync(join(folder, runFiles.config)));
  if (found !== undefined) return resolve(found);
  const known = listRuns();
  const hint =
    known.length === 0 ? "There are no runs yet: iterant train makes one." : `There are: ${known.join(", ")}.`;
  throw new Failure(exitCodes.usage, `no run '${name}' in ${runsFolder()}. ${hint}`);
}

/** A name that sorts by time: `20261125-101500-exit-0`. */
export function timedName(what: string): string {
  const time = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  return `${time}-${what}`;
}

/**
 * A folder that is not there yet, beside the runs.
 * @param goOn the command that goes on with what is there already
 * @throws Failure `usage`
 */
export function newFolder(name: string, goOn: string): string {
  if (!/^[\w.-]+$/.test(name) || name === "latest") {
    throw new Failure(
      exitCodes.usage,
      `--name ${name}: use letters, digits, dots, dashes and underscores, and not latest.`,
    );
  }
  const folder = join(runsFolder(), name);
  const isEmpty = !existsSync(folder) || readdirSync(folder).length === 0;
  if (isEmpty) return folder;
  throw new Failure(
    exitCodes.usage,
    `there is a ${name} already in ${runsFolder()}. Choose another name, or: ${goOn} ${name}`,
  );
}

/** Names of all runs, oldest first. */
export function listRuns(): string[] {
  const folder = runsFolder();
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name !== "latest" && existsSync(join(folder, name, runFiles.config)))
    .sort();
}

/** Points `runs/latest` at a run. */
export function markLatest(folder: string): void {
  const link = join(runsFolder(), "latest");
  if (existsSync(link) || isLink(link)) rmSync(link);
  symlinkSync(basename(folder), link);
}

/** The run that `latest` points at; undefined if none does. */
export function latestName(): string | undefined {
  const link = join(runsFolder(), "latest");
  return isLink(link) ? readlinkSync(link) : undefined;
}

/** The resolved configuration that the run was started with. */
export function readConfig(folder: string): RunConfig {
  return JSON.parse(readFileSync(join(folder, runFiles.config), "utf8")) as RunConfig;
}

/** The summary, or undefined for a run that has not ended yet. */
export function readSummary(folder: string): RunSummary | undefined {
  const file = join(folder, runFiles.summary);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as RunSummary) : undefined;
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}
