// A session that lives in a helper process: opened there, spoken to by its name, closed.
// One that lost its process is made anew in the next by what was done in it, and nobody notices but the clock. Knows
// neither what a session is of nor what is done in it: the methods `open`, `close` and `fork` of the helper do.
import { randomUUID } from "node:crypto";
import { InfrastructureError } from "./errors.ts";
import type { SessionWorker } from "./session-worker.ts";

export interface HostedSessionOptions<D> {
  /** What the helper's `open` gets besides `session` and `done`. */
  opening: object;
  /** What was done before it begins, to be done again. */
  done?: readonly D[];
  /** For one call. */
  deadlineMs: number;
  /** False where doing the same again does not lead to the same: then a lost session is a failure. True unless said. */
  replayable?: boolean;
}

/** Sessions that may be lost with their process so many times in a row before that is a failure. */
const maxLosses = 3;

export class HostedSession<D> {
  readonly #worker: SessionWorker;
  readonly #options: HostedSessionOptions<D>;
  readonly #id = randomUUID();
  readonly #done: D[];
  /** What `open` answered last. */
  #opened: unknown;
  /** The process it lives in; null before it is opened. */
  #life: number | null = null;

  constructor(worker: SessionWorker, options: HostedSessionOptions<D>) {
    this.#worker = worker;
    this.#options = options;
    this.#done = [...(options.done ?? [])];
  }

  /** Opens it and gives what the helper's `open` answers. */
  begin(signal: AbortSignal): Promise<unknown> {
    return this.#within(signal, async () => this.#opened);
  }

  /** Calls a method that leaves the session as it is, or ends it. */
  ask(method: string, params: object, signal: AbortSignal): Promise<unknown> {
    return this.#within(signal, (life) => this.#call(method, params, life, signal));
  }

  /** Keeps what was done, for a session made anew. */
  did(deed: D): void {
    this.#done.push(deed);
  }

  /** A second session that stands where this one does; neither notices the other. */
  async fork(signal: AbortSignal): Promise<HostedSession<D>> {
    const fork = new HostedSession(this.#worker, { ...this.#options, done: this.#done });
    try {
      await this.#within(signal, (life) => {
        fork.#life = life;
        return this.#call("fork", { into: fork.#id }, life, signal);
      });
    } catch (error) {
      await fork.close();
      throw error;
    }
    return fork;
  }

  /** Lets go of it in the helper; a helper that is gone has let go already. */
  async close(): Promise<void> {
    if (this.#life === null || this.#life !== this.#worker.life) return;
    await this.#call("close", {}, this.#life).catch((error: unknown) => {
      if (!(error instanceof InfrastructureError)) throw error;
    });
  }

  #call(method: string, params: object, life: number, signal?: AbortSignal): Promise<unknown> {
    const options = { deadlineMs: this.#options.deadlineMs, life, ...(signal ? { signal } : {}) };
    return this.#worker.call(method, { session: this.#id, ...params }, options);
  }

  /** Work that needs the session to be there; where it was lost through no fault of its own, it is made anew first. */
  async #within(signal: AbortSignal, work: (life: number) => Promise<unknown>): Promise<unknown> {
    const { replayable = true } = this.#options;
    for (let losses = 0; ; losses += 1) {
      try {
        if (this.#life === null || (replayable && this.#life !== this.#worker.life)) await this.#open(signal);
        return await work(this.#life!);
      } catch (error) {
        const isLost = error instanceof InfrastructureError && error.failure.cause === "worker_lost";
        if (!isLost || !replayable || losses >= maxLosses) throw error;
        this.#life = null;
      }
    }
  }

  /** Opens it in the process that is up, and does again what was done. */
  async #open(signal: AbortSignal): Promise<void> {
    await this.#worker.ready();
    const life = this.#worker.life;
    this.#life = life; // from here on there is something to close, even if an abort is ahead of the answer
    this.#opened = await this.#call("open", { ...this.#options.opening, done: this.#done }, life, signal);
  }
}
