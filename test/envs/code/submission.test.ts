// What a program may leave behind, and what it may not: every refusal on a real file of that kind.
import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ingestSubmission } from "../../../envs/index.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "iterant-submission-"));
  path = join(folder, "submission.csv");
});
afterEach(() => rmSync(folder, { recursive: true }));

const maxBytes = 1_000;
const advice = "write it with open() or to_csv() under that name";

test("an ordinary file is taken as bytes, with their hash", async () => {
  writeFileSync(path, "id,label\n1,0.5\n");
  expect(await ingestSubmission(path, maxBytes)).toEqual({
    kind: "file",
    bytes: Buffer.from("id,label\n1,0.5\n"),
    sha256: "521544f6654af497bf1f35cd8d1527b7f7c069106c586e528ed1c3ef97a8f8b6",
  });
});

test("a file of exactly the largest size is taken, one byte more is refused", async () => {
  writeFileSync(path, "x".repeat(maxBytes));
  expect(await ingestSubmission(path, maxBytes)).toMatchObject({ kind: "file" });
  writeFileSync(path, "x".repeat(maxBytes + 1));
  expect(await ingestSubmission(path, maxBytes)).toEqual({
    kind: "refused",
    reason: "too_large",
    message: `submission.csv has 1001 bytes, more than 1000 - ${advice}`,
  });
});

test("no file is missing, not refused", async () => {
  expect(await ingestSubmission(path, maxBytes)).toEqual({ kind: "missing" });
});

test("a symbolic link is not followed, wherever it leads", async () => {
  writeFileSync(join(folder, "answers.csv"), "id,label\n1,1\n");
  for (const target of ["answers.csv", "/etc/passwd", "nowhere"]) {
    symlinkSync(target, path);
    expect(await ingestSubmission(path, maxBytes)).toMatchObject({ kind: "refused", reason: "symlink" });
    rmSync(path);
  }
});

test("a second name of another file is refused", async () => {
  writeFileSync(join(folder, "answers.csv"), "id,label\n1,1\n");
  linkSync(join(folder, "answers.csv"), path);
  expect(await ingestSubmission(path, maxBytes)).toMatchObject({ kind: "refused", reason: "hardlink" });
});

test("a pipe that nobody writes to does not make us wait", async () => {
  execFileSync("mkfifo", [path]);
  expect(await ingestSubmission(path, maxBytes)).toMatchObject({ kind: "refused", reason: "not_a_file" });
});

test("a folder is refused", async () => {
  mkdirSync(path);
  expect(await ingestSubmission(path, maxBytes)).toMatchObject({ kind: "refused", reason: "not_a_file" });
});

test("a socket is refused", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  expect(await ingestSubmission(path, maxBytes)).toMatchObject({ kind: "refused", reason: "not_a_file" });
  await new Promise((resolve) => server.close(resolve));
});

test("a terabyte of nothing is refused without being read", async () => {
  openSync(path, "w");
  truncateSync(path, 2 ** 40);
  expect(await ingestSubmission(path, maxBytes)).toMatchObject({ kind: "refused", reason: "too_large" });
});

test("a file that says it is empty and is not is read up to the bound only", async () => {
  // The kernel's own files have a size of 0 and content nevertheless, as a file does that grows after it was asked.
  expect(await ingestSubmission("/proc/self/status", 10_000)).toMatchObject({ kind: "file" });
  expect(await ingestSubmission("/proc/self/status", 100)).toMatchObject({ kind: "refused", reason: "too_large" });
});
