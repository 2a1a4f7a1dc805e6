// Bytes under their own hash: each content once in a folder, however many episodes have it.
// A blob is whole and durable before its name exists, and is held against its name when it is read. Knows no episode.
import { createHash, randomUUID } from "node:crypto";
import { constants, existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ActorError } from "../runtime/index.ts";

/** How the name of a file ends that is not yet a blob. */
const unfinished = ".part";

/** Where a record keeps what would burden it. */
export interface BlobRef {
  /** Of the bytes that are kept, hexadecimal: the file's name. */
  readonly sha256: string;
  readonly byteCount: number;
  /** How many bytes there were, where not all of them were kept. */
  readonly truncated?: number;
}

/** Puts bytes into a folder. Several may write to one folder: the same bytes have the same name. */
export class BlobWriter {
  readonly #folder: string;
  /** Those being written, so that equal ones that come together are written once. */
  readonly #writing = new Map<string, Promise<void>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Resolves when the bytes are on the disk, those that are kept: the first `maxBytes`, to the end of a line if there is one.
   * @throws ActorError `process_failed` when the disk is full or gone
   */
  async write(bytes: Uint8Array, maxBytes = Number.POSITIVE_INFINITY): Promise<BlobRef> {
    const kept = beginningOf(bytes, maxBytes);
    const sha256 = hashOf(kept);
    const writing = this.#writing.get(sha256) ?? this.#put(sha256, kept);
    this.#writing.set(sha256, writing);
    try {
      await writing;
    } finally {
      this.#writing.delete(sha256);
    }
    return { sha256, byteCount: kept.length, ...(kept.length < bytes.length && { truncated: bytes.length }) };
  }

  /** Removes what a writer that died left half written. To be called before anybody writes here. */
  async sweep(): Promise<void> {
    if (!existsSync(this.#folder)) return;
    const names = await readdir(this.#folder);
    await Promise.all(names.filter((name) => name.endsWith(unfinished)).map((name) => rm(join(this.#folder, name))));
  }

  async #put(sha256: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.#folder, sha256);
    if (existsSync(path)) return;
    try {
      await mkdir(this.#folder, { recursive: true });
      const temporary = `${path}.${randomUUID()}${unfinished}`;
      const file = await open(temporary, "wx");
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
      const folder = await open(this.#folder, constants.O_RDONLY);
      try {
        await folder.sync(); // a name is durable once its folder is
      } finally {
        await folder.close();
      }
    } catch (error) {
      const { message } = error as Error;
      const cure = "see that the folder can be written and the disk has room, then resume";
      throw new ActorError("process_failed", `cannot write ${path}: ${message}; ${cure}.`, { cause: error });
    }
  }
}

/** @throws ActorError `protocol_error` naming the file if it is missing or holds other bytes */
export async function readBlob(folder: string, { sha256 }: BlobRef): Promise<Buffer> {
  const path = join(folder, sha256);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    throw new ActorError("protocol_error", `${path} is missing; everything else of the recording can be read.`);
  });
  if (hashOf(bytes) === sha256) return bytes;
  const what = `is damaged: its ${bytes.length} bytes are not those of its name`;
  throw new ActorError("protocol_error", `${path} ${what}; everything else of the recording can be read.`);
}

function beginningOf(bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (bytes.length <= maxBytes) return bytes;
  const lastLineFeed = bytes.subarray(0, maxBytes).lastIndexOf(10);
  return bytes.subarray(0, lastLineFeed < 0 ? maxBytes : lastLineFeed + 1);
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
