// The seam between a program and who reads it: three descriptors, a listener, and the moment when all has been read.
// Pipes are here; a terminal is another `ProgramStdio`, handed in when a sandbox is opened. Knows no limits.
import { closeSync, openSync } from "node:fs";
import type { Readable } from "node:stream";

/** For `spawn`: a pipe made by Node, or a descriptor that is open here, a terminal's for example. */
export type StdioDescriptor = "pipe" | number;

/** The stdin, stdout and stderr of one program; made for one job, closed after it. */
export interface ProgramStdio {
  readonly descriptors: readonly [StdioDescriptor, StdioDescriptor, StdioDescriptor];
  /**
   * Called once, when the launcher holds copies of the descriptors: own copies may be closed.
   * @param streams what Node made of each "pipe", null elsewhere
   * @param hear to be called with each piece of output in its order; does not block
   */
  connect(streams: readonly (Readable | null)[], hear: (piece: Buffer) => void): void;
  /** Called when no process holds the descriptors any more. Resolves when the last byte has been heard. */
  drained(): Promise<void>;
  close(): void;
}

/** An empty stdin; stdout and stderr as two pipes, heard in the order in which they arrive. */
export function pipes(): ProgramStdio {
  const nothing = openSync("/dev/null", "r"); // Node opens none of its own beyond descriptor 2
  let isOpen = true;
  const closeNothing = () => {
    if (isOpen) closeSync(nothing);
    isOpen = false;
  };
  let readers: Readable[] = [];
  let ends: Promise<void>[] = [];
  return {
    descriptors: [nothing, "pipe", "pipe"],
    connect(streams, hear) {
      closeNothing();
      readers = streams.filter((stream) => stream !== null);
      ends = readers.map(
        (reader) =>
          new Promise((resolve) => {
            reader.on("data", hear);
            reader.once("error", () => resolve()); // the other end is gone, and what it said has been heard
            reader.once("close", resolve);
          }),
      );
    },
    drained: async () => {
      await Promise.all(ends);
    },
    close() {
      closeNothing();
      for (const reader of readers) reader.destroy();
    },
  };
}
