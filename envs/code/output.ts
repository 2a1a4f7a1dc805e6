// What a program printed, bounded: the first bytes, the last bytes, and how many there were; with its times where somebody
// wants to see it as it came.
// Knows no encoding until it is asked for text; a trace stands at the end, so the tail is the longer part.
import { Transcript } from "../terminal/transcript.ts";

/** `head` and `tail` do not overlap; what was between them is `byteCount` less their lengths. */
export type ProgramOutput = { readonly head: Buffer; readonly tail: Buffer; readonly byteCount: number };

export const emptyOutput: ProgramOutput = { head: Buffer.alloc(0), tail: Buffer.alloc(0), byteCount: 0 };

/** Keeps the two ends of a stream of bytes as it passes. */
export class OutputEnds {
  readonly #headBytes: number;
  readonly #tailBytes: number;
  #head = Buffer.alloc(0);
  #tail: Buffer[] = [];
  #keptTailBytes = 0;
  #byteCount = 0;

  constructor({ headBytes = 16 * 1024, tailBytes = 64 * 1024 } = {}) {
    this.#headBytes = headBytes;
    this.#tailBytes = tailBytes;
  }

  /** All bytes that passed so far. */
  get byteCount(): number {
    return this.#byteCount;
  }

  push(chunk: Buffer): void {
    this.#byteCount += chunk.length;
    const room = this.#headBytes - this.#head.length;
    if (room > 0) this.#head = Buffer.concat([this.#head, chunk.subarray(0, room)]);
    const rest = chunk.subarray(Math.max(0, room));
    if (rest.length === 0) return;
    this.#tail.push(rest);
    this.#keptTailBytes += rest.length;
    // Joined only once twice the bound has come, so that a byte is copied twice at most.
    if (this.#keptTailBytes > 2 * this.#tailBytes) this.#trim();
  }

  get kept(): ProgramOutput {
    this.#trim();
    return { head: this.#head, tail: this.#tail[0] ?? Buffer.alloc(0), byteCount: this.#byteCount };
  }

  #trim(): void {
    const tail = Buffer.concat(this.#tail);
    this.#tail = [tail.subarray(Math.max(0, tail.length - this.#tailBytes))];
    this.#keptTailBytes = this.#tail[0]!.length;
  }
}

/** The output as text; a line in its middle says how much is missing. */
export function outputText({ head, tail, byteCount }: ProgramOutput): string {
  const missing = byteCount - head.length - tail.length;
  if (missing === 0) return Buffer.concat([head, tail]).toString("utf8");
  return `${head.toString("utf8")}\n[${missing} bytes left out]\n${tail.toString("utf8")}`;
}

/** The window of every program; one on pipes never asks for it. */
const window = { columns: 80, rows: 24 };

/**
 * A transcript with room for so many bytes, half from either end, and what hears the output; null if nothing is kept.
 * Times are from its first word on: how long a program waited for its place is nobody's business.
 */
export function transcriptOf(maxBytes = 0, now = () => performance.now()) {
  if (maxBytes === 0) return null;
  const half = Math.ceil(maxBytes / 2);
  const transcript = new Transcript(window.columns, window.rows, half, half);
  let beganMs: number | undefined;
  const hear = (piece: Uint8Array) => {
    beganMs ??= now();
    transcript.add({ kind: "output", atMs: now() - beganMs, bytes: Buffer.from(piece) });
  };
  return { transcript, hear };
}
