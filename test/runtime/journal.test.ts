import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Damage, Journal, readJournal, readRecord, segmentsOf } from "../../runtime/index.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "journal-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function readAll(damage: Damage[] = []): Promise<string[]> {
  const texts: string[] = [];
  for await (const record of readJournal(folder, "log", (one) => damage.push(one))) {
    texts.push(`${record.type}:${record.payload}`);
  }
  return texts;
}

async function write(...texts: string[]): Promise<void> {
  const journal = await Journal.open(folder, { name: "log" });
  for (const [at, text] of texts.entries()) journal.append(at, Buffer.from(text));
  await journal.close();
}

describe("a journal", () => {
  test("gives back what was appended, in order, over segments and over openings", async () => {
    const journal = await Journal.open(folder, { name: "log", segmentBytes: 40 });
    for (let at = 0; at < 10; at += 1) journal.append(at, Buffer.from("x".repeat(10)));
    await journal.close();
    await write("later");
    const texts = await readAll();
    expect(texts).toEqual([...Array.from({ length: 10 }, (_, at) => `${at}:${"x".repeat(10)}`), "0:later"]);
    expect((await segmentsOf(folder, "log")).length).toBeGreaterThan(3);
  });

  test("tells where each record stands, and reads it there", async () => {
    const journal = await Journal.open(folder, { name: "log", segmentBytes: 40 });
    const places = ["one", "two", "three", "four"].map((text, at) => journal.append(at, Buffer.from(text)));
    await journal.sync();
    for (const [at, { segment, offset }] of places.entries()) {
      expect((await readRecord(folder, segment, offset)).payload.toString()).toBe(["one", "two", "three", "four"][at]);
    }
    await expect(readRecord(folder, places[0]!.segment, places[0]!.offset + 1)).rejects.toThrow("protocol_error");
    await journal.close();
  });

  test("cut off at any byte gives all its whole records and says what is lost", async () => {
    await write("first", "second", "third");
    const [segment] = await segmentsOf(folder, "log");
    const whole = readFileSync(join(folder, segment!));
    const ends = [0, 8, 8 + 9 + 5, 8 + 9 + 5 + 9 + 6, whole.length];
    for (let length = 0; length <= whole.length; length += 1) {
      writeFileSync(join(folder, segment!), whole.subarray(0, length));
      const damage: Damage[] = [];
      const texts = await readAll(damage);
      expect(texts).toEqual(
        ["0:first", "1:second", "2:third"].slice(0, ends.filter((end) => end > 8 && end <= length).length),
      );
      expect(damage.length).toBe(ends.includes(length) ? 0 : 1);
      if (damage[0]) expect(damage[0].offset + damage[0].droppedBytes).toBe(length);
    }
  });

  test("a flipped byte ends the reading of its segment there, and the next segment still reads", async () => {
    await write("first", "second");
    await write("other segment");
    const [segment] = await segmentsOf(folder, "log");
    const bytes = readFileSync(join(folder, segment!));
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(join(folder, segment!), bytes);
    const damage: Damage[] = [];
    expect(await readAll(damage)).toEqual(["0:first", "0:other segment"]);
    expect(damage).toMatchObject([{ segment, reason: "a record whose checksum is wrong", droppedBytes: 15 }]);
  });

  test("what was synced is there after a kill, and goes on behind it", async () => {
    await write("kept");
    const [segment] = await segmentsOf(folder, "log");
    truncateSync(join(folder, segment!), readFileSync(join(folder, segment!)).length - 1);
    await write("after");
    expect(await readAll()).toEqual(["0:after"]);
  });

  test("many who sync at once all find their records written", async () => {
    const journal = await Journal.open(folder, { name: "log" });
    const texts = Array.from({ length: 200 }, (_, at) => `record ${at}`);
    await Promise.all(
      texts.map(async (text) => {
        journal.append(1, Buffer.from(text));
        await journal.sync();
        expect(await readAll()).toContain(`1:${text}`);
      }),
    );
    expect(await readAll()).toEqual(texts.map((text) => `1:${text}`));
    await journal.close();
  });

  test("a full disk is an error that says so, and stays one", async () => {
    const disk = join(folder, "disk");
    execFileSync("mkdir", [disk]);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
    try {
      const journal = await Journal.open(disk, { name: "log" });
      journal.append(1, Buffer.alloc(200_000));
      await expect(journal.sync()).rejects.toThrow(
        /^process_failed: cannot write to .*: the disk is full\. Free some space/,
      );
      await expect(journal.close()).rejects.toThrow("the disk is full");
    } finally {
      execFileSync("umount", [disk]);
    }
  });
});
