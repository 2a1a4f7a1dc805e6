// Warm processes for jobs: several zygotes, each with a process that stands by, replaced when they die and rotated before
// they are used up or grow. A job that runs in a zygote which dies fails with its cause; the queue behind it goes on.
// Knows how many and when; how one zygote is spoken to stands in `zygote.ts`, where it runs is its launcher's matter.
import { setTimeout as pause } from "node:timers/promises";
import { abortable } from "../abort.ts";
import { InfrastructureError } from "../errors.ts";
import type { Terminal, TerminalOptions } from "../terminal/terminal.ts";
import type { ZygoteOptions } from "./launcher.ts";
import type { ZygoteJob } from "./protocol.ts";
import { Zygote, type ZygoteHello } from "./zygote.ts";

export interface ZygotePoolOptions extends ZygoteOptions {
  /** Zygotes at a time, and so jobs at a time; 1 unless said. */
  zygoteCount?: number;
  /** Jobs that wait for a zygote; the next is refused a place until there is room. 256 unless said. */
  maxQueue?: number;
  /** A zygote that has grown beyond this is replaced after its job; 1 GiB unless said. */
  maxRssBytes?: number;
  /** Starts in a row that may fail before a slot gives up; 3 unless said. */
  maxFailedStarts?: number;
  /** The pause before the next start, doubled with each failure in a row; 100 up to 10 000 unless said. */
  firstBackoffMs?: number;
  maxBackoffMs?: number;
}

const poolDefaults = {
  zygoteCount: 1,
  maxQueue: 256,
  maxRssBytes: 1024 ** 3,
  maxFailedStarts: 3,
  firstBackoffMs: 100,
  maxBackoffMs: 10_000,
};

/** Of the last thousand, in milliseconds; null before the first. */
export type Latency = { p50: number; p95: number; p99: number; count: number } | null;

export interface ZygotePoolStats {
  pids: number[];
  /** Zygotes in which a process stands by. */
  depth: number;
  runningCount: number;
  queuedCount: number;
  jobCount: number;
  /** Zygotes replaced as planned, and those that died. */
  rotationCount: number;
  deathCount: number;
  /** From `run` to the job's first byte; the wait in the queue included. */
  firstByteMs: Latency;
  /** From a job's exit to the next process that stands by. */
  refillMs: Latency;
  /** From a zygote's start to its first process that stands by. */
  startMs: Latency;
}

/** Beside its terminal's options: what breaks off the wait for a zygote. */
export type ZygoteRunOptions = Omit<TerminalOptions, "columns" | "rows" | "descriptors" | "takesTerminal" | "tree"> & {
  signal?: AbortSignal;
};

interface Waiting {
  job: ZygoteJob;
  options: ZygoteRunOptions;
  sinceMs: number;
  resolve(terminal: Terminal): void;
  reject(error: unknown): void;
}

export class ZygotePool implements AsyncDisposable {
  /** Resolves with the first zygote's hello. @throws InfrastructureError `zygote_start` if none comes up */
  readonly ready: Promise<ZygoteHello>;
  readonly #options: ZygotePoolOptions & typeof poolDefaults;
  readonly #now: () => number;
  readonly #slots: Promise<void>[];
  readonly #zygotes = new Set<Zygote>();
  readonly #queue: Waiting[] = [];
  readonly #idle: (() => void)[] = [];
  readonly #closing = new AbortController();
  readonly #samples = { firstByte: [] as number[], refill: [] as number[], start: [] as number[] };
  #livingSlotCount: number;
  #runningCount = 0;
  #jobCount = 0;
  #rotationCount = 0;
  #deathCount = 0;
  #verdict: InfrastructureError | undefined;
  #greet!: (hello: ZygoteHello) => void;
  #despair!: (error: InfrastructureError) => void;

  /** Starts the zygotes; jobs may be given at once and wait for them. */
  constructor(options: ZygotePoolOptions) {
    this.#options = { ...poolDefaults, ...options };
    this.#now = options.now ?? (() => performance.now());
    this.ready = new Promise((resolve, reject) => {
      this.#greet = resolve;
      this.#despair = reject;
    });
    this.ready.catch(() => {}); // whoever waits hears it, and so does every job
    this.#livingSlotCount = this.#options.zygoteCount;
    this.#slots = Array.from({ length: this.#options.zygoteCount }, () => this.#runSlot());
  }

