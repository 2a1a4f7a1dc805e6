// An append-only journal in segments: framed, checked, durable when it says so.
// Knows bytes only; the recorder and the head give them meaning. Whatever is cut off at the end, the rest reads.
// Frame: length of type and payload u32, CRC-32 of both u32 (big-endian), type u8, payload.
import { constants, type FileHandle, mkdir, open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { ActorError } from "./errors.ts";

const magic = Buffer.from("ITRJ\x00\x00\x00\x01", "latin1");
const frameHeadBytes = 8;
/** A longer frame is a torn or foreign file, not a record. */
const maxFrameBytes = 2 ** 30;

export interface JournalOptions {
  /** Segments are named `<name>-<number>.journal`. */
  name: string;
  /** A new segment begins after this many bytes; 64 MiB unless said. */
  segmentBytes?: number;
}

export interface JournalRecord {
  type: number;
  payload: Buffer;
  segment: string;
  /** Of its frame in the segment. */
  offset: number;
}

/** The writing end. One writer a folder and name. */
export class Journal {
  readonly #folder: string;
  readonly #name: string;
  readonly #segmentBytes: number;
  #number: number;
  #file: { number: number; handle: FileHandle } | undefined;
  #size = 0;
  #pending: Pending[] = [];
  #flushing: Promise<void> | undefined;
  #failure: Error | undefined;

  private constructor(folder: string, number: number, { name, segmentBytes = 64 * 2 ** 20 }: JournalOptions) {
    this.#folder = folder;
    this.#name = name;
    this.#segmentBytes = segmentBytes;
    this.#number = number;
  }

  /** Opens a folder for writing, behind what is there; an old segment is never written to again. */
  static async open(folder: string, options: JournalOptions): Promise<Journal> {
    await mkdir(folder, { recursive: true });
    const existing = await segmentsOf(folder, options.name);
    const last = existing.at(-1);
    const number = last === undefined ? 1 : numberOf(last) + 1;
    return new Journal(folder, number, options);
  }

  /** Keeps a record for the next `sync`; gives the segment and offset at which it will stand. */
  append(type: number, payload: Uint8Array): { segment: string; offset: number } {
    const frame = Buffer.allocUnsafe(frameHeadBytes + 1 + payload.length);
    frame.writeUInt8(type, frameHeadBytes);
    frame.set(payload, frameHeadBytes + 1);
    const checked = frame.subarray(frameHeadBytes);
    frame.writeUInt32BE(checked.length, 0);
    frame.writeUInt32BE(crc32(checked), 4);
    if (this.#size >= this.#segmentBytes) {
      this.#number += 1;
      this.#size = 0;
    }
    const offset = this.#size === 0 ? magic.length : this.#size;
    this.#size = offset + frame.length;
    this.#pending.push({ number: this.#number, frame });
    return { segment: segmentName(this.#name, this.#number), offset };
  }

  /**
   * Resolves when everything appended before is on the disk. Those who ask at the same time share one flush.
   * Rejects with `process_failed` when the disk is full or gone; from then on every `sync` does.
   */
  async sync(): Promise<void> {
    // A flush that is under way may have begun before our records came: wait for it, then for one that has them.
    while (this.#pending.length > 0 || this.#flushing) {
      this.#flushing ??= this.#flush().finally(() => {
        this.#flushing = undefined;
      });
      await this.#flushing;
    }
    if (this.#failure) throw this.#failure;
  }

  async close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      await this.#file?.handle.close();
      this.#file = undefined;
    }
  }

  async #flush(): Promise<void> {
    const batch = this.#pending;
    this.#pending = [];
    if (this.#failure) throw this.#failure;
    try {
      for (const number of new Set(batch.map((pending) => pending.number))) {
        const frames = batch.filter((pending) => pending.number === number).map(({ frame }) => frame);
        const file = await this.#segment(number);
        await file.appendFile(Buffer.concat(frames));
        await file.datasync();
      }
    } catch (error) {
      this.#failure = writeError(error, this.#folder);
      throw this.#failure;
    }
  }

  async #segment(number: number): Promise<FileHandle> {
    if (this.#file?.number === number) return this.#file.handle;
    await this.#file?.handle.close();
    const path = join(this.#folder, segmentName(this.#name, number));
    const handle = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_APPEND);
    this.#file = { number, handle };
    await handle.appendFile(magic);
    await syncFolder(this.#folder);
    return handle;
  }
}

/** A frame and the segment that it belongs to. */
interface Pending {
  number: number;
  frame: Buffer;
}

/** A folder's entries are durable only once the folder itself is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The segments of a journal, oldest first. */
export async function segmentsOf(folder: string, name: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const pattern = new RegExp(`^${name}-\\d{6}\\.journal$`);
  return names.filter((file) => pattern.test(file)).sort();
}

/** What could not be read of a segment, and why. */
export interface Damage {
  segment: string;
  /** From here on nothing was read. */
  offset: number;
  droppedBytes: number;
  reason: string;
}

/**
 * Reads a journal from its beginning, also while it is being written.
 * A segment that was cut off anywhere gives all its whole records; what is lost is told to `onDamage`.
 */
export async function* readJournal(
  folder: string,
  name: string,
  onDamage: (damage: Damage) => void = () => {},
): AsyncGenerator<JournalRecord> {
  for (const segment of await segmentsOf(folder, name)) {
    const bytes = await readFile(join(folder, segment));
    yield* readSegment(segment, bytes, onDamage);
  }
}

/** Reads one record that is known to stand there. @throws ActorError `protocol_error` if it does not */
export async function readRecord(folder: string, segment: string, offset: number): Promise<JournalRecord> {
  const file = await open(join(folder, segment), constants.O_RDONLY);
  try {
    const head = Buffer.alloc(frameHeadBytes);
    await file.read(head, 0, frameHeadBytes, offset);
    const { size } = await file.stat();
    const left = Math.max(0, size - offset - frameHeadBytes); // an altered length asks for more than there is
    const body = Buffer.alloc(Math.min(head.readUInt32BE(0), left, maxFrameBytes));
    await file.read(body, 0, body.length, offset + frameHeadBytes);
    if (body.length === 0 || crc32(body) !== head.readUInt32BE(4)) {
      throw new ActorError("protocol_error", `${segment} has no whole record at byte ${offset}. Rebuild the index.`);
    }
    return { type: body[0]!, payload: body.subarray(1), segment, offset };
  } finally {
    await file.close();
  }
}

function* readSegment(
  segment: string,
  bytes: Buffer,
  onDamage: (damage: Damage) => void,
): Generator<JournalRecord, void, void> {
  let at = magic.length;
  const damaged = (reason: string) => onDamage({ segment, offset: at, droppedBytes: bytes.length - at, reason });
  if (!bytes.subarray(0, magic.length).equals(magic)) {
    at = 0;
    if (bytes.length > 0) damaged(bytes.length < magic.length ? "cut off in its first bytes" : "not a journal");
    return;
  }
  while (at < bytes.length) {
    if (at + frameHeadBytes > bytes.length) return damaged("cut off in a frame's head");
    const length = bytes.readUInt32BE(at);
    if (length === 0 || length > maxFrameBytes) return damaged("a frame of impossible length");
    const body = bytes.subarray(at + frameHeadBytes, at + frameHeadBytes + length);
    if (body.length < length) return damaged("cut off in a record");
    if (crc32(body) !== bytes.readUInt32BE(at + 4)) return damaged("a record whose checksum is wrong");
    yield { type: body[0]!, payload: body.subarray(1), segment, offset: at };
    at += frameHeadBytes + length;
  }
}

function segmentName(name: string, number: number): string {
  return `${name}-${String(number).padStart(6, "0")}.journal`;
}

function numberOf(segment: string): number {
  return Number(segment.match(/-(\d{6})\.journal$/)![1]);
}

function writeError(error: unknown, folder: string): ActorError {
  const { code, message } = error as NodeJS.ErrnoException;
  const what = code === "ENOSPC" ? "the disk is full" : message;
  const cure = code === "ENOSPC" ? "Free some space" : "See that the folder can be written";
  return new ActorError("process_failed", `cannot write to ${folder}: ${what}. ${cure}, then resume.`, {
    cause: error,
  });
}
