// The one file that a program may leave behind, read as if its author meant harm.
// Called once the program is dead, on a path whose folder is the executor's own; a name in that folder may still be
// anything. It is opened without following, blocking or becoming its terminal; only then asked what it is.
// Knows nothing of CSV: bytes and their hash go to the grader.
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** What the submission must not be. */
export type RefusalReason = "symlink" | "not_a_file" | "hardlink" | "too_large" | "unreadable";

export type Submission =
  | { readonly kind: "file"; readonly bytes: Buffer; readonly sha256: string }
  | { readonly kind: "missing" }
  | { readonly kind: "refused"; readonly reason: RefusalReason; readonly message: string };

/** What the prompt asks the program to write, in its working folder. */
export const submissionName = "submission.csv";

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;

/** Reads it, if it is an ordinary file of its own and of at most `maxBytes`. Never blocks, never reads more. */
export async function ingestSubmission(path: string, maxBytes: number): Promise<Submission> {
  let file: FileHandle;
  try {
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  } catch (error) {
    return notOpened(error as NodeJS.ErrnoException);
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return refused("not_a_file", "is not an ordinary file");
    if (stat.nlink !== 1) return refused("hardlink", `has ${stat.nlink} names: it may be somebody else's file`);
    if (stat.size > maxBytes) return refused("too_large", `has ${stat.size} bytes, more than ${maxBytes}`);
    return await readAtMost(file, maxBytes);
  } catch (error) {
    return refused("unreadable", `cannot be read: ${(error as Error).message}`);
  } finally {
    await file.close();
  }
}

/** The size that stat told is not believed: whoever still holds the file may make it longer or shorter. */
async function readAtMost(file: FileHandle, maxBytes: number): Promise<Submission> {
  const pieces: Buffer[] = [];
  let byteCount = 0;
  while (byteCount <= maxBytes) {
    const piece = Buffer.alloc(Math.min(64 * 1024, maxBytes + 1 - byteCount));
    const { bytesRead } = await file.read(piece, 0, piece.length, byteCount);
    if (bytesRead === 0) {
      const bytes = Buffer.concat(pieces);
      return { kind: "file", bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
    }
    pieces.push(piece.subarray(0, bytesRead));
    byteCount += bytesRead;
  }
  return refused("too_large", `has more than ${maxBytes} bytes`);
}

function notOpened({ code, message }: NodeJS.ErrnoException): Submission {
  switch (code) {
    case "ENOENT":
      return { kind: "missing" };
    case "ELOOP":
      return refused("symlink", "is a symbolic link");
    case "ENXIO": // a socket
    case "EISDIR":
      return refused("not_a_file", "is not an ordinary file");
    default:
      return refused("unreadable", `cannot be opened: ${message}`);
  }
}

function refused(reason: RefusalReason, what: string): Submission {
  const advice = "write it with open() or to_csv() under that name";
  return { kind: "refused", reason, message: `${submissionName} ${what} - ${advice}` };
}
