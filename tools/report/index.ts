// The report of a run.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSummary, runFiles } from "../run-folder.ts";

/** Writes `report.html`; resolves with its path. */
export async function writeReport(folder: string): Promise<string> {
  const file = join(folder, runFiles.report);
  await writeFile(file, `<!doctype html><pre>${JSON.stringify(readSummary(folder), null, 2)}</pre>\n`);
  return file;
}
