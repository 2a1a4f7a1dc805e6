// What a program's bytes would have drawn, as text: the only door to the emulator, and the only way to a person's terminal.
// A hostile program's escapes end here. Out come the characters of cells, and colours in sequences of our own making;
// no title, no clipboard, no query is passed on or answered. Knows no recording and no time.
import xterm from "@xterm/headless";

/** Rows that have scrolled out and are still known. */
const scrollbackRows = 100_000;

export interface Line {
  /** Without the blanks at its end. */
  text: string;
  /** The same with colours, each line closed in itself. */
  painted: string;
}

export class Screen {
  readonly #terminal: InstanceType<typeof xterm.Terminal>;

  constructor(columns: number, rows: number) {
    const scrollback = scrollbackRows;
    // Off: what it cannot parse it would otherwise write to the console.
    const options = { scrollback, allowProposedApi: true, logLevel: "off" as const };
    this.#terminal = new xterm.Terminal({ ...options, cols: columns, rows });
  }

  get columns(): number {
    return this.#terminal.cols;
  }

  get rows(): number {
    return this.#terminal.rows;
  }

  /** Resolves when it is drawn. */
  write(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(bytes, resolve));
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(Math.min(columns, 1_000), Math.min(rows, 1_000));
  }

  /** The window, top to bottom. */
  window(): Line[] {
    const { baseY } = this.#terminal.buffer.active;
    return Array.from({ length: this.rows }, (_, row) => this.#line(baseY + row));
  }

  /** Everything that is still known, what has scrolled out first; without the empty lines at the end. */
  everything(): Line[] {
    const { length } = this.#terminal.buffer.active;
    const all = Array.from({ length }, (_, row) => this.#line(row));
    return all.slice(0, all.findLastIndex(({ text }) => text !== "") + 1);
  }

  close(): void {
    this.#terminal.dispose();
  }

  #line(row: number): Line {
    const line = this.#terminal.buffer.active.getLine(row);
    const cell = this.#terminal.buffer.active.getNullCell();
    const runs: { style: string; text: string }[] = [];
    for (let column = 0; column < this.columns; column += 1) {
      line?.getCell(column, cell);
      if (!line || cell.getWidth() === 0) continue; // the right half of a wide character
      const text = cell.isInvisible() ? " " : harmless(cell.getChars());
      const style = styleOf(cell);
      const last = runs.at(-1);
      if (last?.style === style) last.text += text;
      else runs.push({ style, text });
    }
    const painted = runs.map(({ style, text }) => (style === "" ? text : `\x1b[${style}m${text}\x1b[0m`)).join("");
    const lastRun = runs.at(-1);
    const isPlainAtEnd = lastRun?.style === "";
    return {
      text: runs
        .map(({ text }) => text)
        .join("")
        .trimEnd(),
      painted: isPlainAtEnd ? painted.trimEnd() : painted,
    };
  }
}

type Cell = ReturnType<InstanceType<typeof xterm.Terminal>["buffer"]["active"]["getNullCell"]>;

/** An empty cell is a blank; controls, and marks that turn the reading direction round, are shown as what they are not. */
function harmless(characters: string): string {
  return characters === ""
    ? " "
    : characters.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

/** The parameters of an SGR sequence: numbers of ours, whatever the program has sent. */
function styleOf(cell: Cell): string {
  const parts: number[] = [];
  if (cell.isBold()) parts.push(1);
  if (cell.isDim()) parts.push(2);
  if (cell.isItalic()) parts.push(3);
  if (cell.isUnderline()) parts.push(4);
  if (cell.isInverse()) parts.push(7);
  if (cell.isStrikethrough()) parts.push(9);
  if (!cell.isFgDefault()) parts.push(38, ...colour(cell.isFgRGB(), cell.getFgColor()));
  if (!cell.isBgDefault()) parts.push(48, ...colour(cell.isBgRGB(), cell.getBgColor()));
  return parts.join(";");
}

function colour(isRgb: boolean, value: number): number[] {
  return isRgb ? [2, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff] : [5, value & 0xff];
}
