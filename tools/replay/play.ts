// Plays a recorded terminal: in a person's terminal as moving pictures, elsewhere as the lines that it showed.
// From asciicast to pictures, through the emulator of `screen.ts`; nothing of a program's bytes is passed on.
// Knows time and pictures; does not know where a recording comes from.
import { setTimeout as pause } from "node:timers/promises";
import type { Asciicast } from "../../envs/index.ts";
import { type Line, Screen } from "./screen.ts";

/** Where the pictures go: standard output, say. */
export interface Stage {
  /** A person watches; otherwise only the lines are written, without colour and without waiting. */
  isScreen: boolean;
  hasColours: boolean;
  columns: number;
  rows: number;
  write(text: string): void;
}

/** Standard output as a stage. */
export function openStage(stream: NodeJS.WriteStream = process.stdout, env = process.env): Stage {
  const isScreen = stream.isTTY === true;
  return {
    isScreen,
    hasColours: isScreen && !env.NO_COLOR && env.TERM !== "dumb",
    columns: stream.columns ?? 80,
    rows: stream.rows ?? 24,
    write: (text) => {
      stream.write(text);
    },
  };
}

export interface PlayOptions {
  /** 2 is twice as fast; 1 unless said. */
  speed?: number;
  /** The end at once, as lines. */
  isInstant?: boolean;
  /** A longer wait is cut to this, before the speed; 3 000 unless said. */
  longestWaitMs?: number;
  /** Breaks it off; what stands stays. */
  signal?: AbortSignal;
  /** Waits; rejects when aborted. The clock's unless said. */
  wait?: (ms: number, signal: AbortSignal | undefined) => Promise<unknown>;
}

/** Changes nearer to each other than this are one picture: 25 a second. */
const pictureMs = 40;

/** Resolves when it was shown to its end or broken off. */
export async function play(cast: Asciicast, stage: Stage, options: PlayOptions = {}): Promise<void> {
  const screen = new Screen(cast.columns, cast.rows);
  try {
    if (options.isInstant || !stage.isScreen) await showLines(cast, screen, stage);
    else await showPictures(cast, screen, stage, options);
  } finally {
    screen.close();
  }
}

async function showLines({ events }: Asciicast, screen: Screen, stage: Stage): Promise<void> {
  for (const event of events) {
    if (event.kind === "output") await screen.write(event.bytes);
    else if (event.kind === "resize") screen.resize(event.columns, event.rows);
    else await screen.write(Buffer.from(`\r\n[${event.text}]\r\n`));
  }
  for (const line of screen.everything()) stage.write(`${stage.hasColours ? line.painted : line.text}\n`);
}

async function showPictures(cast: Asciicast, screen: Screen, stage: Stage, options: PlayOptions): Promise<void> {
  const { speed = 1, longestWaitMs = 3_000, signal } = options;
  const wait = options.wait ?? ((ms, aborted) => pause(ms, undefined, { signal: aborted }));
  const picture = new Picture(screen, stage);
  let shownAtMs = 0;
  try {
    for (const event of cast.events) {
      const waitMs = Math.min(event.atMs - shownAtMs, longestWaitMs) / speed;
      if (waitMs >= pictureMs) {
        picture.draw();
        await wait(waitMs, signal);
        shownAtMs = event.atMs;
      }
      signal?.throwIfAborted();
      if (event.kind === "output") await screen.write(event.bytes);
      else if (event.kind === "resize") screen.resize(event.columns, event.rows);
      else picture.say(event.text);
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
  picture.draw();
}

/** The window as it stands in the viewer's terminal, drawn over itself; as much of it as fits. */
class Picture {
  readonly #screen: Screen;
  readonly #stage: Stage;
  #drawn: string[] = [];
  #caption = "";

  constructor(screen: Screen, stage: Stage) {
    this.#screen = screen;
    this.#stage = stage;
  }

  say(text: string): void {
    this.#caption = text;
  }

  draw(): void {
    const lines = this.#lines();
    const moves: string[] = [];
    if (this.#drawn.length > 0) moves.push(`\x1b[${this.#drawn.length}A`);
    for (const [row, line] of lines.entries()) {
      moves.push(line === this.#drawn[row] ? "\n" : `\r\x1b[2K${line}\n`);
    }
    if (lines.length < this.#drawn.length) moves.push("\x1b[0J");
    this.#drawn = lines;
    this.#stage.write(moves.join(""));
  }

  #lines(): string[] {
    const { hasColours, rows, columns } = this.#stage;
    const isWhole = this.#screen.columns <= columns;
    const room = Math.max(1, rows - 2);
    const shown = this.#screen.window().slice(-room);
    const edge = "─".repeat(Math.max(1, Math.min(columns, this.#screen.columns) - 1 - this.#caption.length));
    // A line that is too long is cut by characters, and a colour would be cut along: then it is shown without.
    const textOf = ({ text, painted }: Line) => (isWhole && hasColours ? painted : cut(text, columns - 1));
    return [...shown.map(textOf), cut(`${edge} ${this.#caption}`.trimEnd(), columns - 1)];
  }
}

/** By columns at most: a wide character counts two. */
function cut(text: string, columns: number): string {
  let used = 0;
  let kept = "";
  for (const character of text) {
    used +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        character,
      )
        ? 2
        : 1;
    if (used > columns) break;
    kept += character;
  }
  return kept;
}
