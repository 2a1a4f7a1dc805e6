// Files of every format come out as the same rows; a row that cannot be read is an error in its place.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { type PlacedRow, readRows } from "../../../envs/math/rows.ts";

const folder = mkdtempSync(join(tmpdir(), "iterant-rows-"));
afterAll(() => rmSync(folder, { recursive: true }));
const fixture = (name: string) => fileURLToPath(new URL(`../../../../test/envs/fixtures/${name}`, import.meta.url));

function file(text: string): string {
  const path = join(folder, `rows-${Math.abs(text.length)}.any`);
  writeFileSync(path, text);
  return path;
}

async function all(path: string): Promise<PlacedRow[]> {
  const rows: PlacedRow[] = [];
  for await (const row of readRows(path)) rows.push(row);
  return rows;
}

test("lines are rows, blank ones counted and left out, the last one without its line feed", async () => {
  expect(await all(file('{"a":1}\n\n{"a":2}'))).toEqual([
    { line: 1, row: { a: 1 } },
    { line: 3, row: { a: 2 } },
  ]);
});

test("a line that is not JSON is an error in its place, and the next is read", async () => {
  const [first, second] = await all(file('{"a":\n{"a":2}\n'));
  expect(first).toMatchObject({ line: 1, error: { message: expect.stringMatching(/^not JSON: /) } });
  expect(second).toEqual({ line: 2, row: { a: 2 } });
});

test("one JSON array is as good, whatever stands before its bracket", async () => {
  expect(await all(file('\uFEFF \n [{"a":1},\n {"a":2}]'))).toEqual([
    { line: 1, row: { a: 1 } },
    { line: 2, row: { a: 2 } },
  ]);
});

test("parquet is read whatever the file is called, its whole numbers as numbers", async () => {
  expect(await all(fixture("amc.parquet"))).toEqual([
    { line: 1, row: { id: 1, problem: "What is 140 + 2?", answer: 142, url: "a" } },
    { line: 2, row: { id: 2, problem: "What is 10 + 1?", answer: 11, url: "b" } },
    { line: 3, row: { id: 3, problem: "What is 2 + 5?", answer: 7, url: "c" } },
  ]);
});

test("parquet with lists, nulls and zstd is read too", async () => {
  const [first] = await all(fixture("olympiad.parquet"));
  expect(first).toMatchObject({ line: 1, row: { final_answer: ["$1$", "$2$"], unit: null, is_multiple_answer: true } });
});

test("a file that is not there, or broken, is refused with its name", async () => {
  const messageOf = (path: string) => all(path).then(String, (error: Error) => error.message.replaceAll(path, "FILE"));
  expect(await messageOf(join(folder, "none"))).toMatch(
    /^bad_data: it cannot be read: ENOENT.* - FILE - give the path of a JSONL, JSON or parquet file$/,
  );
  expect(await messageOf(file("PAR1 and no more"))).toMatch(/^bad_data: it cannot be read: .* - FILE - give the path/);
  expect(await messageOf(file('[{"a":1},'))).toMatch(/^bad_data: it cannot be read: .*JSON.* - FILE - give the path/);
});
