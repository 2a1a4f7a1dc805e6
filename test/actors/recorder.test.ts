// What stands on the disk when a group was written, and what does not when it could not be.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readEvidence, readGroups } from "../../actors/index.ts";
import { type GroupToWrite, Recorder } from "../../actors/recorder.ts";
import { threeGroups } from "../tools/replay/recordings.ts";

const root = mkdtempSync(join(tmpdir(), "recorder-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A group of two episodes that show the same bytes. */
function showing(bytes: string): GroupToWrite {
  const [group] = threeGroups();
  const evidence = { "program.py": new TextEncoder().encode(bytes) };
  const step = { responseKind: "code", digest: "d", info: { outcome: "ok" }, evidence };
  return { ...group!, episodes: group!.episodes.map((episode) => ({ ...episode, steps: [step] })) };
}

async function recordedIn(folder: string) {
  const groups = [];
  for await (const group of readGroups(folder)) groups.push(group);
  return groups;
}

test("facts stand in the record, evidence beside it, and the world's version with the group", async () => {
  const folder = join(root, "good");
  const recorder = new Recorder({ folder, life: 0 });
  await recorder.start();
  await recorder.write(showing("print()"));
  await recorder.stop();
  const [group] = await recordedIn(folder);
  expect(group!.world).toEqual({ id: "math", version: "1" });
  const [one, other] = group!.episodes.map(({ steps }) => steps![0]!);
  expect(one).toEqual({ responseKind: "code", digest: "d", info: { outcome: "ok" }, blobs: one!.blobs });
  expect(one!.blobs).toEqual(other!.blobs);
  expect((await readEvidence(folder, one!.blobs["program.py"]!)).toString()).toBe("print()");
});

test("no record names evidence that could not be written: the group is not recorded, and the run hears of it", async () => {
  const folder = join(root, "full");
  mkdirSync(folder);
  writeFileSync(join(folder, "blobs"), "in the way");
  const recorder = new Recorder({ folder, life: 0 });
  await expect(recorder.start()).rejects.toThrow();
  rmSync(join(folder, "blobs"));
  await recorder.start();
  writeFileSync(join(folder, "blobs"), "in the way");
  await expect(recorder.write(showing("print()"))).rejects.toMatchObject({ code: "process_failed" });
  await recorder.stop();
  expect(await recordedIn(folder)).toEqual([]);
  expect(existsSync(join(folder, "index.jsonl"))).toBe(false);
});

test("a run that keeps no evidence has the facts all the same, and no folder for the rest", async () => {
  const folder = join(root, "none");
  const recorder = new Recorder({ folder, life: 0, blobBytes: 0 });
  await recorder.start();
  await recorder.write(showing("print()"));
  await recorder.stop();
  expect((await recordedIn(folder))[0]!.episodes[0]!.steps).toEqual([
    { responseKind: "code", digest: "d", info: { outcome: "ok" }, blobs: {} },
  ]);
  expect(existsSync(join(folder, "blobs"))).toBe(false);
});
