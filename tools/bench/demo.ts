// The demo's curve, measured: every strategy at equal samples over several seeds, and where each CPU-second goes.
// Runs the command line as a person would, one run at a time, and reads what it left.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { EvaluationRow, LogRow, RunSummary } from "../../actors/index.ts";
import { runsFolder } from "../run-folder.ts";
import { processTimes } from "./process-times.ts";

const entry = fileURLToPath(new URL("../cli.js", import.meta.url));
export const strategies = ["grpo", "exit"] as const;

export interface DemoRun {
  name: string;
  strategy: string;
  seed: number;
  summary: RunSummary;
  evaluations: EvaluationRow[];
  /** CPU-seconds by part: learner, engine, node, verify. */
  cpu_s: Record<string, number>;
}

/** Trains the demo's task with each strategy and seed, for the same number of iterations. */
export async function benchDemo(seeds: number, tell: (line: string) => void): Promise<DemoRun[]> {
  const runs: DemoRun[] = [];
  for (let seed = 0; seed < seeds; seed += 1) {
    for (const strategy of strategies) {
      const run = await demoRun(strategy, seed);
      const { k0, kK, K } = run.summary.accuracy;
      tell(`${run.name}: k=0 ${k0.before} -> ${k0.after}, k=${K} ${kK.before} -> ${kK.after}`);
      runs.push(run);
    }
  }
  return runs;
}

async function demoRun(strategy: string, seed: number): Promise<DemoRun> {
  const name = `bench-${strategy}-${seed}-${Date.now()}`;
  const flags = ["--preset", "tiny", "--strategy", strategy, "--seed", String(seed), "--name", name];
  const child = spawn(process.execPath, [entry, "train", ...flags, "--set", "training.targetMinutes=null"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr!.on("data", (text: Buffer) => {
    said = `${said}${text}`.slice(-4000);
  });
  const times = processTimes(child.pid!);
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  const cpu_s = times.stop();
  if (code !== 0) throw new Error(`the run ${name} ended with code ${code}:\n${said}`);
  const folder = join(runsFolder(), name);
  const rows = readFileSync(join(folder, "metrics.jsonl"), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as LogRow);
  return {
    name,
    strategy,
    seed,
    summary: JSON.parse(readFileSync(join(folder, "summary.json"), "utf8")) as RunSummary,
    evaluations: rows.filter((row) => row.kind === "evaluation"),
    cpu_s,
  };
}

/** The table of the README: mean over seeds, and the range. */
export function demoTable(runs: readonly DemoRun[]): string[] {
  const K = runs[0]!.summary.accuracy.K;
  const lines = [
    `| strategy | k=0 before | k=0 after | k=${K} before | k=${K} after | gain of ${K} steps after | samples |`,
    "|---|---|---|---|---|---|---|",
  ];
  for (const strategy of strategies) {
    const own = runs.filter((run) => run.strategy === strategy);
    const of = (pick: (summary: RunSummary) => number | null) => spread(own.map(({ summary }) => pick(summary) ?? 0));
    lines.push(
      `| ${strategy} | ${of(({ accuracy }) => accuracy.k0.before)} | ${of(({ accuracy }) => accuracy.k0.after)} | ` +
        `${of(({ accuracy }) => accuracy.kK.before)} | ${of(({ accuracy }) => accuracy.kK.after)} | ` +
        `${of(({ accuracy }) => (accuracy.kK.after ?? 0) - (accuracy.k0.after ?? 0))} | ${own[0]!.summary.samples} |`,
    );
  }
  return lines;
}

/** Where time goes: samples a second, shares of CPU-seconds, idle learner. */
export function demoFigures(runs: readonly DemoRun[]): string[] {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return strategies.map((strategy) => {
    const own = runs.filter((run) => run.strategy === strategy);
    const total = mean(own.map(({ cpu_s }) => Object.values(cpu_s).reduce((sum, value) => sum + value, 0)));
    const parts = Object.keys(own[0]!.cpu_s).map(
      (part) => `${part} ${Math.round((100 * mean(own.map(({ cpu_s }) => cpu_s[part]!))) / total)} %`,
    );
    const idle = mean(
      own.map(({ summary: { learner_time_s: time } }) => {
        return time.wait! / Object.values(time).reduce((sum, value) => sum + value, 0);
      }),
    );
    const rate = mean(own.map(({ summary }) => summary.samples_per_s));
    const first = mean(own.map(({ summary }) => summary.first_update_s ?? 0));
    const wall = mean(own.map(({ summary }) => summary.wall_s));
    return (
      `${strategy}: ${Math.round(rate)} samples/s, ${Math.round(wall)} s; of ${Math.round(total)} CPU-seconds ` +
      `${parts.join(", ")}; the learner waits ${Math.round(100 * idle)} % of its time; first update after ${first.toFixed(1)} s`
    );
  });
}

function spread(values: number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const range = `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`;
  return `${mean.toFixed(3)} (${range})`;
}
