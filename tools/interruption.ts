// Ctrl-C as a signal that aborts: whoever works hears it and leaves in order; the second time it ends at once.
import { setMaxListeners } from "node:events";
import { exitCodes } from "./failure.ts";

const names: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #hear = () => {
    if (this.signal.aborted) process.exit(exitCodes.interrupted);
    this.#controller.abort(new Error("interrupted"));
  };

  constructor() {
    setMaxListeners(0, this.signal); // every episode under way listens
    for (const name of names) process.on(name, this.#hear);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const name of names) process.removeListener(name, this.#hear);
  }
}
