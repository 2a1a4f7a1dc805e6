// Time as a thing that can be handed in: the real clock, and one that a test moves by hand.
// Knows nothing of who waits; everything in the runtime that waits takes its time from here.

export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  nowMs(): number;
  /** Calls back once after `delayMs`; the returned function calls it off. A pending timer keeps no process alive. */
  after(delayMs: number, callback: () => void): () => void;
}

export const realClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

const machineOffsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Monotonic milliseconds of this machine: the same in all its threads and processes, and Python's `time.monotonic()`. */
export function machineMs(): number {
  return performance.now() + machineOffsetMs;
}

interface Timer {
  atMs: number;
  callback: () => void;
}

/** A clock that stands still until `advance` is called: timers fire in order of their time, then of their making. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: Timer[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const next = this.#timers.reduce<Timer | undefined>(
        (first, timer) => (timer.atMs <= untilMs && (!first || timer.atMs < first.atMs) ? timer : first),
        undefined,
      );
      if (!next) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#nowMs = next.atMs;
      next.callback();
    }
    this.#nowMs = untilMs;
  }
}

/** Resolves after `delayMs`, or at once when the signal aborts. Never rejects. */
export function pause(delayMs: number, options: { clock?: Clock; signal?: AbortSignal } = {}): Promise<void> {
  const { clock = realClock, signal } = options;
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
