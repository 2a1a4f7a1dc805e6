// Problems from JSONL files: read, checked, chosen and split before anything starts.
// A bad line is named by file and line with its reason. Choice and split follow from a hash of each problem's text and a
// seed, so they survive a file that is reordered, and a problem that stands twice is never on both sides.
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { contentHash } from "../digest.ts";
import { EnvironmentError } from "../errors.ts";
import { LineSplitter } from "../lines.ts";
import { hashFraction, shuffledByHash, type TaskSet, taskSetOf } from "../task.ts";
import { type MathTask, mathTaskOf, RowError } from "./problem.ts";
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
  signal?: AbortSignal;
}

/** A line that gave no task. */
export type BadLine = { file: string; line: number; reason: string };

export type LoadedTasks = {
  tasks: TaskSet<MathTask>;
  /** Lines left out, in the order they were found; empty unless `skipBad`. */
  skipped: BadLine[];
};

const maxLineBytes = 64 * 1024 * 1024;
const shownBadLines = 10;
/** Golds under way at once: enough to keep every process of a verifier busy. */
const goldsAtOnce = 64;

interface Row {
  task: MathTask;
  file: string;
  line: number;
}

/**
 * Loads one JSONL file, or one to train on and one to hold out.
 * @throws EnvironmentError `bad_data` with the first bad lines, or for an empty or missing file
 * @throws InfrastructureError if golds are checked and the verifier fails
 */
export async function loadMathTasks(
  source: string | { train: string; heldOut: string },
  options: LoadOptions = {},
): Promise<LoadedTasks> {
  const files = typeof source === "string" ? { train: source } : source;
  const { id = basename(files.train), subset, split, skipBad = false } = options;
  const bad: BadLine[] = [];
  const seen = new Map<string, Row>();
  const heldOutFile = "heldOut" in files ? files.heldOut : undefined;
  if (heldOutFile !== undefined && split) {
    throw new EnvironmentError("bad_data", `a held-out file and a split - ${id} - give one of them`);
  }
  const heldOut = heldOutFile === undefined ? [] : await readRows(heldOutFile, seen, bad, options.signal);
  const train = await readRows(files.train, seen, bad, options.signal);
  const rows = [...(await choose(train, subset, bad, options)), ...(await checkGolds(heldOut, bad, options))];
  if (bad.length > 0 && !skipBad) throw new EnvironmentError("bad_data", complaint(id, bad));
  if (rows.length === 0) {
    throw new EnvironmentError("bad_data", `no problem is left of ${bad.length} bad lines - ${id} - ${firstOf(bad)}`);
  }
  const heldOutIds = new Set(heldOut.map(({ task }) => task.id));
  const isHeldOut = (task: MathTask) =>
    heldOutIds.has(task.id) || (split !== undefined && hashFraction(split.seed, splitText(task)) < split.heldOut);
  const tasks = rows.map(({ task }) => task);
  return { tasks: taskSetOf(id, tasks, isHeldOut), skipped: bad };
}

/** The tasks of a file. Bad lines go to `bad`; `seen` tells ids and problems of all files read so far. */
async function readRows(
  file: string,
  seen: Map<string, Row>,
  bad: BadLine[],
  signal: AbortSignal | undefined,
): Promise<Row[]> {
  const rows: Row[] = [];
  let line = 0;
  for await (const text of linesOf(file, signal)) {
    line += 1;
    if (text.trim() === "") continue;
    try {
      const row = { task: mathTaskOf(parseLine(text)), file, line };
      refuseTwice(row, seen);
      rows.push(row);
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      bad.push({ file, line, reason: error.message });
    }
  }
  if (rows.length === 0 && bad.every((one) => one.file !== file)) {
    throw new EnvironmentError("bad_data", `the file is empty - ${file} - it should hold one JSON object a line`);
  }
  return rows;
}

async function* linesOf(file: string, signal: AbortSignal | undefined): AsyncGenerator<string> {
  const splitter = new LineSplitter(maxLineBytes);
  try {
    for await (const chunk of createReadStream(file, { signal })) yield* splitter.push(chunk as Buffer);
  } catch (error) {
    signal?.throwIfAborted();
    const advice = "give the path of a JSONL file";
    throw new EnvironmentError("bad_data", `it cannot be read: ${(error as Error).message} - ${file} - ${advice}`);
  }
  const last = splitter.end();
  if (last !== undefined) yield last;
}

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new RowError(`not JSON: ${(error as Error).message}`);
  }
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
