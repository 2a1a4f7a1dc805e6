// The report of a run: one page that stands alone, made from what the run has recorded.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runFiles } from "../run-folder.ts";
import { choosePairs } from "./episodes.ts";
import { pageOf } from "./page.ts";
import { readProblemTexts } from "./problem-texts.ts";
import { type RunRecords, readRecords } from "./records.ts";

export { recordMachine } from "./machine.ts";

/** Writes a run's page, over the one that may be there; resolves with its path. `report.html` in the run unless said. */
export async function writeReport(folder: string, file = join(folder, runFiles.report)): Promise<string> {
  const records = await readRecords(folder);
  const pairs = choosePairs(...firstAndLastChains(records));
  const problems = pairs.length === 0 ? new Map() : await readProblemTexts(records.config);
  writeFileSync(file, pageOf({ records, pairs, problems }));
  return file;
}

function firstAndLastChains({ evaluations, chains }: RunRecords) {
  const [first, last] = [evaluations.at(0), evaluations.at(-1)];
  if (first === undefined || last === undefined || first === last) return [[], []] as const;
  return [chains.get(first.iteration) ?? [], chains.get(last.iteration) ?? []] as const;
}
