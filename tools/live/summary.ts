// The table at the end of a run: what it reached, what it cost, and what to type next.
// Pure but for a look at the run's own configuration. Plain text, in at most 80 columns but for long paths.
import { basename, dirname, join, relative } from "node:path";
import type { RunConfig, RunSummary } from "../../actors/index.ts";
import { readConfig, runFiles, runsFolder } from "../run-folder.ts";
import { pad } from "./line.ts";
import { clock, count, counted, decimal, percent, points } from "./numbers.ts";

export function renderSummary(summary: RunSummary, folder: string): string {
  const config = readConfig(folder);
  const commands = nextCommands(summary, config, nameOf(folder));
  const commandWidth = Math.max(...commands.map(([command]) => command.length));
  const lines = [
    "",
    headline(summary),
    "",
    ...accuracyTable(summary),
    "",
    ...facts(summary).map(([label, text]) => `  ${pad(label, 16)}${text}`),
    "",
    `  ${pad("report", 16)}${shortened(join(folder, runFiles.report))}`,
    ...(isTiny(config) && summary.accuracy.k0.after !== null ? ["", ...whatToLookAt(summary)] : []),
    "",
    "  next",
    ...commands.map(([command, purpose]) => `    ${pad(command, commandWidth)}   ${purpose}`),
    "",
  ];
  return `${lines.join("\n")}\n`;
}

function headline({ strategy, seed, steps, wall_s, finished }: RunSummary): string {
  const how = finished ? "done" : "ended early, can be resumed";
  return `  ${strategy}, seed ${seed}: ${counted(steps, "iteration")} in ${clock(wall_s)}, ${how}`;
}

function accuracyTable({ accuracy: { k0, kK, K } }: RunSummary): string[] {
  const row = (label: string, cells: string[]) =>
    `  ${pad(label, 28)}${cells.map((cell) => cell.padStart(11)).join("")}`;
  const rows = [
    row("held-out accuracy", ["before", "after", "points"]),
    row("first answer (k=0)", [percent(k0.before), percent(k0.after), points(k0.before, k0.after)]),
  ];
  if (K === 0) return rows;
  const gained = [points(k0.before, kK.before), points(k0.after, kK.after)];
  return [
    ...rows,
    row(`after ${counted(K, "step")} (k=${K})`, [percent(kK.before), percent(kK.after), points(kK.before, kK.after)]),
    row(`what the ${K === 1 ? "step adds" : "steps add"}`, [...gained, ""]).trimEnd(),
  ];
}

function facts(summary: RunSummary): [label: string, text: string][] {
  const { steps, version, samples, samples_per_s, wall_s, setup_s, first_update_s, policy_lag, ledger } = summary;
  const { admitted, ...ends } = ledger;
  const met = Object.entries(ends).filter(([end, ended]) => ended > 0 || end === "trained");
  const firstUpdate = first_update_s === null ? "no update" : `first update after ${decimal(first_update_s, 1)} s`;
  const facts: [string, string][] = [
    ["iterations", `${count(steps)} (${counted(version, "update")} of the weights)`],
    ["samples", `${count(samples)}, ${decimal(samples_per_s, 1)} a second`],
    ["time", `${clock(wall_s)}, set up in ${decimal(setup_s, 1)} s, ${firstUpdate}`],
    ["policy lag", `${decimal(policy_lag.mean)} mean, ${policy_lag.max} max`],
    ["episodes", `${count(admitted)} admitted = ${met.map(([end, ended]) => `${count(ended)} ${end}`).join(" + ")}`],
  ];
  const shares = learnerShares(summary.learner_time_s);
  if (shares !== null) facts.push(["learner", shares]);
  return facts;
}

function learnerShares(time: RunSummary["learner_time_s"]): string | null {
  const verbs: Record<string, string> = {
    update: "updating",
    wait: "waiting",
    publish: "giving out",
    checkpoint: "saving",
  };
  const whole = Object.values(time).reduce((sum, seconds) => sum + seconds, 0);
  if (!(whole > 0)) return null;
  return Object.entries(verbs)
    .map(([part, verb]) => `${percent((time[part] ?? 0) / whole, 0)} ${verb}`)
    .join(", ");
}

function whatToLookAt({ accuracy: { k0, K }, strategy }: RunSummary): string[] {
  return [
    `  Look at k=0 (${points(k0.before, k0.after)} points): a model of 0.25 M parameters had wrong habits in`,
    "  solving equations, such as moving a term without changing its sign, and reward",
    `  alone has changed them. k=${K} is the same model shown its own answer ${counted(K, "time")};`,
    `  in the report, follow three problems answer by answer${strategy === "grpo" ? "." : ", and how the curriculum"}`,
    ...(strategy === "grpo" ? [] : ["  went from base tasks to improving the model's own answers."]),
  ];
}

function nextCommands({ finished, strategy }: RunSummary, config: RunConfig, name: string): [string, string][] {
  const isCompared = isTiny(config) && strategy !== "grpo";
  return [
    ...(finished ? [] : [[`iterant resume ${name}`, "go on from there"] as [string, string]]),
    [`iterant replay ${name}`, "read its episodes"],
    [`iterant eval ${name}`, "measure it again"],
    ...(isCompared
      ? [
          [`iterant train --preset tiny --strategy grpo --seed ${config.seed}`, "the same, plain GRPO"] as [
            string,
            string,
          ],
        ]
      : []),
    ["iterant attach", "look into a live run"],
  ];
}

function isTiny({ model, problems }: RunConfig): boolean {
  return model === "tiny" && problems.train === "tiny";
}

/** A run that lies where runs lie is called by its name. */
function nameOf(folder: string): string {
  return dirname(folder) === runsFolder() ? basename(folder) : shortened(folder);
}

function shortened(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere !== "" && fromHere.length < path.length ? fromHere : path;
}
