// A pseudo-terminal without loss: the only door to node-pty, of which it takes `open` and `resize`.
// node-pty's own `spawn` loses the last bytes of a program that ends, because libuv takes a hang-up for the end of what
// there is to read. Here we hold the far end ourselves, so that there is no hang-up, and learn from a marker written
// behind the program's last byte that all of it has come. Knows no program and no limits.
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import type { SocketConstructorOpts } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { ReadStream } from "node:tty";
import { InfrastructureError } from "../errors.ts";
import type { Channel } from "./channel.ts";
import { createMarker, MarkerScanner } from "./marker.ts";

/** The part of node-pty that is not in its types; its `open` reads from both ends, which would eat what is typed. */
interface Native {
  open(columns: number, rows: number): { master: number; slave: number; pty: string };
  resize(fd: number, columns: number, rows: number, widthPixels: number, heightPixels: number): void;
}

/** The kernel hands out at most 4 kB at a time. */
const readBufferBytes = 64 * 1024;
/** How often a write that found no room is tried again. */
const retryMs = 5;
/** No room for a marker and nothing to read for so long: the program has stopped the line (TCOOFF). */
const stoppedMs = 250;

export class Pty implements Channel {
  /** Of the far end, `/dev/pts/3`; only in our own mount namespace. */
  readonly path: string;
  /** The far end, blocking, for a program's stdio; ours to close. */
  readonly slave: number;
  readonly #native: Native;
  readonly #master: number;
  /** The far end once more, non-blocking: what we write into it ourselves must never hang. */
  readonly #marking: number;
  readonly #reader: ReadStream;
  readonly #readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);
  #listener: (bytes: Buffer) => void = () => {};
  #isPaused = true;
  #isDraining = false;
  #isClosed = false;
  #isSlaveClosed = false;
  #lastWrite: Promise<void> = Promise.resolve();

  /** @throws InfrastructureError `terminal_start` if node-pty does not load or the system has no pseudo-terminal left */
  static async open(columns = 80, rows = 24): Promise<Pty> {
    const native = await loadNative();
    try {
      return new Pty(native, columns, rows);
    } catch (error) {
      throw new InfrastructureError(
        "terminal_start",
        `no pseudo-terminal could be opened: ${(error as Error).message} - ${columns}x${rows} - ` +
          "see /proc/sys/kernel/pty/nr against max, and whether /dev/pts is mounted; or use plain pipes",
      );
    }
  }

