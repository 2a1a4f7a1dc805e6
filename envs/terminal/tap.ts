// A bounded queue of bytes between a reader and one consumer.
// The consumer's pace is the credit: what it has not taken yet counts, and the reader stops at the high mark until the
// low mark is reached. So an actor that passes chunks on as a stream holds the program back when its own caller is slow.

export interface TapOptions {
  /** Unread bytes at which reading stops; 256 KiB unless said. What is under way when it stops is added. */
  highWaterBytes?: number;
  /** Unread bytes at which it goes on; a quarter of the high mark unless said. */
  lowWaterBytes?: number;
}

export class Tap implements AsyncIterable<Buffer> {
  readonly highWaterBytes: number;
  readonly lowWaterBytes: number;
  #chunks: Buffer[] = [];
  #unreadBytes = 0;
  #isEnded = false;
  #isFull = false;
  #isTaken = false;
  #wake: (() => void) | undefined;
  #onRoom: () => void = () => {};

  constructor({ highWaterBytes = 256 * 1024, lowWaterBytes = highWaterBytes / 4 }: TapOptions = {}) {
    if (!(lowWaterBytes >= 0 && lowWaterBytes < highWaterBytes)) {
      throw new RangeError(`a low mark of ${lowWaterBytes} bytes is not below the high mark of ${highWaterBytes}`);
    }
    this.highWaterBytes = highWaterBytes;
    this.lowWaterBytes = lowWaterBytes;
  }

  /** True from the high mark until the low mark. */
  get isFull(): boolean {
    return this.#isFull;
  }

  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  /** For the reader: where to say that there is room again. Called from the consumer's turn; it must not block. */
  onRoom(listener: () => void): void {
    this.#onRoom = listener;
  }

  /** For the reader: the chunk is the tap's from now on. Returns false once the high mark is reached. */
  push(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#unreadBytes += chunk.length;
    if (this.#unreadBytes >= this.highWaterBytes) this.#isFull = true;
    this.#wake?.();
    return !this.#isFull;
  }

  /** For the reader: no more will come. */
  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  /** Chunks as they were read, each giving credit for the next; ends when all has been taken. For one consumer. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    if (this.#isTaken) throw new Error("a tap has one consumer - two ask for its bytes - make one pass them on");
    this.#isTaken = true;
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk) {
          this.#unreadBytes -= chunk.length;
          yield chunk;
          this.#makeRoom();
        } else if (this.#isEnded) return;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      this.#abandon();
    }
  }

  #makeRoom(): void {
    if (!this.#isFull || this.#unreadBytes > this.lowWaterBytes) return;
    this.#isFull = false;
    this.#onRoom();
  }

  /** A consumer that has left holds nobody back. */
  #abandon(): void {
    this.push = () => true;
    this.#chunks = [];
    this.#unreadBytes = 0;
    this.#makeRoom();
  }
}
