// What a transcript keeps, held against a plain string of everything that was shown.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Transcript } from "../../../envs/index.ts";

const chunks = fc.array(
  fc.record({ afterMs: fc.integer({ min: 0, max: 20 }), length: fc.integer({ min: 1, max: 300 }) }),
);

/** Shows chunks whose bytes count up, so that a byte says where it belongs. */
function show(transcript: Transcript, pieces: readonly { afterMs: number; length: number }[]): Buffer {
  let atMs = 0;
  let next = 0;
  const shown: Buffer[] = [];
  for (const { afterMs, length } of pieces) {
    atMs += afterMs;
    const bytes = Buffer.from(Array.from({ length }, () => next++ % 251));
    shown.push(bytes);
    transcript.add({ kind: "output", atMs, bytes });
  }
  return Buffer.concat(shown);
}

test("all is kept while there is room", () => {
  const transcript = new Transcript(80, 24, 1_000, 1_000);
  transcript.add({ kind: "output", atMs: 1, bytes: Buffer.from("one") });
  transcript.add({ kind: "resize", atMs: 2, columns: 100, rows: 30 });
  transcript.add({ kind: "output", atMs: 3, bytes: Buffer.from("two") });
  expect(transcript.events).toEqual([
    { kind: "output", atMs: 1, bytes: Buffer.from("one") },
    { kind: "resize", atMs: 2, columns: 100, rows: 30 },
    { kind: "output", atMs: 3, bytes: Buffer.from("two") },
  ]);
  expect([transcript.keptBytes, transcript.gapBytes]).toEqual([6, 0]);
});

test("what arrives within a millisecond is one event", () => {
  const transcript = new Transcript(80, 24, 1_000, 1_000);
  for (const atMs of [1, 1.5, 1.9, 2]) transcript.add({ kind: "output", atMs, bytes: Buffer.from("x") });
  expect(transcript.events.map((event) => "bytes" in event && event.bytes.toString())).toEqual(["xxx", "x"]);
});

test("head, gap and tail together are what was shown, and no more than was allowed is kept", () => {
  fc.assert(
    fc.property(chunks, fc.nat(2_000), fc.nat(2_000), (pieces, headBytes, tailBytes) => {
      const transcript = new Transcript(80, 24, headBytes, tailBytes);
      const shown = show(transcript, pieces);
      const events = transcript.events;
      const gapAt = events.findIndex(({ kind }) => kind === "gap");
      const bytesOf = (part: typeof events) =>
        Buffer.concat(part.flatMap((event) => (event.kind === "output" ? [event.bytes] : [])));
      const head = bytesOf(gapAt < 0 ? events : events.slice(0, gapAt));
      const tail = gapAt < 0 ? Buffer.alloc(0) : bytesOf(events.slice(gapAt + 1));
      expect(head.length + transcript.gapBytes + tail.length).toBe(shown.length);
      expect(head.equals(shown.subarray(0, head.length))).toBe(true);
      expect(tail.equals(shown.subarray(shown.length - tail.length))).toBe(true);
      expect(transcript.keptBytes).toBe(head.length + tail.length);
      expect(transcript.keptBytes).toBeLessThanOrEqual(headBytes + tailBytes);
      expect(events.map(({ atMs }) => atMs)).toEqual(events.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
    }),
  );
});

test("many small events weigh more than their bytes", () => {
  const transcript = new Transcript(80, 24, 0, 6_500);
  for (let at = 0; at < 10_000; at += 1) transcript.add({ kind: "output", atMs: at * 2, bytes: Buffer.from("x") });
  expect(transcript.events.length).toBe(101);
  expect(transcript.gapBytes).toBe(9_900);
});

test("a gap can be said in the output", () => {
  const transcript = new Transcript(80, 24, 66, 66);
  for (const text of ["ab", "cdef", "gh"]) {
    transcript.add({ kind: "output", atMs: text.charCodeAt(0), bytes: Buffer.from(text) });
  }
  expect(transcript.output((count) => `<${count}>`).toString()).toBe("ab<4>gh");
  expect(transcript.output().toString()).toBe("abgh");
});
