// Where the output goes: how wide it is, whether it takes colours, and what happens when nobody reads it any more.
import { styleText } from "node:util";

export interface Terminal {
  /** A person's; otherwise a file or a program reads it, and no line is cut. */
  isScreen: boolean;
  width: number;
  bold(text: string): string;
  dim(text: string): string;
  /** A good sign, a bad one, a warning. */
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  write(line: string): void;
}

type Style = Parameters<typeof styleText>[0];

/** Standard output. A pipe that is closed, as by `head`, ends the command without a word. */
export function openTerminal(stream: NodeJS.WriteStream = process.stdout, env = process.env): Terminal {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  const hasColours = stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
  const painter = (style: Style) => (text: string) => (hasColours && text !== "" ? styleText(style, text) : text);
  return {
    isScreen: stream.isTTY === true,
    width: widthFrom(stream.columns, env.COLUMNS),
    bold: painter("bold"),
    dim: painter("dim"),
    good: painter("green"),
    bad: painter("red"),
    warn: painter("yellow"),
    write: (line) => {
      stream.write(`${line}\n`);
    },
  };
}

const narrowest = 32;
const usual = 100;

function widthFrom(columns: number | undefined, wanted: string | undefined): number {
  const asked = Number(wanted);
  return Math.max(narrowest, columns ?? (Number.isInteger(asked) && asked > 0 ? asked : usual));
}
