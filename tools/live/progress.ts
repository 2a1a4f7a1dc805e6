// How far a long walk through episodes or tasks is, on stderr: a bar that is drawn over itself on a screen, a line now and
// then where nobody watches.
import { blocks, progress } from "./strokes.ts";

/** Where nobody watches: a line every so many, and no more than so many lines. */
const leastStep = 1000;
const mostLines = 20;
const barWidth = 24;

export class Progress {
  readonly #verb: string;
  readonly #total: number;
  readonly #stream: NodeJS.WriteStream;
  #shown = "";

  /** @param verb what is done with them: `re-scoring` */
  constructor(verb: string, total: number, stream: NodeJS.WriteStream = process.stderr) {
    this.#verb = verb;
    this.#total = total;
    this.#stream = stream;
  }

  show(count: number): void {
    const step = Math.max(leastStep, Math.ceil(this.#total / mostLines));
    const isStep = this.#stream.isTTY || count % step === 0;
    const text = `  ${this.#verb} ${count} of ${this.#total} …`;
    if (!isStep || text === this.#shown) return;
    this.#shown = text;
    const { done, left } = progress(count / Math.max(1, this.#total), barWidth, blocks);
    this.#stream.write(this.#stream.isTTY ? `\r  ${done}${left}${text}\x1b[K` : `${text}\n`);
  }

  clear(): void {
    if (this.#stream.isTTY && this.#shown !== "") this.#stream.write("\r\x1b[K");
    this.#shown = this.#stream.isTTY ? "" : this.#shown;
  }
}
