// One record of a journal: a value with its arrays raw behind it. Which kinds there are, and nothing of what they mean.
import { packValue, unpackValue } from "../runtime/index.ts";

/** What the type byte of a frame says. Numbers are never given twice. */
export const recordTypes = { group: 2, searchNode: 3 } as const;

/** Length of the MessagePack and count of raw buffers (u32), then each buffer's length, then all of them. */
export function packRecord(value: unknown): Buffer {
  const { bytes, buffers } = packValue(value);
  const head = Buffer.alloc(8 + 4 * buffers.length);
  head.writeUInt32BE(bytes.length, 0);
  head.writeUInt32BE(buffers.length, 4);
  buffers.forEach((buffer, at) => {
    head.writeUInt32BE(buffer.length, 8 + 4 * at);
  });
  return Buffer.concat([head, bytes, ...buffers]);
}

/** @throws RangeError on bytes that are no whole record */
export function unpackRecord(payload: Buffer): unknown {
  const count = payload.readUInt32BE(4);
  let at = 8 + 4 * count;
  const take = (length: number) => {
    at += length;
    return payload.subarray(at - length, at);
  };
  const bytes = take(payload.readUInt32BE(0));
  const buffers = Array.from({ length: count }, (_, index) => take(payload.readUInt32BE(8 + 4 * index)));
  return unpackValue({ bytes, buffers });
}
