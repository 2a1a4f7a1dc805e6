// A text that nobody else can have written, found in a stream of bytes however it is cut into chunks.
// A terminal delivers in order: once the marker has come, everything written before it has. Knows no terminal.
import { randomBytes } from "node:crypto";

/**
 * A private operating-system command with 128 random bits: a program cannot forge it, and a screen would not show it.
 * Capital letters and digits alone, so that no setting of the line (OLCUC, ONLCR) changes it on its way.
 */
export function createMarker(): Buffer {
  return Buffer.from(`\x1b]7777;${randomBytes(16).toString("hex").toUpperCase()}\x07`, "latin1");
}

export class MarkerScanner {
  readonly marker: Buffer;
  #held: Buffer = Buffer.alloc(0);

  constructor(marker: Buffer) {
    this.marker = marker;
  }

  /** The bytes that are certain to stand before the marker, and those after it, once it is found. */
  push(chunk: Buffer): { before: Buffer; after?: Buffer } {
    const bytes = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    const at = bytes.indexOf(this.marker);
    if (at >= 0) {
      this.#held = Buffer.alloc(0);
      return { before: bytes.subarray(0, at), after: bytes.subarray(at + this.marker.length) };
    }
    const heldLength = this.#beginningAtEnd(bytes);
    this.#held = bytes.subarray(bytes.length - heldLength);
    return { before: bytes.subarray(0, bytes.length - heldLength) };
  }

  /** What is still held when no more will come; without the first `writtenLength` bytes of the marker, if it ends so. */
  rest(writtenLength: number): Buffer {
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    const isMarker = held.length === writtenLength && held.equals(this.marker.subarray(0, writtenLength));
    return isMarker ? Buffer.alloc(0) : held;
  }

  /** How many of the last bytes may be the beginning of the marker. */
  #beginningAtEnd(bytes: Buffer): number {
    for (let length = Math.min(this.marker.length - 1, bytes.length); length > 0; length -= 1) {
      if (bytes.subarray(bytes.length - length).equals(this.marker.subarray(0, length))) return length;
    }
    return 0;
  }
}
