// A recorded terminal in front of a person: what is drawn, when, and that nothing hostile comes through.
import xterm from "@xterm/headless";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Asciicast, AsciicastEvent } from "../../../envs/index.ts";
import { play, type Stage } from "../../../tools/replay/play.ts";

const output = (atMs: number, text: string | Uint8Array): AsciicastEvent => {
  return { kind: "output", atMs, bytes: Buffer.from(text as string) };
};
const castOf = (...events: AsciicastEvent[]): Asciicast => ({ columns: 20, rows: 4, title: undefined, events });

function stageOf(more: Partial<Stage> = {}) {
  const written: string[] = [];
  const stage: Stage = {
    isScreen: true,
    hasColours: true,
    columns: 80,
    rows: 24,
    write: (text) => written.push(text),
    ...more,
  };
  return { stage, written, text: () => written.join("") };
}

/** Sequences that we make ourselves: colours, up, clear a line, clear below. */
const ours = new RegExp(`${String.fromCharCode(27)}\\[(?:[\\d;]+m|\\d+A|2K|0J)|[\\r\\n]`, "g");

/** What a viewer's own terminal shows of it. */
async function seenBy(written: string): Promise<string[]> {
  const viewer = new xterm.Terminal({ cols: 80, rows: 24, allowProposedApi: true, convertEol: true });
  await new Promise<void>((resolve) => viewer.write(written, resolve));
  const { active } = viewer.buffer;
  const lines = Array.from({ length: active.length }, (_, row) => active.getLine(row)!.translateToString(true));
  return lines.slice(0, lines.findLastIndex((line) => line !== "") + 1);
}

const hostile: Record<string, string> = {
  title: "\x1b]0;owned\x07",
  clipboard: "\x1b]52;c;cm0gLXJmIC8=\x07",
  query: "\x1b[6n\x1b[c\x1b[>q",
  "alternate screen": "\x1b[?1049h",
  "device control": "\x1bP$q q\x1b\\",
  "eight-bit control": "\u009b31m\u009d0;owned\u009c",
  link: "\x1b]8;;file:///etc/passwd\x07click\x1b]8;;\x07",
  "window operation": "\x1b[8;500;500t\x1b[21t",
  "keyboard report": "\x1b[?1000h\x1b[?2004h",
  "reading direction": "safe \u202etxt.exe",
  "unfinished sequence": "\x1b]0;never ends",
};

test.each(Object.keys(hostile))("nothing comes through of a program's %s", async (name) => {
  for (const isInstant of [true, false]) {
    for (const isScreen of [true, false]) {
      const { stage, text } = stageOf({ isScreen });
      await play(castOf(output(0, `a${hostile[name]}b`)), stage, { isInstant });
      const rest = text().replace(ours, "");
      expect([...rest].filter((character) => /[\p{Cc}\u202a-\u202e]/u.test(character))).toEqual([]);
      expect(rest).not.toContain("owned");
      expect(rest).toMatch(/[ab]/);
    }
  }
});

test("whatever the bytes, only text and our own sequences are written", async () => {
  const pieces = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom(...Object.values(hostile)).map((text) => Buffer.from(text)),
    ),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(pieces, fc.boolean(), async (bytes, isInstant) => {
      const { stage, text } = stageOf();
      await play(castOf(...bytes.map((piece) => output(0, piece))), stage, { isInstant });
      expect(text().replace(ours, "")).not.toMatch(/\p{Cc}/u);
    }),
    { numRuns: 60 },
  );
});

test("a person sees the window as the program drew it, over itself", async () => {
  const { stage, written } = stageOf();
  const cast = castOf(output(0, "10%"), output(1_000, "\r20%"), output(2_000, "\rdone\r\nnext"));
  await play(cast, stage, { wait: async () => {} });
  expect(written.length).toBe(3);
  expect(await seenBy(written[0]!)).toEqual(["10%", "", "", "", "─".repeat(19)]);
  expect(await seenBy(written.join(""))).toEqual(["done", "next", "", "", "─".repeat(19)]);
});

test("colours are the program's, in our own words", async () => {
  const { stage, text } = stageOf();
  await play(castOf(output(0, "\x1b[31mred\x1b[0m \x1b[1;48;2;1;2;3mbold\x1b[0m")), stage, { isInstant: true });
  expect(text()).toBe("\x1b[38;5;1mred\x1b[0m \x1b[1;48;2;1;2;3mbold\x1b[0m\n");
  const plain = stageOf({ hasColours: false });
  await play(castOf(output(0, "\x1b[31mred\x1b[0m")), plain.stage, { isInstant: true });
  expect(plain.text()).toBe("red\n");
});

test("waits are the recorded ones, by the speed, and none longer than allowed", async () => {
  const waits: number[] = [];
  const cast = castOf(output(0, "a"), output(500, "b"), output(510, "c"), output(60_500, "d"));
  const wait = async (ms: number) => {
    waits.push(ms);
  };
  await play(cast, stageOf().stage, { speed: 2, longestWaitMs: 2_000, wait });
  expect(waits).toEqual([250, 1_000]);
});

test("instant shows every line at once, those that have scrolled out too", async () => {
  const { stage, text } = stageOf();
  const cast = castOf(...Array.from({ length: 50 }, (_, at) => output(at * 60_000, `line ${at}\r\n`)));
  const wait = () => Promise.reject(new Error("it waited"));
  await play(cast, stage, { isInstant: true, wait });
  expect(text().split("\n").slice(0, -1)).toEqual(Array.from({ length: 50 }, (_, at) => `line ${at}`));
});

test("a gap and a new size are shown", async () => {
  const { stage, text } = stageOf({ isScreen: false, hasColours: false });
  const cast = castOf(
    output(0, "head"),
    { kind: "marker", atMs: 1, text: "99 bytes are not kept" },
    { kind: "resize", atMs: 2, columns: 30, rows: 4 },
    output(3, "x".repeat(30)),
  );
  await play(cast, stage);
  expect(text()).toBe(`head\n[99 bytes are not kept]\n${"x".repeat(30)}\n`);
  const person = stageOf();
  await play(cast, person.stage, { wait: async () => {} });
  expect((await seenBy(person.text())).at(-1)).toMatch(/^─+ 99 bytes are not kept$/);
});

test("a window larger than the viewer's is cut to its end and its left", async () => {
  const { stage, text } = stageOf({ columns: 10, rows: 4 });
  await play(castOf(output(0, "one\r\ntwo\r\n\x1b[32m漢字漢字漢字 three\x1b[0m\r\nfour")), stage);
  expect(await seenBy(text())).toEqual(["漢字漢字", "four", "─".repeat(9)]);
});

test("breaking off leaves what stands, and throws nothing", async () => {
  const controller = new AbortController();
  const { stage, text } = stageOf();
  const wait = async () => {
    controller.abort();
    throw controller.signal.reason;
  };
  await play(castOf(output(0, "seen"), output(5_000, "\rnever seen")), stage, { wait, signal: controller.signal });
  expect((await seenBy(text()))[0]).toBe("seen");
});
