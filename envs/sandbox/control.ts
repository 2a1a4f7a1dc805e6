// The conversation with a launcher, our side of `iterant.sandbox.control`: a length, a JSON object, raw bytes.
// Knows framing only.
import type { Duplex } from "node:stream";

export interface ControlMessage {
  readonly head: Record<string, unknown>;
  readonly payload: Buffer;
}

/** The largest message that is taken, payload included: what a launcher may take out of a workspace. */
const maxMessageBytes = 1024 * 2 ** 20;

/** Writes one message; what cannot be written because the other side is gone is told by its end. */
export function sendMessage(stream: Duplex, message: object): void {
  const body = Buffer.from(JSON.stringify(message));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  stream.write(Buffer.concat([length, body]));
}

/** Puts messages together from pieces; joins them once a message is there, however many they are. */
export class MessageReader {
  #pieces: Buffer[] = [];
  #byteCount = 0;
  #neededBytes = 4;

  /** The messages that this piece completes. @throws RangeError, SyntaxError for what is no message */
  push(piece: Buffer): ControlMessage[] {
    this.#pieces.push(piece);
    this.#byteCount += piece.length;
    const messages: ControlMessage[] = [];
    while (this.#byteCount >= this.#neededBytes) {
      const message = this.#take(Buffer.concat(this.#pieces));
      if (message) messages.push(message);
    }
    return messages;
  }

  /** A whole message, or undefined once it is known how many bytes more it needs. */
  #take(all: Buffer): ControlMessage | undefined {
    const bodyEnd = 4 + all.readUInt32BE(0);
    if (!this.#has(bodyEnd)) return undefined;
    const head = JSON.parse(all.toString("utf8", 4, bodyEnd)) as Record<string, unknown>;
    const end = bodyEnd + Number(head.byteCount);
    if (!this.#has(end)) return undefined;
    this.#pieces = [all.subarray(end)];
    this.#byteCount = all.length - end;
    this.#neededBytes = 4;
    return { head, payload: all.subarray(bodyEnd, end) };
  }

  #has(byteCount: number): boolean {
    if (!(byteCount <= maxMessageBytes)) throw new RangeError(`a message of ${byteCount} bytes`);
    this.#neededBytes = byteCount;
    return this.#byteCount >= byteCount;
  }
}
