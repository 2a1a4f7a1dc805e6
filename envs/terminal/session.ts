// A program and the channel its output arrives on, held to limits: the one implementation of `Terminal`.
// Bytes go from the channel through the limits into the transcript and the tap; pressure goes the other way. The end is
// told once: program gone, what it left behind killed, everything written read. Knows neither how the program was
// started nor which kind of channel it has, and no sandbox.
import type { Duplex } from "node:stream";
import { InfrastructureError } from "../errors.ts";
import type { Channel } from "./channel.ts";
import type { ProcessTree } from "./process-tree.ts";
import {
  ladderDefaults,
  type Terminal,
  type TerminalExit,
  type TerminalLimits,
  type TerminalOptions,
  type TerminalVerdict,
} from "./terminal.ts";
import { Throttle } from "./throttle.ts";
import { Transcript } from "./transcript.ts";

/** A program that runs, however it was started. */
export interface Program {
  /** Names it in messages: `python job.py`. */
  name: string;
  pid: number;
  /** Resolves when it is gone; rejects with what befell whoever was to tell us, its launcher. */
  ended: Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>;
  tree: ProcessTree;
  pipes: readonly (Duplex | undefined)[];
}

/** From the program's end to the last byte; what is left then is at most a kernel's buffer. */
const drainDeadlineMs = 30_000;
const keptBytes = 256 * 1024;

type Limits = Required<TerminalLimits>;

export const limitDefaults: Omit<Limits, "wallMs"> = {
  maxBytes: 8 * 1024 * 1024,
  maxLines: 200_000,
  bytesPerSecond: 64 * 1024 * 1024,
  readsPerSecond: 20_000,
};

export class TerminalSession implements Terminal {
  readonly transcript: Transcript;
  readonly exit: Promise<TerminalExit>;
  readonly #program: Program;
  readonly #channel: Channel;
  readonly #options: TerminalOptions;
  readonly #limits: Limits;
  readonly #now: () => number;
  readonly #startedAtMs: number;
  readonly #throttle: Throttle;
  readonly #wall: NodeJS.Timeout;
  #throttled: NodeJS.Timeout | undefined;
  #pausedAtMs: number | undefined;
  #isHeld = false;
  #heldSinceMs = 0;
  #verdict: TerminalVerdict | undefined;
  #limit: TerminalExit["limit"] = null;
  #outputBytes = 0;
  #lineCount = 0;
  #discardedBytes = 0;
  #throttledMs = 0;
  #heldMs = 0;
  #hasEnded = false;
  #isKilled = false;
  #giveUp!: (error: InfrastructureError) => void;

