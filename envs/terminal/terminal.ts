// A program behind a terminal: what starts one, what it may cost, and what is told when it has ended.
// The contract of both kinds, pseudo-terminal and plain pipes: same outcome, same bytes, same interface.
// Knows no sandbox and no task; bytes are bytes, decoding happens at the edge.
import type { ProcessTree } from "./process-tree.ts";
import type { Tap } from "./tap.ts";
import type { Transcript } from "./transcript.ts";

/** What to run. */
export interface TerminalCommand {
  /** A path, or a name that is looked up in `env.PATH`. */
  file: string;
  args?: readonly string[];
  cwd?: string;
  /** The whole environment of the program: nothing of ours is added. */
  env?: Readonly<Record<string, string>>;
}

/** What a program may cost. Nothing is dropped in silence: the exit says which limit it met and what was not kept. */
export interface TerminalLimits {
  /** From the program's start; then the kill ladder. */
  wallMs: number;
  /** Output in all, then killed; 8 MiB unless said. */
  maxBytes?: number;
  /** Line feeds in all, then killed: a flood of short lines costs more than its bytes; 200 000 unless said. */
  maxLines?: number;
  /** Read more slowly than this the program waits in its write; it is not killed, since that would depend on our speed. 64 MiB/s unless said. */
  bytesPerSecond?: number;
  /** Reads a second, slowed down likewise: a byte at a time then arrives as many at once; 20 000 unless said. */
  readsPerSecond?: number;
}

export interface TerminalOptions {
  limits: TerminalLimits;
  /** The window; 80 and 24 unless said. */
  columns?: number;
  rows?: number;
  /** `none`: the program's stdin is /dev/null, the same in both kinds; `open`: it is the terminal, see `write`. `none` unless said. */
  input?: "none" | "open";
  /** What the program writes, for one consumer whose pace the program keeps. Without one only the transcript is kept. */
  tap?: Tap;
  /** Bytes kept from the beginning and from the end; 256 KiB each unless said. */
  keptHeadBytes?: number;
  keptTailBytes?: number;
  /** Descriptors 3, 4, … of the program: numbers of open ones of ours, or a pipe to be made. */
  descriptors?: readonly (number | "pipe")[];
  /**
   * False if the program, a sandbox's launcher, takes the terminal on its stdout itself, further inside: then it leads a
   * session that has none. Otherwise it leads a session whose controlling terminal this is. True unless said.
   */
  takesTerminal?: boolean;
  /** How to reach every process of the program; by its session and descendants unless said. Asked once, with its pid. */
  tree?: (pid: number) => ProcessTree;
  /** Waited between the signals of the ladder. */
  ladder?: Partial<LadderGraces>;
  /** Milliseconds that only grow; `performance.now` unless said. */
  now?: () => number;
}

/** How long a program has after SIGINT, after SIGTERM, and until SIGKILL must have worked. */
export interface LadderGraces {
  interruptMs: number;
  terminateMs: number;
  killMs: number;
}

export const ladderDefaults: LadderGraces = { interruptMs: 200, terminateMs: 200, killMs: 30_000 };

/**
 * How a program ended.
 * - `ok`, `nonzero`, `signal`: by itself, or by a signal that was not ours
 * - `wall`: it was killed after `wallMs`
 * - `output`: it was killed because it wrote more than it may, see `limit`
 * - `closed`: `close` or `kill` was called before
 */
export type TerminalVerdict = "ok" | "nonzero" | "signal" | "wall" | "output" | "closed";

export interface TerminalExit {
  verdict: TerminalVerdict;
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** Which limit was met; null for none. */
  limit: "wallMs" | "maxBytes" | "maxLines" | null;
  wallMs: number;
  /** Read from the program in all; `keptBytes` of them are in the transcript. */
  outputBytes: number;
  lineCount: number;
  keptBytes: number;
  /** Read after `maxBytes` or `maxLines` was met, counted and thrown away; not in `outputBytes`. */
  discardedBytes: number;
  /** How long reading was held back for a rate, and for the consumer. */
  throttledMs: number;
  heldMs: number;
  /** Processes that were left when the program itself had ended, and were killed. */
  leftoverCount: number;
  /** False if somebody who could not be killed holds the terminal, so that nobody knows whether all was read. */
  isDrained: boolean;
}

/** A running program; see {@link TerminalOptions} for what it was given. */
export interface Terminal extends AsyncDisposable {
  readonly pid: number;
  readonly transcript: Transcript;
  /** Resolves once the program is gone and all it has written was read. @throws InfrastructureError `terminal_stuck` */
  readonly exit: Promise<TerminalExit>;
  /** The far end of descriptor 3 + index, where `pipe` was asked for. */
  pipe(index: number): import("node:stream").Duplex;
  /** Types bytes; recorded. They are in the terminal when it resolves. Without `input: "open"` an error. */
  write(bytes: Buffer): Promise<void>;
  /** Recorded; a plain pipe has no size to change and only records it. */
  resize(columns: number, rows: number): void;
  /** Climbs the kill ladder, or sends SIGKILL at once. Resolves as `exit` does. */
  kill(how?: "ladder" | "now"): Promise<TerminalExit>;
  /** Kills what lives, and waits until nothing is left. Closing twice is fine. */
  close(): Promise<void>;
}
