// Rows from a file of problems: JSON lines, one JSON array, or parquet. The format is seen from the first bytes.
// Knows no field: what a row means is problem.ts's affair. The only door to hyparquet.
import { createReadStream } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { EnvironmentError } from "../errors.ts";
import { LineSplitter } from "../lines.ts";
import { RowError } from "./problem.ts";

/** A row and where it stands, counted from 1: the line of a JSONL file, the place in an array or a parquet file. */
export type PlacedRow = { line: number; row: unknown } | { line: number; error: RowError };

const maxLineBytes = 64 * 1024 * 1024;
/** A JSON array is read whole. */
const maxArrayBytes = 1024 * 1024 * 1024;

/**
 * The rows of a file, in order. A row that cannot be read is an error in its place; the others go on.
 * @throws EnvironmentError `bad_data` if the file cannot be read at all
 */
export async function* readRows(file: string, signal?: AbortSignal): AsyncGenerator<PlacedRow> {
  try {
    const kind = await kindOf(file);
    if (kind === "parquet") yield* parquetRows(file);
    else if (kind === "array") yield* arrayRows(file, signal);
    else yield* jsonLines(file, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof EnvironmentError) throw error;
    const advice = "give the path of a JSONL, JSON or parquet file";
    throw new EnvironmentError("bad_data", `it cannot be read: ${(error as Error).message} - ${file} - ${advice}`);
  }
}

async function kindOf(file: string): Promise<"parquet" | "array" | "lines"> {
  await using handle = await opened(file);
  const head = Buffer.alloc(256);
  const { bytesRead } = await handle.read(head, 0, head.length, 0);
  if (head.toString("latin1", 0, 4) === "PAR1") return "parquet";
  return head
    .toString("utf8", 0, bytesRead)
    .replace(/^\uFEFF/, "")
    .trimStart()
    .startsWith("[")
    ? "array"
    : "lines";
}

async function opened(file: string) {
  const handle = await open(file, "r");
  return { read: handle.read.bind(handle), [Symbol.asyncDispose]: () => handle.close() };
}

async function* jsonLines(file: string, signal: AbortSignal | undefined): AsyncGenerator<PlacedRow> {
  const splitter = new LineSplitter(maxLineBytes);
  let line = 0;
  const placed = function* (texts: readonly string[]): Generator<PlacedRow> {
    for (const text of texts) {
      line += 1;
      if (text.trim() !== "") yield parsed(text, line);
    }
  };
  for await (const chunk of createReadStream(file, { signal })) yield* placed(splitter.push(chunk as Buffer));
  const last = splitter.end();
  if (last !== undefined) yield* placed([last]);
}

function parsed(text: string, line: number): PlacedRow {
  try {
    return { line, row: JSON.parse(text.replace(/^\uFEFF/, "")) };
  } catch (error) {
    return { line, error: new RowError(`not JSON: ${(error as Error).message}`) };
  }
}

async function* arrayRows(file: string, signal: AbortSignal | undefined): AsyncGenerator<PlacedRow> {
  const bytes = await readFile(file, signal && { signal });
  if (bytes.length > maxArrayBytes) {
    const advice = "write it as JSON lines";
    throw new EnvironmentError("bad_data", `a JSON array of ${bytes.length} bytes - ${file} - ${advice}`);
  }
  const rows = JSON.parse(bytes.toString("utf8").replace(/^\uFEFF/, "")) as unknown[];
  for (const [index, row] of rows.entries()) yield { line: index + 1, row };
}

async function* parquetRows(file: string): AsyncGenerator<PlacedRow> {
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file), compressors });
  for (const [index, row] of rows.entries()) yield { line: index + 1, row: plain(row) };
}

/** Parquet's 64-bit integers as numbers where they are exact, as digits where not. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
