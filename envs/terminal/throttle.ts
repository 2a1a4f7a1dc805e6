// How fast a terminal is read: so many bytes and so many reads a second, with a second's worth saved up.
// Pure arithmetic over the time it is told; says how long to wait, and knows no terminal.

export class Throttle {
  readonly #rates: readonly [bytes: number, reads: number];
  #spent: [bytes: number, reads: number] = [0, 0];
  #atMs: number;

  constructor(bytesPerSecond: number, readsPerSecond: number, atMs: number) {
    this.#rates = [bytesPerSecond, readsPerSecond];
    this.#atMs = atMs;
  }

  /** Counts one read. Returns the milliseconds until the next is due; 0 for at once. */
  take(byteCount: number, atMs: number): number {
    const elapsedS = (atMs - this.#atMs) / 1000;
    this.#atMs = atMs;
    const amounts = [byteCount, 1];
    let waitS = 0;
    for (const [index, rate] of this.#rates.entries()) {
      const spent = Math.max(0, this.#spent[index]! - elapsedS * rate) + amounts[index]!;
      this.#spent[index] = spent;
      waitS = Math.max(waitS, spent / rate - 1);
    }
    return waitS * 1000;
  }
}
