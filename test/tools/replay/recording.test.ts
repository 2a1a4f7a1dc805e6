import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { EpisodeLine } from "../../../actors/index.ts";
import { Recorder } from "../../../actors/recorder.ts";
import { readJournal } from "../../../runtime/index.ts";
import { readEpisodes, tryReadGroup } from "../../../tools/replay/recording.ts";
import { groupOf, threeGroups, writeRun } from "./recordings.ts";

let whole: string;
let folder: string;
const segment = "episodes-000001.journal";
const index = "index.jsonl";
const partOf = (name: string) => join(folder, name);

/** The recording as it was written: index lines with the bytes that they end at, and where each record ends. */
const written = { lines: [] as EpisodeLine[], lineEnds: [] as number[], recordEnds: new Map<number, number>() };

beforeAll(async () => {
  whole = mkdtempSync(join(tmpdir(), "replay-whole-"));
  await writeRun(whole, threeGroups());
  const recording = join(whole, "episodes");
  let end = 0;
  for (const text of readFileSync(join(recording, index), "utf8").trimEnd().split("\n")) {
    written.lines.push(JSON.parse(text) as EpisodeLine);
    written.lineEnds.push(end + Buffer.byteLength(text));
    end += Buffer.byteLength(text) + 1;
  }
  for await (const { offset, payload } of readJournal(recording, "episodes")) {
    written.recordEnds.set(offset, offset + 9 + payload.length);
  }
});
afterAll(() => rmSync(whole, { recursive: true, force: true }));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "replay-"));
  restore();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function restore(): void {
  for (const name of [segment, index]) copyFileSync(join(whole, "episodes", name), partOf(name));
}

async function read(): Promise<{ lines: EpisodeLine[]; damage: string[] }> {
  const lines: EpisodeLine[] = [];
  const damage: string[] = [];
  for await (const line of readEpisodes(folder, (sentence) => damage.push(sentence))) lines.push(line);
  return { lines, damage };
}

/** What is still known: a line by itself, or its record. */
function knownAt(segmentBytes: number, indexBytes: number): EpisodeLine[] {
  return written.lines.filter(
    (line, at) => written.lineEnds[at]! <= indexBytes || written.recordEnds.get(line.offset)! <= segmentBytes,
  );
}

const byPlace = (lines: EpisodeLine[]) =>
  [...lines].sort((one, other) => one.offset - other.offset || one.at - other.at);

