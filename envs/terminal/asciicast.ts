// A transcript as asciicast, version 2 or 3, and back to bytes.
// The format is text: bytes that are not UTF-8 show as U+FFFD in the "o" event, as in a terminal, and a "b" event right
// behind it holds the event's true bytes in base64. Players pass over codes they do not know; nothing is lost.
// Knows no terminal; reads what `transcript.ts` keeps.
import type { TerminalEvent, Transcript } from "./transcript.ts";

export type AsciicastVersion = 2 | 3;

export interface AsciicastOptions {
  /** 2: times from the start, the usual one; 3: times from the event before, and the exit code. 2 unless said. */
  version?: AsciicastVersion;
  title?: string;
  /** The start in seconds since 1970, for players that show it. */
  timestamp?: number;
  /** Written by version 3; `exitCode` of the program. */
  exit?: { atMs: number; exitCode: number | null };
}

type Line = [atMs: number, code: string, data: string];

/** The whole file: a header and one event a line. A gap is a marker that says how much is missing. */
export function asciicastOf(transcript: Transcript, options: AsciicastOptions = {}): string {
  const { version = 2, title, timestamp, exit } = options;
  const { columns, rows } = transcript;
  const size = version === 2 ? { width: columns, height: rows } : { term: { cols: columns, rows } };
  const header = {
    version,
    ...size,
    ...(title === undefined ? {} : { title }),
    ...(timestamp === undefined ? {} : { timestamp: Math.floor(timestamp) }),
  };
  const lines = linesOf(transcript.events);
  if (version === 3 && exit && exit.exitCode !== null) lines.push([exit.atMs, "x", String(exit.exitCode)]);
  let beforeMs = 0;
  const timed = lines.map(([atMs, code, data]) => {
    const rounded = Math.round(atMs);
    const time = version === 2 ? rounded : Math.max(0, rounded - beforeMs);
    beforeMs = rounded;
    return [time / 1000, code, data];
  });
  return `${[header, ...timed].map((line) => JSON.stringify(line)).join("\n")}\n`;
}

/** A file read back: what a player needs. Input and markers of others are passed over; a gap comes as its marker's text. */
export interface Asciicast {
  columns: number;
  rows: number;
  title: string | undefined;
  events: AsciicastEvent[];
}

export type AsciicastEvent =
  | { kind: "output"; atMs: number; bytes: Buffer }
  | { kind: "resize"; atMs: number; columns: number; rows: number }
  | { kind: "marker"; atMs: number; text: string };

/** Reads version 2 or 3, ours or another's. @throws SyntaxError that names the line */
export function readAsciicast(cast: string): Asciicast {
  const lines = cast.split("\n").map((text, index) => ({ text, number: index + 1 }));
  const [header, ...rest] = lines.filter(({ text }) => text.trim() !== "" && !text.startsWith("#"));
  const head = parseLine(header ?? { text: "", number: 1 }) as Header;
  const version = head?.version;
  if (version !== 2 && version !== 3) throw new SyntaxError(`line 1 is no header of asciicast version 2 or 3`);
  const events: AsciicastEvent[] = [];
  let atMs = 0;
  for (const line of rest) {
    const event = parseLine(line);
    if (!isEvent(event)) throw new SyntaxError(`line ${line.number} is no event: [time, code, text]`);
    const [seconds, code, data] = event;
    atMs = (version === 3 ? atMs : 0) + seconds * 1000;
    const last = events.at(-1);
    if (code === "o") events.push({ kind: "output", atMs, bytes: Buffer.from(data, "utf8") });
    else if (code === "b" && last?.kind === "output") last.bytes = Buffer.from(data, "base64");
    else if (code === "m") events.push({ kind: "marker", atMs, text: data });
    else if (code === "r") {
      const [columns, rows] = data.split("x").map(Number);
      if (columns! > 0 && rows! > 0) events.push({ kind: "resize", atMs, columns: columns!, rows: rows! });
    }
  }
  const { width = head.term?.cols ?? 80, height = head.term?.rows ?? 24, title } = head;
  return { columns: width, rows: height, title, events };
}

/** The program's output, byte for byte; without what a gap left out. */
export function outputOfAsciicast(cast: string): Buffer {
  return Buffer.concat(readAsciicast(cast).events.flatMap((event) => (event.kind === "output" ? [event.bytes] : [])));
}

interface Header {
  version?: number;
  width?: number;
  height?: number;
  term?: { cols?: number; rows?: number };
  title?: string;
}

function parseLine({ text, number }: { text: string; number: number }): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`line ${number} is no JSON: ${(error as Error).message}`);
  }
}

function isEvent(value: unknown): value is [number, string, string] {
  const [seconds, code, data] = Array.isArray(value) ? value : [];
  return typeof seconds === "number" && typeof code === "string" && typeof data === "string";
}

function linesOf(events: readonly TerminalEvent[]): Line[] {
  const lines: Line[] = [];
  let held: Buffer = Buffer.alloc(0);
  let heldAtMs = 0;
  const show = (atMs: number, bytes: Buffer) => {
    if (bytes.length === 0) return;
    const text = bytes.toString("utf8");
    lines.push([atMs, "o", text]);
    if (!Buffer.from(text, "utf8").equals(bytes)) lines.push([atMs, "b", bytes.toString("base64")]);
  };
  const release = () => {
    show(heldAtMs, held);
    held = Buffer.alloc(0);
  };
  for (const event of events) {
    const { kind, atMs } = event;
    if (kind === "output") {
      const bytes = held.length > 0 ? Buffer.concat([held, event.bytes]) : event.bytes;
      const whole = bytes.length - unfinishedLength(bytes);
      held = bytes.subarray(whole);
      heldAtMs = atMs;
      show(atMs, bytes.subarray(0, whole));
    } else if (kind === "gap") {
      release();
      lines.push([atMs, "m", `${event.byteCount} bytes are not kept`]);
    } else if (kind === "resize") lines.push([atMs, "r", `${event.columns}x${event.rows}`]);
    else lines.push([atMs, "i", event.bytes.toString("utf8")]);
  }
  release();
  return lines;
}

/** How many of the last bytes begin a character that may be finished by what comes next. */
function unfinishedLength(bytes: Buffer): number {
  for (let length = 1; length <= Math.min(3, bytes.length); length += 1) {
    const byte = bytes[bytes.length - length]!;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > length ? length : 0;
  }
  return 0;
}
