// One launcher process: started ahead, given one job, watched until it says how the program ended.
// The second place in envs that starts processes, because descriptors and user of this one matter.
// Knows the words of `iterant.sandbox.launcher`; knows neither tiers nor what a verdict is.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter } from "node:path";
import type { Duplex, Readable } from "node:stream";
import type { PythonOptions } from "../worker.ts";
import { type ControlMessage, MessageReader, sendMessage } from "./control.ts";
import type { BuiltWalls, Walls } from "./guarantees.ts";
import type { ProgramPython } from "./python.ts";
import type { ProgramStdio } from "./stdio.ts";
import type { FileRefusal, LaunchFacts } from "./verdict.ts";

export interface LaunchOrder {
  walls: Walls;
  /** Null for one that is given it later, with `begin`. */
  program: string | null;
  /** Loaded ahead, for a program that comes later; null for one that is here. */
  packages: readonly string[] | null;
  data: string | null;
  /** The variable that tells the program where its data are. */
  dataVariable: string;
  python: ProgramPython;
  environment: Readonly<Record<string, string>>;
  limits: Readonly<Record<string, number>>;
  setupMs: number;
  outputs: readonly { name: string; maxBytes: number }[];
  /** Where bubblewrap is. */
  bubblewrap: string;
}

export interface LauncherOptions extends PythonOptions {
  /** Starts the launcher as this ordinary user; only root may. */
  user?: { uid: number; gid: number };
  /** Added to the launcher's own environment, which programs must never see. */
  launcherEnv?: Readonly<Record<string, string>>;
}

/** What the launcher says of one file; its bytes follow all of them. */
type ToldFile = { name: string; refusal: FileRefusal | null; byteCount: number };

export type LaunchEnd =
  | { kind: "ended"; facts: LaunchFacts; built: BuiltWalls; files: readonly ToldFile[]; content: Buffer }
  | { kind: "refused"; message: string }
  /** It died, or said what is no message. */
  | { kind: "broken"; message: string; built: BuiltWalls | undefined };

/** Sockets and processes have both, streams in general neither. */
type Holding = { ref?(): unknown; unref?(): unknown };

/** How much of its stderr is kept for error messages. */
const keptStderrCharacters = 4_000;

export class Launcher {
  /** Resolves once: when the launcher has said how it ended and is gone, or is gone without a word. */
  readonly end: Promise<LaunchEnd>;
  readonly stdio: ProgramStdio;
  readonly #child: ChildProcess;
  readonly #control: Duplex;
  #stderr = "";
  #built: BuiltWalls | undefined;
  #last: ControlMessage | undefined;
  #nonsense: string | undefined;
  #becomeWarm!: () => void;
  readonly #isWarm = new Promise<void>((resolve) => {
    this.#becomeWarm = resolve;
  });
  #isIdle = true;
  #hearProgram: ((piece: Buffer) => void) | undefined;

  /** Starts the process; until it is given an order it waits, and does not keep ours alive. */
  constructor(stdio: ProgramStdio, options: LauncherOptions) {
    const { python, pythonPath = [], user, launcherEnv } = options;
    this.stdio = stdio;
    this.#child = spawn(python, ["-S", "-s", "-P", "-m", "iterant.sandbox.launcher"], {
      cwd: "/",
      env: { PYTHONPATH: pythonPath.join(delimiter), ...launcherEnv },
      stdio: ["ignore", "ignore", "pipe", "pipe", ...stdio.descriptors],
      detached: true, // ^C in our terminal is for us; when we end, the launcher sees its control end
      ...user,
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-keptStderrCharacters);
    });
    this.#control = this.#child.stdio[3] as Duplex;
    this.end = this.#watch();
    const made = this.#child.stdio.slice(4) as unknown as (Readable | null)[];
    stdio.connect(
      made.map((stream, at) => (stdio.descriptors[at] === "pipe" ? stream : null)),
      (piece) => this.#hearProgram?.(piece),
    );
    for (const one of this.#held()) one.unref?.();
  }

  /**
   * Gives it its one job.
   * @param hear called with each piece of the program's output
   */
  launch(order: LaunchOrder, hear: (piece: Buffer) => void): void {
    this.#hearProgram = hear;
    this.#hold();
    sendMessage(this.#control, order);
  }

  /** Has it build all of a job whose program comes later; it still does not keep ours alive. */
  prepare(order: LaunchOrder & { program: null }): void {
    sendMessage(this.#control, order);
  }

  /** Resolves when a prepared one waits for its program, or has ended; keeps ours alive until then. */
  async warmed(): Promise<void> {
    for (const one of this.#held()) one.ref?.();
    await Promise.race([this.#isWarm, this.end]);
    if (this.#isIdle) for (const one of this.#held()) one.unref?.();
  }

  /** Gives a prepared one its program; `hear` as for `launch`. */
  begin(program: string, hear: (piece: Buffer) => void): void {
    this.#hearProgram = hear;
    this.#hold();
    sendMessage(this.#control, { program });
  }

  /** Ends one that has no job; whoever waits for its end is kept alive until then. */
  dismiss(): void {
    this.#hold();
    this.#control.end();
  }

  /** Has the program ended now and counted as this; without effect once it has ended. */
  cut(why: "output" | "abort"): void {
    sendMessage(this.#control, { cut: why });
  }

  /** For a launcher that does not answer: its death takes the program along. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** What keeps our own process alive as long as it is there. */
  #held(): Holding[] {
    return [this.#child, ...(this.#child.stdio.slice(2) as (Holding | null)[])].filter((one) => one !== null);
  }

  #hold(): void {
    this.#isIdle = false;
    for (const one of this.#held()) one.ref?.();
  }

  async #watch(): Promise<LaunchEnd> {
    const reader = new MessageReader();
    this.#control.on("error", () => {}); // a write to a launcher that died; its end says more
    this.#control.on("data", (piece: Buffer) => {
      try {
        for (const message of reader.push(piece)) this.#hear(message);
      } catch (error) {
        this.#nonsense = `said what is no message: ${(error as Error).message}`;
        this.kill();
      }
    });
    const silence = new Promise((resolve) => this.#control.once("close", resolve));
    const how = await once(this.#child, "exit").then(
      ([code, signal]) => `ended with ${signal ?? `code ${code}`}`,
      (error: Error) => `could not be started: ${error.message}`,
    );
    await silence; // its last words may still be on their way
    return this.#endOf(how);
  }

  #hear(message: ControlMessage): void {
    if (message.head.event === "started") this.#built = message.head as unknown as BuiltWalls;
    else if (message.head.event === "warm") this.#becomeWarm();
    else this.#last = message;
  }

  #endOf(how: string): LaunchEnd {
    const head = this.#last?.head;
    if (head?.event === "ended" && this.#built && this.#nonsense === undefined) {
      const facts = head as unknown as LaunchFacts & { files: ToldFile[] };
      return { kind: "ended", facts, built: this.#built, files: facts.files, content: this.#last!.payload };
    }
    if (head?.event === "refused") return { kind: "refused", message: String(head.message) };
    const words = this.#stderr.trim().split("\n").at(-1);
    const message = `the launcher ${this.#nonsense ?? how}${words ? `: ${words}` : ""}`;
    return { kind: "broken", message, built: this.#built };
  }
}
