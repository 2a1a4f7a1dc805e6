// One zygote process from our side: started by whoever launches it, asked for one job at a time, heard when it dies.
// Knows descriptors, lines and deaths; does not know whether it runs in a sandbox, nor when to replace it: see the pool.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Duplex, Readable } from "node:stream";
import { type FailureCause, InfrastructureError } from "../errors.ts";
import { LineSplitter } from "../lines.ts";
import type { Channel } from "../terminal/channel.ts";
import { Pipe } from "../terminal/pipe.ts";
import type { ProcessTree } from "../terminal/process-tree.ts";
import { Pty } from "../terminal/pty.ts";
import { type Program, TerminalSession } from "../terminal/session.ts";
import type { Terminal, TerminalOptions } from "../terminal/terminal.ts";
import { environmentOf, type ZygoteOptions, zygoteDefaults } from "./launcher.ts";
import type { ZygoteCall, ZygoteEvent, ZygoteJob } from "./protocol.ts";

/** What a zygote says of itself when its imports are done. */
export type ZygoteHello = Extract<ZygoteEvent, { event: "ready" }>;
/** What a job has used; told when it has ended. */
export type ZygoteUsage = Pick<Extract<ZygoteEvent, { event: "ended" }>, "cpuMs" | "maxRssBytes">;

const controlFd = 3;
const keptWordCharacters = 4_000;
const maxLineBytes = 64 * 1024;

interface Running {
  job: number;
  end(event: Extract<ZygoteEvent, { event: "ended" }>): void;
  cleared(count: number): void;
  fail(error: InfrastructureError): void;
}

export class Zygote {
  readonly pid: number | undefined;
  /** Resolves when the process is gone, whatever the reason. */
  readonly ended: Promise<void>;
  /** Of its last standby, with everything that it has loaded. */
  rssBytes = 0;
  readonly #child: ChildProcess;
  readonly #control: Duplex;
  readonly #channels: Channel[];
  readonly #firstTerminal = controlFd + 1;
  readonly #jobCount: number;
  readonly #killDeadlineMs: number;
  readonly #hello: Promise<ZygoteHello>;
  readonly #lines = new LineSplitter(maxLineBytes);
  #greet!: (hello: ZygoteHello) => void;
  #despair!: (error: InfrastructureError) => void;
  #standbyPid: number | undefined;
  #onStandby: (() => void)[] = [];
  #running: Running | undefined;
  #startedCount = 0;
  #words = "";
  #startDeadline: NodeJS.Timeout | undefined;
  #doom: { cause: FailureCause; what: string } | undefined;
  #hasEnded = false;

  /** Makes the terminals and starts the process. @throws InfrastructureError `terminal_start` */
  static async start(options: ZygoteOptions): Promise<Zygote> {
    const { terminal, jobCount, columns, rows } = { ...zygoteDefaults, ...options };
    const ptys: Pty[] = [];
    try {
      if (terminal === "pty") for (let at = 0; at < jobCount; at += 1) ptys.push(await Pty.open(columns, rows));
      return new Zygote(options, ptys);
    } catch (error) {
      for (const pty of ptys) pty.close();
      throw error;
    }
  }

