// One helper process: started, greeted, called, killed when it does not answer.
// Programs of strangers are started elsewhere (sandbox/, terminal/). Lines of JSON over stdio: {id, method, params,
// deadlineMs} there, {id, ok, result | error} back, in the order of the calls: the next may be sent before the last is
// answered, and then waits in the pipe. Knows no world; several of these behind one queue are a pool (worker-pool.ts),
// one after another a place for sessions (session-worker.ts).
// The process ends when its stdin does, so it ends with us however we end.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { delimiter } from "node:path";
import { type FailureCause, InfrastructureError } from "./errors.ts";
import { LineSplitter } from "./lines.ts";

/** What to start. */
export interface WorkerCommand {
  /** The name that the helper says in its hello, `math-verifier`; errors name it so. */
  name: string;
  file: string;
  args: readonly string[];
  /** Added to our own environment. */
  env?: Readonly<Record<string, string>>;
}

/** Where our Python helpers run. */
export interface PythonOptions {
  /** The interpreter, with the helper's packages installed. */
  python: string;
  /** Folders to import from besides, that of the package `iterant` for one. */
  pythonPath?: readonly string[];
}

/** A module of our Python package as a helper, with arguments of its own: deterministic hashes, UTC, one thread. */
export function pythonWorker(
  name: string,
  module: string,
  options: PythonOptions,
  args: readonly string[] = [],
): WorkerCommand {
  const { python, pythonPath = [] } = options;
  return {
    name,
    file: python,
    args: ["-m", module, ...args],
    env: {
      PYTHONPATH: pythonPath.join(delimiter),
      PYTHONHASHSEED: "0",
      TZ: "UTC",
      LC_ALL: "C.UTF-8",
      OMP_NUM_THREADS: "1",
    },
  };
}

/** What a helper says of itself before its first call. */
export type Hello = { protocol: number; name: string; pid: number; versions: Record<string, string> };

/** The protocol this side speaks; a helper of another one is refused. */
export const protocolVersion = 1;
/** The longest line either side takes. */
export const maxLineBytes = 16 * 1024 * 1024;
/** How much of stderr is kept for error messages. */
const keptStderrCharacters = 2_000;
/** How long a helper may take to end after its stdin has; then it is killed. */
const closeGraceMs = 2_000;

type Answer = { id: number; ok: true; result: unknown } | { id: number; ok: false; error: WorkerMethodError };
type WorkerMethodError = { type: string; message: string };

interface Pending {
  id: number;
  method: string;
  deadlineMs: number;
  resolve(result: unknown): void;
  reject(error: InfrastructureError): void;
}

export class Worker {
  readonly command: WorkerCommand;
  /** Resolves when the process is gone, whatever the reason. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines = new LineSplitter(maxLineBytes);
  /** In the order of the calls. The process is busy with the first; the others wait in the pipe. */
  readonly #pending: Pending[] = [];
  /** The first one's. */
  #deadline: NodeJS.Timeout | undefined;
  #lastId = 0;
  #stderr = "";
  /** Why it is about to end or has ended; the first reason known is the one that counts. */
  #doom: { cause: FailureCause; what: string } | undefined;
  #hasEnded = false;

