// Bytes under their hash: whole or not there, each content once, and never believed unread.
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { BlobWriter, readBlob } from "../../actors/blobs.ts";

const root = mkdtempSync(join(tmpdir(), "blobs-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const newFolder = () => join(root, String(count++));
const bytes = (text: string) => new TextEncoder().encode(text);

test("a blob is named by its bytes and reads as it was written", async () => {
  const folder = newFolder();
  const ref = await new BlobWriter(folder).write(bytes("submission"));
  expect(ref).toEqual({ sha256: createHash("sha256").update("submission").digest("hex"), byteCount: 10 });
  expect(readdirSync(folder)).toEqual([ref.sha256]);
  expect((await readBlob(folder, ref)).toString()).toBe("submission");
});

test("equal bytes are written once, whoever writes them and however many at a time", async () => {
  const folder = newFolder();
  const writers = [new BlobWriter(folder), new BlobWriter(folder)];
  const refs = await Promise.all(Array.from({ length: 40 }, (_, at) => writers[at % 2]!.write(bytes("same"))));
  expect(new Set(refs.map(({ sha256 }) => sha256)).size).toBe(1);
  expect(readdirSync(folder)).toEqual([refs[0]!.sha256]);
  const { ino } = statSync(join(folder, refs[0]!.sha256));
  await writers[0]!.write(bytes("same"));
  expect(statSync(join(folder, refs[0]!.sha256)).ino).toBe(ino);
});

test("what is larger than allowed is kept to the end of a line, marked with its true size", async () => {
  const folder = newFolder();
  const writer = new BlobWriter(folder);
  const lines = await writer.write(bytes("one\ntwo\nthree\n"), 10);
  expect([lines.byteCount, lines.truncated]).toEqual([8, 14]);
  expect((await readBlob(folder, lines)).toString()).toBe("one\ntwo\n");
  const noLines = await writer.write(bytes("0123456789"), 4);
  expect((await readBlob(folder, noLines)).toString()).toBe("0123");
  expect((await writer.write(bytes("12345"), 5)).truncated).toBeUndefined();
});

test("one altered byte is an error that names the file; so is a missing blob; the others stay readable", async () => {
  const folder = newFolder();
  const writer = new BlobWriter(folder);
  const [altered, missing, whole] = await Promise.all(
    ["altered", "missing", "whole"].map((text) => writer.write(bytes(text))),
  );
  const path = join(folder, altered!.sha256);
  const content = readFileSync(path);
  content[3]! ^= 1;
  writeFileSync(path, content);
  rmSync(join(folder, missing!.sha256));
  await expect(readBlob(folder, altered!)).rejects.toThrow(
    `${path} is damaged: its 7 bytes are not those of its name; everything else of the recording can be read.`,
  );
  await expect(readBlob(folder, missing!)).rejects.toThrow(`${join(folder, missing!.sha256)} is missing;`);
  expect((await readBlob(folder, whole!)).toString()).toBe("whole");
});

test("what a writer left half written when it died is swept away, and blobs are not", async () => {
  const folder = newFolder();
  const writer = new BlobWriter(folder);
  await writer.sweep(); // a folder that is not there yet
  const { sha256 } = await writer.write(bytes("whole"));
  writeFileSync(join(folder, `${sha256}.some.part`), "wh");
  await writer.sweep();
  expect(readdirSync(folder)).toEqual([sha256]);
});

test("a folder that cannot be written is the disk's failure, with the cure", async () => {
  const file = newFolder();
  writeFileSync(file, "");
  await expect(new BlobWriter(file).write(bytes("x"))).rejects.toMatchObject({
    code: "process_failed",
    message: expect.stringMatching(
      /cannot write .*; see that the folder can be written and the disk has room, then resume/,
    ),
  });
});
