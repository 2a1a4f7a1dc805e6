// Bytes to lines, split by hand: Node's readline costs a millisecond for each line of 20 kB (measured).
// Used for files of tasks and for the answers of helper processes; knows neither.

/** Cuts a stream of bytes at line feeds; a line's bytes are kept until its end has come, up to a bound. */
export class LineSplitter {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #pendingBytes = 0;

  /** @param maxBytes the longest line that is taken, without its line feed */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that end in this chunk, without line feeds. @throws RangeError if one is longer than `maxBytes` */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let at = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, at)) {
      this.#keep(chunk.subarray(at, end));
      lines.push(this.#take());
      at = end + 1;
    }
    this.#keep(chunk.subarray(at));
    return lines;
  }

  /** What came after the last line feed; undefined if nothing did. */
  end(): string | undefined {
    return this.#pendingBytes > 0 ? this.#take() : undefined;
  }

  #keep(piece: Buffer): void {
    this.#pendingBytes += piece.length;
    if (this.#pendingBytes > this.#maxBytes) throw new RangeError(`a line is longer than ${this.#maxBytes} bytes`);
    if (piece.length > 0) this.#pieces.push(piece);
  }

  #take(): string {
    const line = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#pendingBytes = 0;
    return line.toString("utf8");
  }
}