  get stats(): ZygotePoolStats {
    return {
      pids: [...this.#zygotes].flatMap(({ pid }) => pid ?? []),
      depth: this.#idle.length,
      runningCount: this.#runningCount,
      queuedCount: this.#queue.length,
      jobCount: this.#jobCount,
      rotationCount: this.#rotationCount,
      deathCount: this.#deathCount,
      firstByteMs: latencyOf(this.#samples.firstByte),
      refillMs: latencyOf(this.#samples.refill),
      startMs: latencyOf(this.#samples.start),
    };
  }

  /**
   * Resolves when the job runs; its terminal tells the rest. Its exit rejects with `zygote_died` if the zygote does.
   * @throws InfrastructureError `zygote_start`, `zygote_closed`, `zygote_busy`
   */
  run(job: ZygoteJob, options: ZygoteRunOptions): Promise<Terminal> {
    return abortable([options.signal], (aborted) => {
      if (this.#verdict) throw this.#verdict;
      if (this.#queue.length >= this.#options.maxQueue) {
        const message = `${this.#queue.length} jobs wait for a zygote - ${job.file} - give fewer at once or raise maxQueue`;
        throw new InfrastructureError("zygote_busy", message);
      }
      return new Promise<Terminal>((resolve, reject) => {
        const waiting = { job, options, sinceMs: this.#now(), resolve, reject };
        this.#queue.push(waiting);
        aborted.addEventListener("abort", () => this.#withdraw(waiting), { once: true });
        this.#idle.shift()?.();
      });
    });
  }

  /** Fails what runs and what waits with `zygote_closed` and ends every zygote. Closing twice is fine. */
  async close(): Promise<void> {
    this.#stop(new InfrastructureError("zygote_closed", "the pool of zygotes was closed - open another"));
    this.#closing.abort();
    await Promise.all([...this.#zygotes].map((zygote) => zygote.close()));
    await Promise.all(this.#slots);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #withdraw(waiting: Waiting): void {
    const index = this.#queue.indexOf(waiting);
    if (index >= 0) this.#queue.splice(index, 1); // otherwise a zygote has it
  }

  /** One zygote after another, until the pool closes or there is no use in going on. */
  async #runSlot(): Promise<void> {
    let failureCount = 0;
    while (!this.#verdict) {
      try {
        await this.#runZygote(() => {
          failureCount = 0;
        });
      } catch (error) {
        if (!(error instanceof InfrastructureError)) throw error;
        if (this.#verdict) return;
        this.#deathCount += 1;
        failureCount += 1;
        if (failureCount >= this.#options.maxFailedStarts) return this.#giveUp(error);
        const { firstBackoffMs, maxBackoffMs } = this.#options;
        const ms = Math.min(firstBackoffMs * 2 ** (failureCount - 1), maxBackoffMs);
        await pause(ms, undefined, { signal: this.#closing.signal }).catch(() => {}); // cut short by close
      }
    }
  }

  /** One zygote's life: returns when it is to be rotated. @throws InfrastructureError when it has died */
  async #runZygote(onWork: () => void): Promise<void> {
    const startedAtMs = this.#now();
    const zygote = await Zygote.start(this.#options);
    this.#zygotes.add(zygote);
    if (this.#verdict) zygote.kill("zygote_closed", "was closed");
    try {
      this.#greet(await zygote.hello());
      await zygote.ready();
      keep(this.#samples.start, this.#now() - startedAtMs);
      for (;;) {
        const waiting = await this.#nextWaiting(zygote);
        if (!waiting) return;
        await this.#serve(zygote, waiting);
        onWork();
        const endedAtMs = this.#now();
        if (zygote.remainingCount === 0) break;
        await zygote.ready();
        keep(this.#samples.refill, this.#now() - endedAtMs);
        if (zygote.rssBytes > this.#options.maxRssBytes) break;
      }
      this.#rotationCount += 1;
    } finally {
      await zygote.close();
      this.#zygotes.delete(zygote);
    }
  }

  /** Resolves when the job has ended and been cleared up, however. */
  async #serve(zygote: Zygote, { job, options, sinceMs, resolve, reject }: Waiting): Promise<void> {
    const waitedMs = this.#now() - sinceMs;
    let terminal: Terminal;
    try {
      terminal = zygote.run(job, options);
    } catch (error) {
      reject(error);
      throw error;
    }
    this.#runningCount += 1;
    this.#jobCount += 1;
    resolve(terminal);
    await terminal.exit.catch(() => {}); // whoever runs the job hears it
    this.#runningCount -= 1;
    const first = terminal.transcript.events.find(({ kind }) => kind === "output");
    if (first) keep(this.#samples.firstByte, waitedMs + first.atMs);
  }

  /** The next job; undefined once the pool is closed. @throws InfrastructureError when the zygote has died */
  async #nextWaiting(zygote: Zygote): Promise<Waiting | undefined> {
    while (!this.#verdict) {
      await zygote.ready(); // throws when it has died
      const waiting = this.#queue.shift();
      if (waiting) return waiting;
      let wake!: () => void;
      const called = new Promise<void>((resolve) => {
        wake = resolve;
      });
      this.#idle.push(wake);
      await Promise.race([called, zygote.ended]);
      const index = this.#idle.indexOf(wake);
      if (index >= 0) this.#idle.splice(index, 1);
      else if (!zygote.isAlive) this.#idle.shift()?.(); // it was woken for a job that it can no longer take
    }
    return undefined;
  }

  #giveUp(error: InfrastructureError): void {
    this.#livingSlotCount -= 1;
    if (this.#livingSlotCount === 0) this.#stop(error);
  }

  #stop(verdict: InfrastructureError): void {
    if (this.#verdict) return;
    this.#verdict = verdict;
    this.#despair(verdict);
    for (const { reject } of this.#queue.splice(0)) reject(verdict);
    for (const wake of this.#idle.splice(0)) wake();
  }
}

const keptSamples = 1_000;

function keep(samples: number[], value: number): void {
  samples.push(value);
  if (samples.length > keptSamples) samples.shift();
}

function latencyOf(samples: readonly number[]): Latency {
  if (samples.length === 0) return null;
  const sorted = samples.toSorted((one, other) => one - other);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), count: sorted.length };
}
