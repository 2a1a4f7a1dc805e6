// A transcript as text for players, and the bytes back from it.
import fc from "fast-check";
import { expect, test } from "vitest";
import { asciicastOf, outputOfAsciicast, readAsciicast, Transcript } from "../../../envs/index.ts";

function transcriptOf(...pieces: [atMs: number, bytes: string | Uint8Array][]): Transcript {
  const transcript = new Transcript(80, 24, 1_000_000, 1_000_000);
  for (const [atMs, bytes] of pieces) transcript.add({ kind: "output", atMs, bytes: Buffer.from(bytes as string) });
  return transcript;
}

const linesOf = (cast: string) =>
  cast
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);

test("version 2 tells seconds from the start", () => {
  const transcript = transcriptOf([0, "a"], [1_500, "b\r\n"]);
  transcript.add({ kind: "resize", atMs: 2_000, columns: 100, rows: 30 });
  transcript.add({ kind: "input", atMs: 2_001.4, bytes: Buffer.from("q") });
  expect(linesOf(asciicastOf(transcript, { title: "a job", timestamp: 1_700_000_000.9 }))).toEqual([
    { version: 2, width: 80, height: 24, title: "a job", timestamp: 1_700_000_000 },
    [0, "o", "a"],
    [1.5, "o", "b\r\n"],
    [2, "r", "100x30"],
    [2.001, "i", "q"],
  ]);
});

test("version 3 tells seconds from the event before, and the exit code", () => {
  const transcript = transcriptOf([0.4, "a"], [1_000.6, "b"], [1_002, "c"]);
  const cast = asciicastOf(transcript, { version: 3, exit: { atMs: 1_500, exitCode: 1 } });
  expect(linesOf(cast)).toEqual([
    { version: 3, term: { cols: 80, rows: 24 } },
    [0, "o", "a"],
    [1.001, "o", "b"],
    [0.001, "o", "c"],
    [0.498, "x", "1"],
  ]);
});

test("a character that is cut between two reads is shown whole, with the second", () => {
  const euro = Buffer.from("€");
  const cast = asciicastOf(
    transcriptOf([0, Buffer.concat([Buffer.from("1"), euro.subarray(0, 2)])], [9, euro.subarray(2)]),
  );
  expect(linesOf(cast).slice(1)).toEqual([
    [0, "o", "1"],
    [0.009, "o", "€"],
  ]);
});

test("bytes that are no text are shown as a terminal shows them, with the true ones behind", () => {
  const cast = asciicastOf(transcriptOf([0, Buffer.from([0x61, 0xff, 0x62])], [5, Buffer.from([0xe2, 0x82])]));
  expect(linesOf(cast).slice(1)).toEqual([
    [0, "o", "a\ufffdb"],
    [0, "b", "Yf9i"],
    [0.005, "o", "\ufffd"],
    [0.005, "b", "4oI="],
  ]);
});

test("a gap is a marker that says how much is missing", () => {
  const transcript = new Transcript(80, 24, 66, 66);
  for (const [at, text] of ["ab", "cdef", "gh"].entries()) {
    transcript.add({ kind: "output", atMs: at * 10, bytes: Buffer.from(text) });
  }
  expect(linesOf(asciicastOf(transcript)).slice(1)).toEqual([
    [0, "o", "ab"],
    [0.01, "m", "4 bytes are not kept"],
    [0.02, "o", "gh"],
  ]);
});

test("any bytes in any pieces come back from both versions", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.string({ unit: "binary", minLength: 1 }).map((text) => Buffer.from(text)),
    fc.constantFrom(
      ...["\ufeff", "€"].map((text) => Buffer.from(text)),
      Buffer.from([0xf0, 0x9f]),
      Buffer.from([0x98]),
    ),
  );
  fc.assert(
    fc.property(fc.array(bytes), fc.constantFrom(2 as const, 3 as const), (pieces, version) => {
      const cast = asciicastOf(transcriptOf(...pieces.map((piece, at) => [at * 3, piece] as [number, Uint8Array])), {
        version,
      });
      expect(outputOfAsciicast(cast).equals(Buffer.concat(pieces))).toBe(true);
    }),
  );
});

test("both versions are read back to the same times, sizes and markers", () => {
  const transcript = transcriptOf([1_500, "b"]);
  transcript.add({ kind: "resize", atMs: 2_000, columns: 100, rows: 30 });
  transcript.add({ kind: "output", atMs: 2_250, bytes: Buffer.from([0xff]) });
  for (const version of [2, 3] as const) {
    const { events, ...head } = readAsciicast(asciicastOf(transcript, { version, title: "a job" }));
    expect(head).toEqual({ columns: 80, rows: 24, title: "a job" });
    expect(events).toEqual([
      { kind: "output", atMs: 1_500, bytes: Buffer.from("b") },
      { kind: "resize", atMs: 2_000, columns: 100, rows: 30 },
      { kind: "output", atMs: 2_250, bytes: Buffer.from([0xff]) },
    ]);
  }
});

test("comments, empty lines and codes nobody knows are passed over", () => {
  const cast = '{"version":3,"term":{"cols":10,"rows":5}}\n# a comment\n\n[1,"o","a"]\n[1,"?","x"]\n[0.5,"m","here"]\n';
  expect(readAsciicast(cast)).toEqual({
    columns: 10,
    rows: 5,
    title: undefined,
    events: [
      { kind: "output", atMs: 1_000, bytes: Buffer.from("a") },
      { kind: "marker", atMs: 2_500, text: "here" },
    ],
  });
});

test.each([
  ["", "line 1 is no JSON: Unexpected end of JSON input"],
  ['{"version":1}', "line 1 is no header of asciicast version 2 or 3"],
  ['{"version":2}\n[1,"o"]', "line 2 is no event: [time, code, text]"],
  ['{"version":2}\n\n[1,', "line 3 is no JSON: Unexpected end of JSON input"],
])("what is no asciicast is refused with its line: %j", (cast, message) => {
  expect(() => readAsciicast(cast)).toThrow(new SyntaxError(message));
});
