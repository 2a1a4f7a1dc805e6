// Launchers whose walls stand and whose interpreter has loaded its packages: all of a job but its program.
// Each runs one program and is gone, so that none finds anything of another. Knows no verdict.
import { statSync } from "node:fs";
import type { Launcher, LaunchOrder } from "./launcher.ts";

export interface WarmOptions {
  /** How many stand ready, each a loaded interpreter in memory (about 150 MB with scikit-learn). 0 for none. */
  count: number;
  /** What they have loaded; one that is not installed is left out. numpy, pandas and sklearn unless said. */
  packages?: readonly string[];
}

type Order = LaunchOrder & { program: null };

/** Ready launchers by what they are ready for; those used last are kept. */
export class WarmLaunchers {
  readonly #count: number;
  readonly #make: (stdio: Stdio) => Promise<Launcher>;
  /** The least recently used first. */
  readonly #ready = new Map<string, Launcher[]>();
  readonly #making = new Set<Promise<void>>();
  readonly #leaving = new Set<Promise<void>>();
  #isClosed = false;
  #total = 0;

  constructor(count: number, make: (stdio: Stdio) => Promise<Launcher>) {
    this.#count = count;
    this.#make = make;
  }

  /** One that was prepared for exactly this, for nobody else; undefined if there is none. */
  take(order: Order, stdio: Stdio): Launcher | undefined {
    const ready = this.#of(keyOf(order, stdio)).shift();
    if (ready) this.#total -= 1;
    return ready;
  }

  /** Prepares what may be for such a job; the least recently wanted makes room for the first of its kind. */
  refill(order: Order, stdio: Stdio): void {
    const key = keyOf(order, stdio);
    const ours = this.#of(key);
    if (ours.length === 0 && this.#total >= this.#count) this.#dismissOldest();
    for (; this.#total < this.#count && !this.#isClosed; this.#total += 1) this.#prepare(key, order, stdio);
  }

  /** Resolves when all that are being prepared are warm, or have failed. */
  async warmed(): Promise<void> {
    await Promise.all(this.#making);
    await Promise.all([...this.#ready.values()].flat().map((launcher) => launcher.warmed()));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#making);
    for (const ready of this.#ready.values()) for (const launcher of ready.splice(0)) this.#dismiss(launcher);
    await Promise.all(this.#leaving);
  }

  /** The list of this kind, which is now the most recently used. */
  #of(key: string): Launcher[] {
    const found = this.#ready.get(key) ?? [];
    this.#ready.delete(key);
    this.#ready.set(key, found);
    return found;
  }

  #prepare(key: string, order: Order, stdio: Stdio): void {
    const making = this.#make(stdio).then(
      (launcher) => {
        launcher.prepare(order);
        const list = this.#ready.get(key);
        if (!list) {
          this.#total -= 1; // its kind was given up meanwhile
          this.#dismiss(launcher);
          return;
        }
        list.push(launcher);
        void launcher.end.then(() => this.#forget(key, launcher));
      },
      () => {
        this.#total -= 1; // no terminal could be made; the job that needs one says so
      },
    );
    this.#making.add(making);
    void making.then(() => this.#making.delete(making));
  }

  /** One that ended while it waited; the next job of its kind has another prepared. */
  #forget(key: string, launcher: Launcher): void {
    const list = this.#ready.get(key) ?? [];
    const at = list.indexOf(launcher);
    if (at < 0) return;
    list.splice(at, 1);
    this.#total -= 1;
    launcher.stdio.close();
  }

  #dismissOldest(): void {
    for (const [key, list] of this.#ready) {
      const launcher = list.pop();
      if (list.length === 0) this.#ready.delete(key);
      if (!launcher) continue;
      this.#total -= 1;
      this.#dismiss(launcher);
      return;
    }
  }

  #dismiss(launcher: Launcher): void {
    launcher.dismiss();
    const leaving = launcher.end.then(() => launcher.stdio.close());
    this.#leaving.add(leaving);
    void leaving.then(() => this.#leaving.delete(leaving));
  }
}

type Stdio = "pipe" | "pty";

/** All that is decided before a program comes; a folder of data that was replaced is another one under the same name. */
function keyOf(order: Order, stdio: Stdio): string {
  const data = order.data === null ? undefined : statSync(order.data, { throwIfNoEntry: false });
  return JSON.stringify([stdio, order, data ? [data.dev, data.ino] : null]);
}
