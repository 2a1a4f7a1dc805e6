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

/** The program's output, byte for byte; without what a gap left out. */
export function outputOfAsciicast(cast: string): Buffer {
  const pieces: Buffer[] = [];
  for (const line of cast.split("\n").slice(1)) {
    if (line === "" || line.startsWith("#")) continue;
    const [, code, data] = JSON.parse(line) as [number, string, string];
    if (code === "o") pieces.push(Buffer.from(data, "utf8"));
    if (code === "b") pieces[pieces.length - 1] = Buffer.from(data, "base64");
  }
  return Buffer.concat(pieces);
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
