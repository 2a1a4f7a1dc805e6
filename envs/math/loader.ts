// Problems from files, published sets or our generator: read, checked, chosen and split before anything starts.
// A bad line is named by file and line with its reason. Choice and split follow from a hash of each problem's text and a
// seed, so they survive a file that is reordered, and a problem that stands twice is never on both sides.
import { basename } from "node:path";
import { contentHash } from "../digest.ts";
import { EnvironmentError } from "../errors.ts";
import { type HubOptions, hubFiles } from "../hub.ts";
import { hashFraction, shuffledByHash, type TaskSet, taskSetOf } from "../task.ts";
import { generatedRows, generatorOf } from "./generator.ts";
import { type MathTask, mathTaskOf, RowError } from "./problem.ts";
import { type PlacedRow, readRows } from "./rows.ts";
import { sourceOf } from "./sets.ts";
import type { MathVerifier } from "./verifier.ts";

export interface LoadOptions {
  /** The set's name; the file's unless said. */
  id?: string;
  /** A part of the training file, drawn by this seed; all of it unless said. */
  subset?: { count: number; seed: number };
  /** A share of one file, from 0 to 1, kept from training; none unless said. Not together with a held-out file. */
  split?: { heldOut: number; seed: number };
  /** Leave bad lines out, and count them, instead of refusing to load. */
  skipBad?: boolean;
  /** Checks that every chosen gold can be compared with; golds are believed without it. */
  verifier?: Pick<MathVerifier, "checkGold">;
  /** Where published sets are fetched from and kept. */
  hub?: Omit<HubOptions, "signal">;
  signal?: AbortSignal;
}

/** A line that gave no task. */
export type BadLine = { file: string; line: number; reason: string };

export type LoadedTasks = {
  tasks: TaskSet<MathTask>;
  /** Lines left out, in the order they were found; empty unless `skipBad`. */
  skipped: BadLine[];
  /** Rows that a published set's own rule leaves out, by reason: no bad lines. */
  leftOut: Readonly<Record<string, number>>;
};

const shownBadLines = 10;
/** Golds under way at once: enough to keep every process of a verifier busy. */
const goldsAtOnce = 64;

interface Row {
  task: MathTask;
  file: string;
  line: number;
}

/** What one reading has found so far, over all its files. */
interface Reading {
  /** Ids and problems, and where each stood first. */
  seen: Map<string, Row>;
  bad: BadLine[];
  leftOut: Record<string, number>;
}

/**
 * Loads one source, or one to train on and one to hold out. A source is the path of a JSONL, JSON or parquet file; the
 * name of a published set (sets.ts), which is fetched; `name=path`, a file read as that set; or `generated`, with levels
 * if wanted: `generated:1-3`.
 * @throws EnvironmentError `bad_data` with the first bad lines, or for an empty or missing file
 * @throws InfrastructureError if golds are checked and the verifier fails
 */
export async function loadMathTasks(
  source: string | { train: string; heldOut: string },
  options: LoadOptions = {},
): Promise<LoadedTasks> {
  const files = typeof source === "string" ? { train: source } : source;
  const { id = basename(files.train), subset, split, skipBad = false } = options;
  const reading: Reading = { seen: new Map(), bad: [], leftOut: {} };
  const { bad } = reading;
  const heldOutFile = "heldOut" in files ? files.heldOut : undefined;
  if (heldOutFile !== undefined && split) {
    throw new EnvironmentError("bad_data", `a held-out file and a split - ${id} - give one of them`);
  }
  const heldOut = heldOutFile === undefined ? [] : await tasksOf(heldOutFile, reading, options);
  const train = await tasksOf(files.train, reading, options);
  const rows = [...(await choose(train, subset, bad, options)), ...(await checkGolds(heldOut, bad, options))];
  if (bad.length > 0 && !skipBad) throw new EnvironmentError("bad_data", complaint(id, bad));
  if (rows.length === 0) {
    throw new EnvironmentError("bad_data", `no problem is left of ${bad.length} bad lines - ${id} - ${firstOf(bad)}`);
  }
  const heldOutIds = new Set(heldOut.map(({ task }) => task.id));
  const isHeldOut = (task: MathTask) =>
    heldOutIds.has(task.id) || (split !== undefined && hashFraction(split.seed, splitText(task)) < split.heldOut);
  const tasks = rows.map(({ task }) => task);
  return { tasks: taskSetOf(id, tasks, isHeldOut), skipped: bad, leftOut: reading.leftOut };
}

/** The tasks of a source. Bad lines go to the reading, which tells ids and problems of all sources so far. */
async function tasksOf(source: string, reading: Reading, options: LoadOptions): Promise<Row[]> {
  const generator = generatorOf(source);
  if (generator) return rowsOf(source, generatedRows(generator), reading);
  const { set, file } = sourceOf(source);
  const { signal, hub } = options;
  const files = file !== null ? [file] : await hubFiles(set!.hub, { ...hub, ...(signal && { signal }) });
  const rows: Row[] = [];
  let rowCount = 0;
  for (const one of files) {
    const counted = count(readRows(one, signal));
    rows.push(...(await rowsOf(one, counted.rows, reading, set?.leaveOut)));
    rowCount += counted.count();
  }
  if (set?.rowCount != null && rowCount !== set.rowCount) {
    const what = `${rowCount} rows, but ${set.name} has ${set.rowCount}`;
    const advice = `use the whole ${set.hub.split} split of ${set.hub.id}, or give the path alone`;
    throw new EnvironmentError("bad_data", `${what} - ${files.join(", ")} - ${advice}`);
  }
  return rows;
}

