// A few lines of a terminal that are drawn again and again in place. Knows a stream and lines, nothing of runs.
// Whoever else writes to the stream meanwhile is printed above the frame. However the process ends, the cursor is there again,
// but for SIGKILL. The screen is never cleared and never switched: the last frame stays where it stood.
import { stripVTControlCharacters } from "node:util";
import { columnsOf } from "./line.ts";

/** What the frame needs of a terminal; `process.stderr` is one. */
export type Terminal = NodeJS.WriteStream;

const hideCursor = "\x1b[?25l";
const showCursor = "\x1b[?25h";
/** Terminals that know it show the whole frame at once; others pass over it. */
const beginSync = "\x1b[?2026h";
const endSync = "\x1b[?2026l";
/** A column stays free: a cursor behind a full line stands differently in different terminals. */
const margin = 1;

export class Frame {
  readonly #terminal: Terminal;
  readonly #content: (width: number) => string[];
  /** Widths of the lines that stand there, the cursor below them. */
  #drawn: number[] = [];
  #isOpen = true;
  readonly #write: Terminal["write"];
  readonly #release: () => void;

  /** @param content called for every drawing, with the columns that a line may take; must not write to the terminal */
  constructor(terminal: Terminal, content: (width: number) => string[]) {
    this.#terminal = terminal;
    this.#content = content;
    this.#write = terminal.write.bind(terminal);
    this.#release = this.#takeOver();
    this.#write(hideCursor);
    this.draw();
  }

  /** Draws the content as it is now. */
  draw(): void {
    if (!this.#isOpen) return;
    this.#write(`${beginSync}${this.#up()}${this.#lines()}${endSync}`);
  }

  /** Draws a last time and gives the terminal back. Closing twice is fine. */
  close(): void {
    if (!this.#isOpen) return;
    this.draw();
    this.#leave();
  }

  #leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#release();
    this.#write(showCursor);
  }

  /** To the beginning of the frame that stands there. A terminal that became narrower has folded its lines. */
  #up(): string {
    const columns = this.#terminal.columns;
    const rows = this.#drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    return rows === 0 ? "\r" : `\r\x1b[${rows}A`;
  }

  #lines(): string {
    const { columns, rows } = this.#terminal;
    // A frame that is higher than the terminal could not be reached again at its upper end.
    const lines = this.#content(columns - margin).slice(0, Math.max(1, rows - 1));
    this.#drawn = lines.map((line) => columnsOf(stripVTControlCharacters(line)));
    return `${lines.map((line) => `\x1b[2K${line}\r\n`).join("")}\x1b[J`;
  }

  /** Somebody else's words: the frame steps down below them. */
  #printAbove(text: string | Uint8Array): void {
    const said = typeof text === "string" ? text : Buffer.from(text).toString("utf8");
    const whole = said.endsWith("\n") ? said : `${said}\n`;
    const above = `${this.#up()}\x1b[J${whole.replace(/\r?\n/g, "\r\n")}`;
    this.#drawn = [];
    this.#write(`${beginSync}${above}${this.#lines()}${endSync}`);
  }

  #takeOver(): () => void {
    const terminal = this.#terminal;
    const redraw = () => this.draw();
    const leave = () => this.#leave();
    const give = () => {}; // the terminal is gone: nobody is there to draw for, and the run goes on
    const signals = endSignals.map((signal) => [signal, () => this.#onSignal(signal)] as const);
    const stop = () => this.#suspend();
    terminal.on("resize", redraw);
    terminal.on("error", give);
    process.on("exit", leave);
    process.on("SIGTSTP", stop);
    for (const [signal, act] of signals) process.on(signal, act);
    terminal.write = ((text: string | Uint8Array, ...rest: unknown[]) => {
      this.#printAbove(text);
      const done = rest.find((part) => typeof part === "function") as ((error?: Error | null) => void) | undefined;
      done?.();
      return true;
    }) as Terminal["write"];
    return () => {
      Reflect.deleteProperty(terminal, "write"); // uncovers the stream's own
      terminal.off("resize", redraw);
      terminal.off("error", give);
      process.off("exit", leave);
      process.off("SIGTSTP", stop);
      for (const [signal, act] of signals) process.off(signal, act);
    };
  }

  /** A signal that somebody else answers is theirs. One that would end the process ends it, with the cursor back. */
  #onSignal(signal: NodeJS.Signals): void {
    if (process.listenerCount(signal) > 1) return;
    this.#leave();
    process.kill(process.pid, signal);
  }

  /** Ctrl-Z: the shell gets its cursor, and the frame is drawn below the shell's words when the process goes on. */
  #suspend(): void {
    this.#write(showCursor);
    process.once("SIGCONT", () => {
      if (!this.#isOpen) return;
      this.#drawn = [];
      this.#write(hideCursor);
      this.draw();
    });
    process.kill(process.pid, "SIGSTOP");
  }
}

const endSignals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