  private constructor(native: Native, columns: number, rows: number) {
    const { master, slave, pty } = native.open(columns, rows);
    this.#native = native;
    this.path = pty;
    this.#master = master;
    // Opened again by name: node-pty's is non-blocking, which a program's stdio must not be, and lacks close-on-exec.
    // The near end has no name and keeps lacking it: whoever starts a program for strangers closes what it inherits.
    [this.slave, this.#marking] = openAgain(pty, [master, slave]);
    closeSync(slave);
    // The types know `onread` only of sockets that connect; every stream of libuv has it, and it saves 64 kB a read.
    this.#reader = new ReadStream(master, {
      onread: {
        buffer: this.#readBuffer,
        callback: (length: number) => {
          this.#listener(Buffer.from(this.#readBuffer.subarray(0, length)));
          return !this.#isPaused;
        },
      },
    } as SocketConstructorOpts);
    this.#reader.on("error", () => {}); // cannot happen while we hold the far end; drain finds out for itself
  }

  start(listener: (bytes: Buffer) => void): void {
    this.#listener = listener;
    this.resume();
  }

  pause(): void {
    this.#isPaused = true;
    this.#reader.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isDraining) this.#reader.resume();
  }

  /** Reads by itself, not when the event loop is told of more: a read makes the kernel hand over what it still holds. */
  async drain(deadlineMs: number): Promise<boolean> {
    this.#isDraining = true;
    this.#reader.pause();
    const until = performance.now() + deadlineMs;
    const scanner = new MarkerScanner(createMarker());
    let written = 0;
    let lastMoveAt = performance.now();
    for (;;) {
      const count = this.#mark(scanner.marker.subarray(written));
      written += count;
      const bytes = this.#readNow();
      if (bytes) {
        const { before, after } = scanner.push(bytes);
        if (before.length > 0) this.#listener(before);
        if (after) return true; // whoever writes now was not waited for
      }
      if (bytes || count > 0) lastMoveAt = performance.now();
      const isStopped = written < scanner.marker.length && performance.now() - lastMoveAt > stoppedMs;
      if (isStopped || performance.now() > until) break;
      if (!bytes) await delay(retryMs);
    }
    const isEnd = await this.#readToEnd(until, (bytes) => this.#listener(scanner.push(bytes).before));
    const rest = scanner.rest(written);
    if (rest.length > 0) this.#listener(rest);
    return isEnd;
  }

  write(bytes: Buffer): Promise<void> {
    this.#lastWrite = this.#lastWrite.then(async () => {
      for (let at = 0; at < bytes.length; ) {
        if (this.#isClosed) throw new Error(`the terminal ${this.path} was closed before all was typed into it`);
        const count = writeSome(this.#master, bytes.subarray(at));
        at += count;
        if (count === 0) await delay(retryMs);
      }
    });
    return this.#lastWrite;
  }

  resize(columns: number, rows: number): void {
    if (!this.#isClosed) this.#native.resize(this.#master, columns, rows, 0, 0);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeSlave();
    this.#reader.destroy(); // closes the near end
  }

  /** Writes what there is room for; 0 too if the far end has been made unfit for writing. */
  #mark(bytes: Buffer): number {
    if (bytes.length === 0) return 0;
    try {
      return writeSome(this.#marking, bytes);
    } catch {
      return 0; // another line discipline, say; the other way of draining does not need it
    }
  }

  /** What there is just now; undefined for nothing. */
  #readNow(): Buffer | undefined {
    const length = readSome(this.#master, this.#readBuffer);
    return length ? Buffer.from(this.#readBuffer.subarray(0, length)) : undefined;
  }

  /** Lets go of the far end and reads until the kernel says that nobody holds it: nothing can be left then. */
  async #readToEnd(until: number, listener: (bytes: Buffer) => void): Promise<boolean> {
    this.#closeSlave();
    for (;;) {
      const length = readSome(this.#master, this.#readBuffer);
      if (length === undefined) return true;
      if (length > 0) listener(Buffer.from(this.#readBuffer.subarray(0, length)));
      else if (performance.now() > until) return false;
      else await delay(retryMs);
    }
  }

  #closeSlave(): void {
    if (this.#isSlaveClosed) return;
    this.#isSlaveClosed = true;
    closeSync(this.slave);
    closeSync(this.#marking);
  }
}

async function loadNative(): Promise<Native> {
  try {
    return ((await import("node-pty")) as unknown as { native: Native }).native;
  } catch (error) {
    throw new InfrastructureError(
      "terminal_start",
      `node-pty does not load: ${(error as Error).message} - ${process.platform}-${process.arch} - ` +
        "install it with its prebuilt binary, or use plain pipes",
    );
  }
}

/** The far end twice, blocking and not; if there are no descriptors left, these are given back. */
function openAgain(path: string, opened: readonly number[]): [slave: number, marking: number] {
  const descriptors: number[] = [...opened];
  try {
    for (const more of [0, constants.O_NONBLOCK]) {
      descriptors.push(openSync(path, constants.O_RDWR | constants.O_NOCTTY | more));
    }
  } catch (error) {
    for (const descriptor of descriptors) closeSync(descriptor);
    throw error;
  }
  return [descriptors.at(-2)!, descriptors.at(-1)!];
}

/** How many bytes there was room for. */
function writeSome(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    if (isCode(error, "EAGAIN")) return 0;
    throw error;
  }
}

/** How many bytes there were, 0 for none just now; undefined once nobody holds the far end and all is read. */
function readSome(fd: number, buffer: Buffer): number | undefined {
  try {
    return readSync(fd, buffer) || undefined;
  } catch (error) {
    if (isCode(error, "EAGAIN")) return 0;
    if (isCode(error, "EIO")) return undefined;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
