// One helper process after another, for sessions that live inside it: every call goes to the one process there is.
// Calls are pipelined; a process that dies fails the call it was busy with, and whoever had a session in it is told that
// it is lost and makes it anew in the next. Knows no world and no session.
import { setTimeout as pause } from "node:timers/promises";
import { abortable } from "./abort.ts";
import { InfrastructureError } from "./errors.ts";
import { type Hello, Worker, type WorkerCommand } from "./worker.ts";

export interface SessionWorkerOptions {
  /** From the start of a process to its hello; 180 000 unless said. */
  startDeadlineMs?: number;
  /** Starts in a row that may fail before all calls do; 3 unless said. */
  maxFailedStarts?: number;
  /** Before a failed start is tried again, in milliseconds, doubled each time; 100 unless said. */
  firstBackoffMs?: number;
}

export interface SessionCallOptions {
  /** From when the process comes to the call. */
  deadlineMs: number;
  /** The process that must answer; the present one unless said. */
  life?: number;
  signal?: AbortSignal;
}

export class SessionWorker implements AsyncDisposable {
  readonly #command: WorkerCommand;
  readonly #options: Required<SessionWorkerOptions>;
  #running: Promise<Worker> | undefined;
  /** The process that has said hello. */
  #worker: Worker | undefined;
  #hello: Hello | undefined;
  #life = 0;
  #isClosed = false;

  constructor(command: WorkerCommand, options: SessionWorkerOptions = {}) {
    this.#command = command;
    this.#options = { startDeadlineMs: 180_000, maxFailedStarts: 3, firstBackoffMs: 100, ...options };
  }

  /** Counts the processes; sessions of an earlier one are gone. */
  get life(): number {
    return this.#life;
  }

  /** Resolves when a process is up, with what it says of itself. @throws InfrastructureError `worker_start` */
  async ready(): Promise<Hello> {
    await this.#up();
    return this.#hello!;
  }

  /**
   * Calls a method in the process that is up, or in the next one.
   * @throws InfrastructureError `worker_lost` if `life` is over or ended before the call's turn came; `worker_died`,
   * `worker_timeout`, `worker_error`, `worker_start`, `worker_closed`
   */
  call(method: string, params: unknown, { deadlineMs, life, signal }: SessionCallOptions): Promise<unknown> {
    return abortable([signal], async () => {
      const worker = await this.#up();
      if (life !== undefined && life !== this.#life) {
        throw new InfrastructureError("worker_lost", `process ${life} of ${this.#command.name} is gone - call again`);
      }
      return worker.call(method, params, deadlineMs);
    });
  }

  /** Ends the process; calls under way fail with `worker_closed`. Twice is fine. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = await this.#running?.catch(() => undefined);
    await running?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #up(): Promise<Worker> {
    if (this.#worker?.isAlive) return Promise.resolve(this.#worker);
    if (this.#isClosed) {
      const what = `it was closed - ${this.#command.name} - open another`;
      return Promise.reject(new InfrastructureError("worker_closed", what));
    }
    if (this.#worker) this.#running = undefined; // it has died
    this.#worker = undefined;
    this.#running ??= this.#start().catch((error: unknown) => {
      this.#running = undefined; // the next call tries again
      throw error;
    });
    return this.#running;
  }

  async #start(): Promise<Worker> {
    for (let failedCount = 1; ; failedCount += 1) {
      const worker = new Worker(this.#command);
      try {
        this.#hello = await worker.hello(this.#options.startDeadlineMs);
        this.#life += 1;
        this.#worker = worker;
        return worker;
      } catch (error) {
        await worker.close();
        if (failedCount >= this.#options.maxFailedStarts || this.#isClosed) throw error;
        await pause(this.#options.firstBackoffMs * 2 ** (failedCount - 1));
      }
    }
  }
}
