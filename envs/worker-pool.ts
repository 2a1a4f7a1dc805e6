// Several helper processes of one kind behind one queue.
// A process that dies or is killed fails the one call it was busy with and is replaced; the rest of the queue goes on.
// Knows no world. Each slot runs one process after another; a world that needs its calls to meet the same process
// again (a session) would hold a slot where `call` borrows one.
import { setTimeout as pause } from "node:timers/promises";
import { abortable } from "./abort.ts";
import { InfrastructureError } from "./errors.ts";
import { type Hello, Worker, type WorkerCommand } from "./worker.ts";

export interface WorkerPoolOptions {
  /** Processes at a time; 2 unless said. Each takes one call at a time. */
  processCount?: number;
  /** Calls that wait for a process; the next waits for a place among them. 256 unless said. */
  maxQueue?: number;
  /** From the start of a process to its hello; 180 000 unless said, since imports alone took 40 s on a slow machine. */
  startDeadlineMs?: number;
  /** Starts in a row that may fail before a slot gives up; 3 unless said. */
  maxFailedStarts?: number;
  /** Deaths in a row, with no call answered in between, before a slot gives up; 20 unless said. Deadlines do not count. */
  maxCrashes?: number;
  /** The pause before a process is replaced, doubled with each failure in a row: 100 up to 10 000 unless said. */
  firstBackoffMs?: number;
  maxBackoffMs?: number;
}

const defaults: Required<WorkerPoolOptions> = {
  processCount: 2,
  maxQueue: 256,
  startDeadlineMs: 180_000,
  maxFailedStarts: 3,
  maxCrashes: 20,
  firstBackoffMs: 100,
  maxBackoffMs: 10_000,
};

export interface WorkerCallOptions {
  /** From when a process takes the call; time in the queue does not count. */
  deadlineMs: number;
  /** Rejects at once. A call that has begun goes on in its process, which takes the next when it is through. */
  signal?: AbortSignal;
}

interface Job {
  method: string;
  params: unknown;
  deadlineMs: number;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

export class WorkerPool implements AsyncDisposable {
  readonly command: WorkerCommand;
  /** Resolves with the first process's hello. @throws InfrastructureError `worker_start` if none comes up */
  readonly ready: Promise<Hello>;
  readonly #options: Required<WorkerPoolOptions>;
  readonly #slots: Promise<void>[];
  readonly #workers = new Set<Worker>();
  readonly #queue: Job[] = [];
  /** Slots without a call, and calls without a place in the queue, each in the order they came. */
  readonly #idle: (() => void)[] = [];
  readonly #roomless: (() => void)[] = [];
  readonly #closing = new AbortController();
  #livingSlotCount: number;
  #restartCount = 0;
  /** Set once every slot has given up, or the pool was closed: what every call gets from then on. */
  #verdict: InfrastructureError | undefined;
  #greet!: (hello: Hello) => void;
  #despair!: (error: InfrastructureError) => void;

  /** Starts the processes; calls may be made at once and wait for them. */
  constructor(command: WorkerCommand, options: WorkerPoolOptions = {}) {
    this.command = command;
    this.#options = { ...defaults, ...options };
    this.ready = new Promise((resolve, reject) => {
      this.#greet = resolve;
      this.#despair = reject;
    });
    this.ready.catch(() => {}); // whoever waits hears it, and so does every call
    this.#livingSlotCount = this.#options.processCount;
    this.#slots = Array.from({ length: this.#options.processCount }, () => this.#runSlot());
  }

