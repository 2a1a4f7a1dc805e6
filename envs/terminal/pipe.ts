// A plain pipe in a terminal's place: stdout and stderr in the order in which they were written, at half the CPU.
// The same interface and, for a program that does not ask whether it has a terminal, the same bytes.
import type { Readable, Writable } from "node:stream";
import type { Channel } from "./channel.ts";

export class Pipe implements Channel {
  readonly #output: Readable;
  readonly #input: Writable | null;
  readonly #ended: Promise<void>;
  #listener: (bytes: Buffer) => void = () => {};
  #isDraining = false;

  /** Our ends of the program's stdout and, if it takes input, of its stdin. */
  constructor(output: Readable, input: Writable | null) {
    this.#output = output;
    this.#input = input;
    this.#ended = new Promise((resolve) => {
      output.once("end", resolve);
      output.once("close", resolve);
      output.on("error", () => resolve()); // a reset after the program was killed: as much an end as any
    });
    input?.on("error", () => {}); // whoever writes hears it
    output.on("data", (bytes: Buffer) => this.#listener(bytes));
    output.pause();
  }

  start(listener: (bytes: Buffer) => void): void {
    this.#listener = listener;
    this.resume();
  }

  pause(): void {
    if (!this.#isDraining) this.#output.pause();
  }

  resume(): void {
    this.#output.resume();
  }

  async drain(deadlineMs: number): Promise<boolean> {
    this.#isDraining = true;
    this.#output.resume();
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), deadlineMs);
      this.#ended.then(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  write(bytes: Buffer): Promise<void> {
    const input = this.#input;
    if (!input) return Promise.reject(new Error("the program takes no input"));
    return new Promise((resolve, reject) => {
      input.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** A pipe has no size. */
  resize(): void {}

  close(): void {
    this.#output.destroy();
    this.#input?.destroy();
  }
}