  /** The program has just been started; what it has written so far, if anything, is `first`. */
  constructor(program: Program, channel: Channel, options: TerminalOptions, first: Buffer = Buffer.alloc(0)) {
    const { columns = 80, rows = 24, keptHeadBytes = keptBytes, keptTailBytes = keptBytes, tap } = options;
    this.#program = program;
    this.#channel = channel;
    this.#options = options;
    this.#limits = { ...limitDefaults, ...options.limits };
    this.#now = options.now ?? (() => performance.now());
    this.#startedAtMs = this.#now();
    this.transcript = new Transcript(columns, rows, keptHeadBytes, keptTailBytes);
    this.#throttle = new Throttle(this.#limits.bytesPerSecond, this.#limits.readsPerSecond, this.#startedAtMs);
    this.#wall = setTimeout(() => this.#stop("wall", "wallMs"), this.#limits.wallMs);
    this.exit = this.#run();
    this.exit.catch(() => {}); // whoever waits hears it
    tap?.onRoom(() => this.#release());
    channel.start((bytes) => this.#hear(bytes));
    if (first.length > 0) this.#hear(first);
  }

  get pid(): number {
    return this.#program.pid;
  }

  pipe(index: number): Duplex {
    const pipe = this.#program.pipes[index];
    if (pipe) return pipe;
    throw new RangeError(`descriptor ${3 + index} is no pipe - ${this.#program.name} - ask for "pipe" in descriptors`);
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.#options.input !== "open") {
      throw new Error(`the program takes no input - ${this.#program.name} - open it with input: "open"`);
    }
    this.transcript.add({ kind: "input", atMs: this.#elapsedMs(), bytes: Buffer.from(bytes) });
    await this.#channel.write(bytes);
  }

  resize(columns: number, rows: number): void {
    this.transcript.add({ kind: "resize", atMs: this.#elapsedMs(), columns, rows });
    this.#channel.resize(columns, rows);
  }

  kill(how: "ladder" | "now" = "ladder"): Promise<TerminalExit> {
    this.#stop("closed", null, how);
    return this.exit;
  }

  async close(): Promise<void> {
    await this.kill("now").catch(() => {}); // said by `exit`; everything of ours is closed all the same
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<TerminalExit> {
    const { ended, tree } = this.#program;
    const isGivenUp = new Promise<never>((_, reject) => {
      this.#giveUp = reject;
    });
    try {
      const { exitCode, signal } = await Promise.race([ended, isGivenUp]);
      this.#hasEnded = true;
      const wallMs = this.#elapsedMs();
      clearTimeout(this.#wall);
      this.#endThrottle();
      const leftoverCount = await tree.clear(drainDeadlineMs);
      const isDrained = await this.#channel.drain(drainDeadlineMs);
      this.#release();
      return {
        verdict: this.#verdict ?? (signal ? "signal" : exitCode === 0 ? "ok" : "nonzero"),
        exitCode,
        signal,
        limit: this.#limit,
        wallMs,
        outputBytes: this.#outputBytes,
        lineCount: this.#lineCount,
        keptBytes: this.transcript.keptBytes,
        discardedBytes: this.#discardedBytes,
        throttledMs: this.#throttledMs,
        heldMs: this.#heldMs,
        leftoverCount,
        isDrained,
      };
    } finally {
      this.#hasEnded = true;
      clearTimeout(this.#wall);
      this.#endThrottle();
      this.#channel.close();
      for (const pipe of this.#program.pipes) pipe?.destroy();
      this.#options.tap?.end();
    }
  }

  #hear(bytes: Buffer): void {
    const taken = this.#admit(bytes);
    if (taken.length === 0) return;
    const now = this.#now();
    this.transcript.add({ kind: "output", atMs: now - this.#startedAtMs, bytes: taken });
    const waitMs = this.#throttle.take(taken.length, now);
    if (this.#options.tap?.push(taken) === false) this.#hold();
    if (waitMs > 1 && !this.#hasEnded) this.#slowDown(waitMs);
  }

  /** The part of the chunk that is within the limits. What comes after a limit was met is counted and thrown away. */
  #admit(bytes: Buffer): Buffer {
    if (this.#verdict === "output") {
      this.#discardedBytes += bytes.length;
      return bytes.subarray(0, 0);
    }
    const { maxBytes, maxLines } = this.#limits;
    let length = Math.min(bytes.length, maxBytes - this.#outputBytes);
    let limit: TerminalExit["limit"] = length < bytes.length ? "maxBytes" : null;
    for (let at = bytes.indexOf(10); at >= 0 && at < length; at = bytes.indexOf(10, at + 1)) {
      if (this.#lineCount === maxLines) {
        length = at;
        limit = "maxLines";
        break;
      }
      this.#lineCount += 1;
    }
    this.#outputBytes += length;
    if (limit) {
      this.#discardedBytes += bytes.length - length;
      this.#stop("output", limit, "now");
    }
    return bytes.subarray(0, length);
  }

  #hold(): void {
    if (this.#isHeld || this.#hasEnded) return;
    this.#isHeld = true;
    this.#heldSinceMs = this.#now();
    this.#channel.pause();
  }

  #release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#heldMs += this.#now() - this.#heldSinceMs;
    if (!this.#throttled && !this.#hasEnded) this.#channel.resume();
  }

  #slowDown(waitMs: number): void {
    if (this.#throttled) return;
    this.#pausedAtMs = this.#now();
    this.#channel.pause();
    this.#throttled = setTimeout(() => {
      this.#endThrottle();
      if (!this.#isHeld) this.#channel.resume();
    }, waitMs);
  }

  #endThrottle(): void {
    if (!this.#throttled) return;
    clearTimeout(this.#throttled);
    this.#throttled = undefined;
    this.#throttledMs += this.#now() - this.#pausedAtMs!;
  }

  /** The first reason is the one that counts; a harsher way may follow a gentler one. */
  #stop(verdict: TerminalVerdict, limit: TerminalExit["limit"], how: "ladder" | "now" = "ladder"): void {
    if (this.#hasEnded) return;
    this.#verdict ??= verdict;
    this.#limit ??= this.#verdict === verdict ? limit : null;
    if (this.#isKilled) return;
    if (how === "now") this.#isKilled = true;
    this.#climb(how === "now" ? ["SIGKILL"] : ["SIGINT", "SIGTERM", "SIGKILL"]).catch((error: unknown) => {
      this.#fail(`could not be killed: ${(error as Error).message}`);
    });
  }

  async #climb(signals: NodeJS.Signals[]): Promise<void> {
    const { interruptMs, terminateMs, killMs } = { ...ladderDefaults, ...this.#options.ladder };
    const graces: Partial<Record<NodeJS.Signals, number>> = {
      SIGINT: interruptMs,
      SIGTERM: terminateMs,
      SIGKILL: killMs,
    };
    for (const signal of signals) {
      await this.#program.tree.signal(signal);
      if (await this.#endsWithin(graces[signal]!)) return;
    }
    this.#fail(`did not end within ${killMs} ms of SIGKILL`);
  }

  #endsWithin(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      const settle = () => {
        clearTimeout(timer);
        resolve(true);
      };
      this.#program.ended.then(settle, settle);
    });
  }

  #fail(what: string): void {
    const { name, pid } = this.#program;
    const advice = "look for it in ps: a process in state D waits for a device";
    this.#giveUp(new InfrastructureError("terminal_stuck", `the program ${what} - ${name}, pid ${pid} - ${advice}`));
  }

  #elapsedMs(): number {
    return this.#now() - this.#startedAtMs;
  }
}