describe("a recording", () => {
  test("gives the recorder's own lines, in its order, and has no damage", async () => {
    expect(await read()).toEqual({ lines: written.lines, damage: [] });
  });

  test("without its index gives the very same lines", async () => {
    rmSync(partOf(index));
    expect(await read()).toEqual({
      lines: written.lines,
      damage: [`${partOf(index)} is missing: the segments are read instead.`],
    });
  });

  test("whose index was cut anywhere gives every episode, once", async () => {
    const size = readFileSync(partOf(index)).length;
    const isNearAnEnd = (bytes: number) => written.lineEnds.some((end) => Math.abs(end - bytes) < 6);
    for (let bytes = 0; bytes <= size; bytes += 1) {
      if (!isNearAnEnd(bytes) && bytes % 9 !== 0) continue;
      restore();
      truncateSync(partOf(index), bytes);
      const { lines, damage } = await read();
      expect(byPlace(lines)).toEqual(written.lines);
      const kept = written.lineEnds.filter((end) => end <= bytes).length;
      const isTorn = ![0, ...written.lineEnds, ...written.lineEnds.map((end) => end + 1)].includes(bytes);
      const lacking = written.lines.length - kept;
      expect(damage).toEqual([
        ...(isTorn
          ? [
              `${partOf(index)} is damaged at byte ${(written.lineEnds[kept - 1] ?? -1) + 1}: a line that cannot be read; the rest is shown.`,
            ]
          : []),
        ...(lacking > 0
          ? [`${partOf(index)} lacks ${lacking === 1 ? "1 episode" : `${lacking} episodes`}; read from the segments.`]
          : []),
      ]);
    }
  });

  test("cut at any byte of both its files gives what either of them still knows", async () => {
    const sizes = [segment, index].map((name) => readFileSync(partOf(name)).length) as [number, number];
    await fc.assert(
      fc.asyncProperty(fc.nat(sizes[0]), fc.nat(sizes[1]), async (segmentBytes, indexBytes) => {
        restore();
        truncateSync(partOf(segment), segmentBytes);
        truncateSync(partOf(index), indexBytes);
        const { lines } = await read();
        expect(byPlace(lines)).toEqual(knownAt(segmentBytes, indexBytes));
        for (const line of lines) {
          const group = await tryReadGroup(folder, line);
          const isWhole = written.recordEnds.get(line.offset)! <= segmentBytes;
          expect(group?.episodes[line.at]?.id ?? null).toBe(isWhole ? line.id : null);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("whose segment was cut says where and how much, at every boundary and beside it", async () => {
    const ends = [...written.recordEnds.values()];
    const starts = [...written.recordEnds.keys()];
    const cuts = new Set([0, 1, 7, 8, ...[...starts, ...ends].flatMap((at) => [at - 1, at, at + 1, at + 8, at + 9])]);
    const size = readFileSync(partOf(segment)).length;
    for (const bytes of [...cuts].filter((cut) => cut <= size)) {
      restore();
      truncateSync(partOf(segment), bytes);
      const { damage } = await read();
      const from = Math.max(0, ...[8, ...ends].filter((end) => end <= bytes));
      const isWhole = bytes === 0 || from === bytes;
      const reason =
        bytes < 8
          ? "cut off in its first bytes"
          : bytes - from < 9
            ? "cut off in a frame's head"
            : "cut off in a record";
      expect(damage).toEqual(
        isWhole ? [] : [`${partOf(segment)} is damaged at byte ${from}: ${reason}; the rest is shown.`],
      );
    }
  });

  test("with a byte changed anywhere in a record loses that group and no other", async () => {
    const places = [...written.recordEnds];
    await fc.assert(
      fc.asyncProperty(fc.nat(places.length - 1), fc.double({ min: 0, max: 1, noNaN: true }), async (which, share) => {
        restore();
        const [start, end] = places[which]!;
        const at = start + 4 + Math.floor(share * (end - start - 5)); // behind the length: its checksum, type, payload
        const bytes = readFileSync(partOf(segment));
        bytes[at]! ^= 0x10;
        writeFileSync(partOf(segment), bytes);
        const { lines } = await read();
        expect(lines).toEqual(written.lines);
        const read1 = await Promise.all(lines.map(async (line) => (await tryReadGroup(folder, line)) !== null));
        expect(read1).toEqual(lines.map(({ offset }) => offset !== start));
      }),
      { numRuns: 60 },
    );
  });

  test("that lost its index and a byte says which record cannot be read", async () => {
    rmSync(partOf(index));
    const [first] = written.recordEnds.keys();
    const bytes = readFileSync(partOf(segment));
    bytes[first! + 20]! ^= 1;
    writeFileSync(partOf(segment), bytes);
    const { lines, damage } = await read();
    expect(lines).toEqual(written.lines.filter(({ offset }) => offset !== first));
    expect(damage).toEqual([
      `${partOf(index)} is missing: the segments are read instead.`,
      `${partOf(segment)} is damaged at byte 8: a record whose checksum is wrong; the rest is shown.`,
    ]);
  });

  test("that went on behind a torn line of its index keeps both lives whole", async () => {
    truncateSync(partOf(index), written.lineEnds[4]! - 7);
    const recorder = new Recorder({ folder, life: 1 });
    await recorder.start();
    for (const index of [3, 4]) {
      const plan = { task: { problem: "2 + 2?", answer: "4" }, said: [["4", 1] as const, ["5", 0] as const] };
      await recorder.write(groupOf(plan, index, 1));
    }
    await recorder.stop();
    const { lines, damage } = await read();
    expect(lines.map(({ id }) => id).sort()).toEqual([
      ...written.lines.map(({ id }) => id),
      ...["g3.1.0/0", "g3.1.0/1", "g4.1.0/0", "g4.1.0/1"],
    ]);
    expect(damage).toEqual([
      `${partOf(index)} is damaged at byte ${written.lineEnds[3]! + 1}: a line that cannot be read; the rest is shown.`,
      `${partOf(index)} lacks 4 episodes; read from the segments.`,
    ]);
  });

  test("that is being written gives more each time, each episode once, and no damage but what is ordinary then", async () => {
    const recorder = new Recorder({ folder, life: 1 });
    await recorder.start();
    let isDone = false;
    const writing = (async () => {
      const said = Array.from({ length: 16 }, (_, at) => ["so ".repeat(500), at % 2] as const);
      for (let at = 3; at < 43; at += 1)
        await recorder.write(groupOf({ task: { problem: "?", answer: "1" }, said }, at, 1));
      await recorder.stop();
      isDone = true;
    })();
    let before = new Set<string>();
    do {
      const ids: string[] = [];
      const damage: string[] = [];
      for await (const { id } of readEpisodes(folder, (text, isOrdinary) => isOrdinary || damage.push(text)))
        ids.push(id);
      const seen = new Set(ids);
      expect(seen.size).toBe(ids.length);
      expect([...before].filter((id) => !seen.has(id))).toEqual([]);
      expect(damage).toEqual([]);
      before = seen;
    } while (!isDone);
    await writing;
    expect((await read()).lines.length).toBe(7 + 40 * 16);
  });

  test("whose segment is gone altogether still lists what the index knows", async () => {
    rmSync(partOf(segment));
    expect(await read()).toEqual({
      lines: written.lines,
      damage: [`${partOf(segment)} is missing: only the index knows of its episodes.`],
    });
    expect(await tryReadGroup(folder, written.lines[0]!)).toBeNull();
  });

  test("that never began has no episodes and no damage", async () => {
    for (const name of [segment, index]) rmSync(partOf(name));
    expect(await read()).toEqual({ lines: [], damage: [] });
  });
});