  /** Numbers for a dashboard. */
  get stats() {
    const pids = [...this.#workers].flatMap((worker) => worker.pid ?? []);
    return { pids, queuedCount: this.#queue.length, restartCount: this.#restartCount };
  }

  /**
   * Calls a method in whichever process is free next and waits for its result.
   * @throws InfrastructureError `worker_timeout`, `worker_died`, `worker_error`, `worker_start`, `worker_closed`
   */
  call(method: string, params: unknown, { deadlineMs, signal }: WorkerCallOptions): Promise<unknown> {
    return abortable([signal], async (aborted) => {
      while (!this.#verdict && this.#queue.length >= this.#options.maxQueue) {
        await new Promise<void>((resolve) => this.#roomless.push(resolve));
      }
      if (this.#verdict) throw this.#verdict;
      return new Promise((resolve, reject) => this.#enqueue({ method, params, deadlineMs, resolve, reject }, aborted));
    });
  }

  /** Fails what is under way with `worker_closed` and ends every process. Closing twice is fine. */
  async close(): Promise<void> {
    this.#stop(new InfrastructureError("worker_closed", `the pool was closed - ${this.command.name} - open another`));
    this.#closing.abort();
    await Promise.all([...this.#workers].map((worker) => worker.close()));
    await Promise.all(this.#slots);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #enqueue(job: Job, aborted: AbortSignal): void {
    if (aborted.aborted) {
      this.#makeRoom(); // it gives its place to the next
      return;
    }
    this.#queue.push(job);
    aborted.addEventListener("abort", () => this.#withdraw(job), { once: true });
    this.#idle.shift()?.();
  }

  #withdraw(job: Job): void {
    const index = this.#queue.indexOf(job);
    if (index < 0) return; // a process has it
    this.#queue.splice(index, 1);
    this.#makeRoom();
  }

  #makeRoom(): void {
    this.#roomless.shift()?.();
  }

  /** One process after another, until the pool closes or there is no use in going on. */
  async #runSlot(): Promise<void> {
    let failedStartCount = 0;
    let crashCount = 0;
    while (!this.#verdict) {
      const worker = new Worker(this.command);
      this.#workers.add(worker);
      let failure: InfrastructureError | undefined;
      try {
        this.#greet(await worker.hello(this.#options.startDeadlineMs));
        failedStartCount = 0;
        crashCount = await this.#serve(worker, crashCount);
      } catch (error) {
        failure = error as InfrastructureError;
        failedStartCount += 1;
      }
      await worker.close();
      this.#workers.delete(worker);
      if (failedStartCount >= this.#options.maxFailedStarts) return this.#giveUp(failure!);
      if (crashCount >= this.#options.maxCrashes) {
        const what = `the helper process died ${crashCount} times without an answer in between`;
        const advice = "look at its last words in the failed calls before this one";
        return this.#giveUp(new InfrastructureError("worker_start", `${what} - ${this.command.name} - ${advice}`));
      }
      this.#restartCount += 1;
      await this.#backOff(failedStartCount + crashCount);
    }
  }

  /** Feeds one process until it ends. Returns how often in a row a process has died by now without an answer. */
  async #serve(worker: Worker, crashCount: number): Promise<number> {
    while (worker.isAlive) {
      const job = await this.#nextJob(worker);
      if (!job) return this.#verdict ? 0 : crashCount + 1; // it died idle
      try {
        job.resolve(await worker.call(job.method, job.params, job.deadlineMs));
        crashCount = 0;
      } catch (error) {
        job.reject(error);
        const hasDied = error instanceof InfrastructureError && error.failure.cause === "worker_died";
        crashCount = hasDied ? crashCount + 1 : 0;
      }
    }
    return crashCount;
  }

  /** The next call; undefined once the process or the pool has ended. */
  async #nextJob(worker: Worker): Promise<Job | undefined> {
    while (worker.isAlive && !this.#verdict) {
      const job = this.#queue.shift();
      if (job) {
        this.#makeRoom();
        return job;
      }
      let wake!: () => void;
      const called = new Promise<void>((resolve) => {
        wake = resolve;
      });
      this.#idle.push(wake);
      await Promise.race([called, worker.ended]);
      const index = this.#idle.indexOf(wake);
      if (index >= 0) this.#idle.splice(index, 1);
      else if (!worker.isAlive) this.#idle.shift()?.(); // it was woken for a call it can no longer take
    }
    return undefined;
  }

  async #backOff(failureCount: number): Promise<void> {
    if (failureCount === 0) return;
    const { firstBackoffMs, maxBackoffMs } = this.#options;
    const ms = Math.min(firstBackoffMs * 2 ** (failureCount - 1), maxBackoffMs);
    await pause(ms, undefined, { signal: this.#closing.signal }).catch(() => {}); // cut short by close
  }

  #giveUp(error: InfrastructureError): void {
    this.#livingSlotCount -= 1;
    if (this.#livingSlotCount === 0) this.#stop(error);
  }

  #stop(verdict: InfrastructureError): void {
    if (this.#verdict) return;
    this.#verdict = verdict;
    this.#despair(verdict);
    for (const job of this.#queue.splice(0)) job.reject(verdict);
    for (const wake of [...this.#idle.splice(0), ...this.#roomless.splice(0)]) wake();
  }
}
