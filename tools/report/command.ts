// `iterant report`: the page of a run, written again; or several runs compared.
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { exitCodes, Failure } from "../failure.ts";
import { findRun, runsFolder } from "../run-folder.ts";
import { type Comparison, compareRuns } from "./compare.ts";
import { comparePageOf } from "./compare-page.ts";
import { type Figures, figuresOf } from "./figures.ts";
import { writeReport } from "./index.ts";
import { readRecords } from "./records.ts";
import { comparisonSvg } from "./svg.ts";

interface ReportFlags {
  out?: string;
  svg?: string;
  json?: boolean;
}

export function reportCommand(): Command {
  return new Command("report")
    .description("write the report of a run again, or one page that compares several runs")
    .argument("[runs...]", "names or folders of runs; the newest unless given")
    .option(
      "--out <file>",
      "where the page goes: report.html in the run, or compare.html beside the runs, unless given",
    )
    .option("--svg <file>", "also accuracy over samples, by strategy, as a picture")
    .option("--json", "print the figures, and write only what --out and --svg name")
    .addHelpText(
      "after",
      `
Examples:
  iterant report                                        the newest run's report.html
  iterant report exit-1 exit-2 grpo-1 grpo-2            ExIt against GRPO: mean and range over seeds, compare.html
  iterant report exit-1 grpo-1 --svg accuracy.svg       the same as a picture too
  iterant report exit-1 --json                          every figure and series, for your own plots`,
    )
    .action(async (names: string[], flags: ReportFlags) => {
      for (const line of await report(names, flags)) console.log(line);
    });
}

/**
 * Writes what is asked for; resolves with what there is to say.
 * @throws Failure `usage` for a run that there is not, or runs that cannot be compared
 */
export async function report(names: readonly string[], flags: ReportFlags): Promise<string[]> {
  const folders = names.length === 0 ? [findRun()] : names.map((name) => findRun(name));
  const runs: Figures[] = [];
  for (const folder of folders) runs.push(figuresOf(await readRecords(folder)));
  const said: string[] = [];
  const isPageWanted = flags.json !== true || flags.out !== undefined;
  const comparison = folders.length > 1 || flags.svg !== undefined ? compared(runs) : undefined;
  if (isPageWanted && comparison !== undefined && folders.length > 1) {
    const file = resolve(flags.out ?? join(runsFolder(), "compare.html"));
    writeFileSync(file, comparePageOf(comparison, runs));
    said.push(file);
  } else if (isPageWanted) {
    said.push(await writeReport(folders[0]!, flags.out === undefined ? undefined : resolve(flags.out)));
  }
  if (flags.svg !== undefined && comparison !== undefined) {
    writeFileSync(flags.svg, comparisonSvg(comparison));
    said.push(resolve(flags.svg));
  }
  if (flags.json !== true) return said;
  return [JSON.stringify(runs.length === 1 ? runs[0] : { runs, comparison }, null, 2)];
}

function compared(runs: readonly Figures[]): Comparison {
  try {
    return compareRuns(runs);
  } catch (error) {
    if (error instanceof RangeError) throw new Failure(exitCodes.usage, error.message);
    throw error;
  }
}