async function rowsOf(
  file: string,
  placed: AsyncIterable<PlacedRow> | Iterable<PlacedRow>,
  { seen, bad, leftOut }: Reading,
  leaveOut: (row: Record<string, unknown>) => string | null = () => null,
): Promise<Row[]> {
  const rows: Row[] = [];
  let rowCount = 0;
  for await (const { line, ...read } of placed) {
    rowCount += 1;
    try {
      if ("error" in read) throw read.error;
      const reason = typeof read.row === "object" && read.row !== null ? leaveOut(read.row as never) : null;
      if (reason !== null) {
        leftOut[reason] = (leftOut[reason] ?? 0) + 1;
        continue;
      }
      const row = { task: mathTaskOf(read.row), file, line };
      refuseTwice(row, seen);
      rows.push(row);
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      bad.push({ file, line, reason: error.message });
    }
  }
  if (rowCount === 0) {
    throw new EnvironmentError("bad_data", `the file is empty - ${file} - it should hold one JSON object a line`);
  }
  return rows;
}

/** Counts rows as they pass. */
function count(rows: AsyncIterable<PlacedRow>) {
  let passed = 0;
  return {
    count: () => passed,
    rows: (async function* () {
      for await (const row of rows) {
        passed += 1;
        yield row;
      }
    })(),
  };
}

/** Ids are unique, and so are problems: one that stands twice would be sampled twice, or trained on and held out. */
function refuseTwice(row: Row, seen: Map<string, Row>): void {
  const keys: [string, string][] = [
    [`id ${row.task.id}`, "the id"],
    [`problem ${contentHash(splitText(row.task))}`, "the problem"],
  ];
  for (const [key, what] of keys) {
    const first = seen.get(key);
    if (first) throw new RowError(`${what} stands already at ${first.file}:${first.line}`);
  }
  for (const [key] of keys) seen.set(key, row);
}

/** The problem without what retyping changes: equal texts are one problem. */
function splitText(task: MathTask): string {
  return task.problem.normalize("NFKC").replace(/\s+/g, " ");
}

/** The first `count` rows whose gold can be read, in the seed's order; all of them, in the file's, without a subset. */
async function choose(
  rows: readonly Row[],
  subset: LoadOptions["subset"],
  bad: BadLine[],
  options: LoadOptions,
): Promise<Row[]> {
  if (!subset) return checkGolds(rows, bad, options);
  const drawn = shuffledByHash(subset.seed, rows, ({ task }) => splitText(task));
  const chosen: Row[] = [];
  while (chosen.length < subset.count && drawn.length > 0) {
    const next = drawn.splice(0, subset.count - chosen.length);
    chosen.push(...(await checkGolds(next, bad, options)));
  }
  if (chosen.length < subset.count && bad.length === 0) {
    const file = rows[0]?.file;
    throw new EnvironmentError(
      "bad_data",
      `a subset of ${subset.count} from ${rows.length} problems - ${file} - ask for less`,
    );
  }
  return chosen;
}

async function checkGolds(rows: readonly Row[], bad: BadLine[], options: LoadOptions): Promise<Row[]> {
  const { verifier, signal } = options;
  if (!verifier) return [...rows];
  const good: Row[] = [];
  for (let at = 0; at < rows.length; at += goldsAtOnce) {
    const some = rows.slice(at, at + goldsAtOnce);
    const verdicts = await Promise.all(some.map(({ task }) => verifier.checkGold(task.answer, signal && { signal })));
    for (const [index, row] of some.entries()) {
      const { kind } = verdicts[index]!;
      if (kind === "correct") good.push(row);
      else bad.push({ file: row.file, line: row.line, reason: goldComplaint(row.task.answer, kind) });
    }
  }
  return good;
}

function goldComplaint(answer: string, kind: "unparsed_gold" | "timeout"): string {
  const gold = answer.length > 60 ? `${answer.slice(0, 60)}…` : answer;
  return `math-verify cannot read the answer '${gold}'${kind === "timeout" ? " in time" : ""}`;
}

function complaint(id: string, bad: readonly BadLine[]): string {
  const shown = bad.slice(0, shownBadLines).map(({ file, line, reason }) => `\n  ${file}:${line}: ${reason}`);
  const rest = bad.length > shownBadLines ? `\n  and ${bad.length - shownBadLines} more` : "";
  const count = bad.length === 1 ? "1 bad line" : `${bad.length} bad lines`;
  return `${count} - ${id} - mend them, or load with skipBad:${shown.join("")}${rest}`;
}

function firstOf(bad: readonly BadLine[]): string {
  const [first] = bad;
  return first ? `the first: ${first.file}:${first.line}: ${first.reason}` : "give another file";
}
