// A file's lines as they stand on disk, with their byte offsets, a chunk at a time.
// Also tells whether a line is whole: the last one may have been cut off.
import { createReadStream } from "node:fs";

export interface FileLine {
  text: string;
  /** Of its first byte. */
  offset: number;
  /** Ended by a line feed. */
  isWhole: boolean;
}

const lineFeed = 0x0a;

/** @throws the file's own error, ENOENT for one */
export async function* fileLines(path: string): AsyncGenerator<FileLine> {
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed, at)) {
      yield { text: bytes.toString("utf8", at, end), offset: offset + at, isWhole: true };
      at = end + 1;
    }
    offset += at;
    rest = bytes.subarray(at);
  }
  if (rest.length > 0) yield { text: rest.toString("utf8"), offset, isWhole: false };
}
