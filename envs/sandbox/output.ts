// What a program said: its first and last bytes, and how much there was. Bounded, whatever it says.
// Bytes, never text: what they mean, and whether a terminal may see them, is for others.

export interface KeptOutput {
  readonly head: Buffer;
  /** Empty if the head is all. */
  readonly tail: Buffer;
  /** Bytes between head and tail that were not kept. */
  readonly omittedBytes: number;
  readonly totalBytes: number;
  readonly lineCount: number;
  /** True if something is missing: in the middle, or because the program was ended at a limit of its output. */
  readonly isTruncated: boolean;
}

/** Kept at either end, unless said otherwise. */
const keptBytes = 64 * 1024;

/** Collects output and tells when it is more than was allowed. */
export class OutputKeeper {
  readonly #maxBytes: number;
  readonly #maxLines: number;
  readonly #keptBytes: number;
  #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #totalBytes = 0;
  #lineCount = 0;

  /** @param kept bytes of either end, 64 KiB unless said */
  constructor(limits: { outputBytes: number; outputLines: number }, kept = keptBytes) {
    this.#maxBytes = limits.outputBytes;
    this.#maxLines = limits.outputLines;
    this.#keptBytes = kept;
  }

  /** True once either limit has been passed. */
  get isOver(): boolean {
    return this.#totalBytes > this.#maxBytes || this.#lineCount > this.#maxLines;
  }

  /** Takes a piece; what comes after a limit was passed is dropped, but counted. */
  push(piece: Buffer): void {
    const isLate = this.isOver;
    this.#totalBytes += piece.length;
    if (isLate) return;
    for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) this.#lineCount += 1;
    const room = this.#keptBytes - this.#headBytes;
    if (room > 0) {
      this.#head.push(Buffer.from(piece.subarray(0, room))); // copied: a socket's buffer is larger than its bytes
      this.#headBytes += Math.min(room, piece.length);
    }
    if (piece.length > room) this.#keepTail(piece.subarray(Math.max(room, piece.length - this.#keptBytes)));
  }

  kept(): KeptOutput {
    const head = Buffer.concat(this.#head);
    const tail = Buffer.concat(this.#tail).subarray(-this.#keptBytes);
    const omittedBytes = this.#totalBytes - head.length - tail.length;
    return {
      head,
      tail,
      omittedBytes,
      totalBytes: this.#totalBytes,
      lineCount: this.#lineCount,
      isTruncated: omittedBytes > 0 || this.isOver,
    };
  }

  #keepTail(piece: Buffer): void {
    this.#tail.push(Buffer.from(piece));
    this.#tailBytes += piece.length;
    if (this.#tailBytes <= 2 * this.#keptBytes && this.#tail.length < 4_096) return;
    this.#tail = [Buffer.concat(this.#tail).subarray(-this.#keptBytes)];
    this.#tailBytes = this.#tail[0]!.length;
  }
}