  private constructor(options: ZygoteOptions, ptys: readonly Pty[]) {
    const { modules, launch, terminal, jobCount, startDeadlineMs, killDeadlineMs, confine } = {
      ...zygoteDefaults,
      confine: undefined,
      ...options,
    };
    const terminals = Array.from({ length: jobCount }, (_, at) => this.#firstTerminal + at);
    const args = ["-m", "iterant.zygote", "--control", String(controlFd), "--terminals", terminals.join(",")];
    args.push("--import", modules.join(","), ...(confine ? ["--confine", confine] : []));
    const outputs = terminal === "pty" ? ptys.map((pty) => pty.slave) : terminals.map(() => "pipe" as const);
    this.#jobCount = jobCount;
    this.#killDeadlineMs = killDeadlineMs;
    this.#child = launch({ file: options.python, args, env: environmentOf(options) }, [
      "ignore",
      "ignore",
      "pipe",
      "pipe",
      ...outputs,
    ]);
    this.pid = this.#child.pid;
    this.#hello = new Promise((resolve, reject) => {
      this.#greet = resolve;
      this.#despair = reject;
    });
    this.#hello.catch(() => {}); // whoever waits hears it
    this.ended = this.#watch();
    if (this.pid === undefined) {
      this.#control = undefined as never;
      this.#channels = [...ptys];
      return;
    }
    this.#control = this.#child.stdio[controlFd] as Duplex;
    this.#control.on("error", () => {}); // a zygote that is gone; its end says more
    this.#control.on("data", (chunk: Buffer) => this.#hear(chunk));
    this.#channels =
      terminal === "pty"
        ? [...ptys]
        : terminals.map((fd) => {
            const stream = this.#child.stdio[fd] as unknown as Duplex;
            return new Pipe(stream, stream);
          });
    (this.#child.stdio[2] as Readable).setEncoding("utf8").on("data", (text: string) => {
      this.#words = (this.#words + text).slice(-keptWordCharacters);
    });
    this.#startDeadline = setTimeout(() => {
      this.kill("zygote_start", `did not load its packages within ${startDeadlineMs} ms and was killed`);
    }, startDeadlineMs);
  }

  get isAlive(): boolean {
    return !this.#hasEnded && this.#doom === undefined;
  }

  /** Jobs that it can still run. */
  get remainingCount(): number {
    return this.#jobCount - this.#startedCount;
  }

  /** Resolves when its packages are loaded. @throws InfrastructureError `zygote_start` */
  hello(): Promise<ZygoteHello> {
    return this.#hello;
  }

  /** Resolves when a process stands by for the next job. @throws InfrastructureError if it dies before */
  async ready(): Promise<void> {
    await this.#hello;
    while (this.isAlive && this.#standbyPid === undefined) {
      await Promise.race([new Promise<void>((resolve) => this.#onStandby.push(resolve)), this.ended]);
    }
    if (!this.isAlive) throw this.#failure();
  }

  /**
   * Runs a job in the process that stands by; call it when `ready`, and again when the terminal's exit was told and the
   * next stands by.
   * @param onUsage called once, when the job has ended
   */
  run(job: ZygoteJob, options: TerminalOptions, onUsage: (usage: ZygoteUsage) => void = () => {}): Terminal {
    if (!this.isAlive) throw this.#failure();
    const pid = this.#standbyPid;
    if (pid === undefined || this.#running) throw new Error("a job came while no process stood by - await ready");
    const at = this.#startedCount;
    const channel = this.#channels[at];
    if (!channel) throw new Error(`a zygote of ${this.#jobCount} jobs was asked for one more - start another`);
    this.#startedCount += 1;
    this.#standbyPid = undefined;
    let fail!: Running["fail"];
    let cleared!: Running["cleared"];
    const clearing = new Promise<number>((resolve, reject) => {
      cleared = resolve;
      fail = reject;
    });
    clearing.catch(() => {}); // heard where it is waited for
    const ended = new Promise<Awaited<Program["ended"]>>((resolve, reject) => {
      this.#running = {
        job: at,
        end(event) {
          onUsage(event);
          resolve(event);
        },
        cleared,
        fail(error) {
          fail(error);
          reject(error);
        },
      };
    });
    const program: Program = { name: job.file, pid, ended, tree: this.#treeOf(at, clearing), pipes: [] };
    const session = new TerminalSession(program, channel, options);
    const { args = [], env = {}, limits = {}, seed = null, ...rest } = job;
    const terminal = this.#firstTerminal + at;
    const input = options.input ?? "none";
    this.#tell({ op: "run", job: at, terminal, ...rest, args, env, limits, seed, input });
    return session;
  }

  /** Ends it and everything in it; what runs fails with `zygote_closed`. Closing twice is fine. */
  async close(): Promise<void> {
    if (!this.#hasEnded) this.kill("zygote_closed", "was closed");
    await this.ended;
  }

  kill(cause: FailureCause, what: string): void {
    this.#doom ??= { cause, what };
    this.#child.kill("SIGKILL");
    this.#control?.destroy(); // what a launcher's death does not reach ends with the control
  }

  #treeOf(job: number, clearing: Promise<number>): ProcessTree {
    let lastTimer: NodeJS.Timeout | undefined;
    const expect = (what: string) => {
      lastTimer = setTimeout(
        () => this.kill("zygote_died", `${what} within ${this.#killDeadlineMs} ms`),
        this.#killDeadlineMs,
      );
    };
    return {
      signal: (name) => {
        this.#tell({ op: "signal", job, signal: constants.signals[name] });
        if (name === "SIGKILL" && !lastTimer) expect("did not kill a job");
      },
      clear: async () => {
        clearTimeout(lastTimer);
        expect("did not clear up behind a job");
        this.#tell({ op: "clear", job });
        try {
          return await clearing;
        } finally {
          clearTimeout(lastTimer);
        }
      },
    };
  }

  #tell(call: ZygoteCall): void {
    if (this.isAlive) this.#control.write(`${JSON.stringify(call)}\n`);
  }

  #hear(chunk: Buffer): void {
    try {
      for (const line of this.#lines.push(chunk)) this.#take(JSON.parse(line) as ZygoteEvent);
    } catch (error) {
      this.kill("zygote_died", `said what nobody understands: ${(error as Error).message}`);
    }
  }

  #take(event: ZygoteEvent): void {
    switch (event.event) {
      case "ready":
        clearTimeout(this.#startDeadline);
        this.#greet(event);
        break;
      case "standby":
        this.#standbyPid = event.pid;
        this.rssBytes = event.rssBytes;
        for (const wake of this.#onStandby.splice(0)) wake();
        break;
      case "ended":
        this.#running?.end(event);
        break;
      case "cleared": {
        const running = this.#running;
        this.#running = undefined;
        running?.cleared(event.count);
        break;
      }
      default:
        throw new Error(`an event ${JSON.stringify(event satisfies never)}`);
    }
  }

  async #watch(): Promise<void> {
    const [what] = await Promise.race([
      once(this.#child, "exit").then(([code, signal]) => [`ended with ${signal ?? `code ${code}`}`]),
      new Promise<[string]>((resolve) =>
        this.#child.once("error", (error) => resolve([`could not be started: ${error.message}`])),
      ),
    ]);
    if (this.pid !== undefined) await new Promise(setImmediate); // its last words may be in this turn of the event loop
    this.#doom ??= {
      cause: this.#startedCount === 0 && this.#standbyPid === undefined ? "zygote_start" : "zygote_died",
      what: what!,
    };
    this.#hasEnded = true;
    clearTimeout(this.#startDeadline);
    const failure = this.#failure();
    this.#despair(failure);
    this.#running?.fail(failure);
    for (const channel of this.#channels.slice(this.#startedCount)) channel.close();
    this.#control?.destroy();
  }

  #failure(): InfrastructureError {
    const { cause, what } = this.#doom ?? { cause: "zygote_died" as const, what: "has ended" };
    const words = this.#words.trim();
    const advice =
      words === "" ? "look for what killed it: a job, or the system for want of memory" : `its last words:\n${words}`;
    return new InfrastructureError(cause, `the zygote ${what} - pid ${this.pid ?? "none"} - ${advice}`);
  }
}