  constructor(command: WorkerCommand) {
    this.command = command;
    const { file, args, env } = command;
    this.#child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stdin.on("error", () => {}); // a write to a process that died; its end says more
    this.#child.stdout.on("data", (chunk: Buffer) => this.#hear(chunk));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-keptStderrCharacters);
    });
    this.ended = new Promise((resolve) => {
      this.#child.on("error", (error) => {
        if (this.#child.pid !== undefined) return; // a signal that found nobody: its end is told below
        this.#doom ??= { cause: "worker_start", what: `could not be started: ${error.message}` };
        this.#end(resolve);
      });
      this.#child.once("exit", (code, signal) => {
        this.#doom ??= { cause: "worker_died", what: `ended with ${signal ?? `code ${code}`}` };
        // A grandchild may hold stderr open for ever; what it would still say is not waited for.
        setTimeout(() => this.#destroyStreams(), closeGraceMs).unref();
      });
      this.#child.once("close", () => this.#end(resolve));
    });
  }

  get isAlive(): boolean {
    return !this.#hasEnded && this.#doom === undefined;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Waits until the helper has imported what it needs.
   * @param deadlineMs minutes rather than seconds: imports are slow on a slow machine
   * @throws InfrastructureError `worker_start`
   */
  async hello(deadlineMs: number): Promise<Hello> {
    const hello = (await this.#send("hello", {}, deadlineMs).catch((error: unknown) => {
      throw error instanceof InfrastructureError
        ? new InfrastructureError("worker_start", error.failure.message)
        : error;
    })) as Hello;
    if (hello.protocol === protocolVersion && hello.name === this.command.name) return hello;
    const said = `calls itself ${hello.name} and speaks protocol ${hello.protocol}, not ${protocolVersion}`;
    this.#kill("worker_start", said);
    throw new InfrastructureError("worker_start", this.#message(said, "install both sides from the same release"));
  }

  /**
   * Calls a method and waits for its result. Calls are answered one after another; the next need not wait for the last.
   * A helper that gives no answer by the deadline is killed. A call that waits in the pipe has its deadline from when
   * the one before it was answered, and fails with `worker_lost` if the process ends before.
   * @throws InfrastructureError `worker_timeout`, `worker_died`, `worker_lost`, `worker_error`, `worker_closed`
   */
  call(method: string, params: unknown, deadlineMs: number): Promise<unknown> {
    return this.#send(method, params, deadlineMs);
  }

  /** Ends the process: by the end of its stdin, and by force if that does not do. Resolves when it is gone. */
  close(): Promise<void> {
    if (!this.#hasEnded) {
      this.#doom ??= { cause: "worker_closed", what: "was closed before it could answer" };
      this.#child.stdin.end();
      setTimeout(() => this.#child.kill("SIGKILL"), closeGraceMs).unref();
    }
    return this.ended;
  }

  #send(method: string, params: unknown, deadlineMs: number): Promise<unknown> {
    if (!this.isAlive) return Promise.reject(this.#failure("worker_lost", "had ended before the call"));
    const id = ++this.#lastId;
    const line = `${JSON.stringify({ id, method, params, deadlineMs })}\n`;
    if (Buffer.byteLength(line) > maxLineBytes) {
      const what = `was to be sent ${Buffer.byteLength(line)} bytes, more than ${maxLineBytes}`;
      return Promise.reject(this.#failure("worker_error", what));
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ id, method, deadlineMs, resolve, reject });
      if (this.#pending.length === 1) this.#watch();
      this.#write(line);
    });
  }

  /** Lines of calls that are made together are written together: a sixth less of Node's time for each (measured). */
  #write(line: string): void {
    const { stdin } = this.#child;
    if (stdin.writableCorked === 0) {
      stdin.cork();
      process.nextTick(() => stdin.uncork());
    }
    stdin.write(line);
  }

  /** Gives the call that the process is busy with its time. */
  #watch(): void {
    clearTimeout(this.#deadline);
    const first = this.#pending[0];
    if (!first) return;
    const { method, deadlineMs } = first;
    this.#deadline = setTimeout(() => {
      this.#kill("worker_timeout", `gave no answer to ${method} within ${deadlineMs} ms and was killed`);
    }, deadlineMs);
  }

  #hear(chunk: Buffer): void {
    try {
      for (const line of this.#lines.push(chunk)) this.#settle(JSON.parse(line) as Answer);
    } catch (error) {
      this.#kill("worker_died", `said what is no answer: ${(error as Error).message}`);
    }
  }

  #settle(answer: Answer): void {
    const pending = this.#pending[0];
    if (answer.id !== pending?.id) throw new Error(`an answer to call ${answer.id}, which was not asked`);
    this.#pending.shift();
    this.#watch();
    if (answer.ok) pending.resolve(answer.result);
    else
      pending.reject(
        this.#failure("worker_error", `raised ${answer.error.type} in ${pending.method}: ${answer.error.message}`),
      );
  }

  #kill(cause: FailureCause, what: string): void {
    this.#doom ??= { cause, what };
    this.#child.kill("SIGKILL");
  }

  #end(resolve: () => void): void {
    this.#hasEnded = true;
    clearTimeout(this.#deadline);
    const { cause, what } = this.#doom!;
    const [first, ...rest] = this.#pending.splice(0);
    first?.reject(this.#failure(cause, what));
    for (const { method, reject } of rest) {
      reject(
        cause === "worker_closed"
          ? this.#failure(cause, what)
          : this.#failure("worker_lost", `${what}, before it came to ${method}`),
      );
    }
    resolve();
  }

  #destroyStreams(): void {
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }

  #failure(cause: FailureCause, what: string): InfrastructureError {
    const stderr = this.#stderr.trim();
    const advice = stderr === "" ? `run ${this.#commandLine()} by hand` : `its last words:\n${stderr}`;
    return new InfrastructureError(cause, this.#message(what, advice));
  }

  #message(what: string, advice: string): string {
    return `the helper process ${what} - ${this.#who()} - ${advice}`;
  }

  #who(): string {
    return `${this.command.name}, pid ${this.pid ?? "none"}`;
  }

  #commandLine(): string {
    return [this.command.file, ...this.command.args].join(" ");
  }
}
