// Where the groups of a recording stand: its segments walked from frame head to frame head.
// Reads nine bytes a group and no payload, so a checksum is not looked at here: whoever reads a group does that.
// Knows the journal's frame (runtime/journal.ts), and that a group is a frame of type 2.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { type Damage, segmentsOf } from "../../runtime/index.ts";

const journalName = "episodes";
const magicBytes = 8;
const headBytes = 9;
const groupType = 2;

/** A segment as far as its frames can be followed. */
export interface Segment {
  name: string;
  /** Of its groups, in order. */
  offsets: number[];
  damage: Damage | null;
}

/** The segments of a recording, oldest first. */
export async function walkSegments(folder: string): Promise<Segment[]> {
  return (await segmentsOf(folder, journalName)).map((name) => walkSegment(folder, name));
}

function walkSegment(folder: string, name: string): Segment {
  const file = openSync(join(folder, name), "r");
  try {
    const { size } = fstatSync(file);
    const head = Buffer.alloc(headBytes);
    const offsets: number[] = [];
    const damaged = (offset: number, reason: string): Segment => {
      return { name, offsets, damage: { segment: name, offset, droppedBytes: size - offset, reason } };
    };
    if (size > 0 && size < magicBytes) return damaged(0, "cut off in its first bytes");
    let at = magicBytes;
    while (at < size) {
      if (at + headBytes > size) return damaged(at, "cut off in a frame's head");
      readSync(file, head, 0, headBytes, at);
      const length = head.readUInt32BE(0);
      if (length === 0) return damaged(at, "a frame of impossible length");
      if (at + headBytes - 1 + length > size) return damaged(at, "cut off in a record");
      if (head[8] === groupType) offsets.push(at);
      at += headBytes - 1 + length;
    }
    return { name, offsets, damage: null };
  } finally {
    closeSync(file);
  }
}
