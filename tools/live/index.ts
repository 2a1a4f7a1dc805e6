// What a run shows while it goes on and when it has ended: a screen on a terminal, plain lines anywhere else.
import type { LogRow, RunConfig } from "../../actors/index.ts";
import { Frame } from "./frame.ts";
import { Lines, openingLine } from "./lines.ts";
import { render } from "./screen.ts";
import { addRow, beginState, endState } from "./state.ts";
import { ascii, blocks } from "./strokes.ts";

export { renderSummary } from "./summary.ts";

export interface LiveViewOptions {
  rows: AsyncIterable<LogRow>;
  config: RunConfig;
  stream: NodeJS.WriteStream;
}

/** Clocks move and curves grow between rows, without a row having to come. */
const redrawMs = 250;

/**
 * Follows a run to the end of its rows. Rejects with what ended them before their time; the terminal is given back in
 * any case.
 */
export async function startLiveView(options: LiveViewOptions): Promise<void> {
  if (isRedrawable(options.stream)) await showScreen(options);
  else await showLines(options);
}

function isRedrawable(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && process.env.TERM !== "dumb" && stream.columns > 0;
}

async function showScreen({ rows, config, stream }: LiveViewOptions): Promise<void> {
  let state = beginState(config);
  let rowAtMs = performance.now();
  const frame = new Frame(stream, (width) =>
    render(state, width, {
      sinceRow_s: (performance.now() - rowAtMs) / 1000,
      isColoured: stream.hasColors(),
      strokes: process.env.TERM === "linux" ? ascii : blocks,
    }),
  );
  const ticker = setInterval(() => frame.draw(), redrawMs);
  try {
    for await (const row of rows) {
      state = addRow(state, row);
      rowAtMs = performance.now();
    }
  } finally {
    clearInterval(ticker);
    state = endState(state);
    frame.close();
  }
}

async function showLines({ rows, config, stream }: LiveViewOptions): Promise<void> {
  const lines = new Lines();
  stream.write(`${openingLine(config)}\n`);
  for await (const row of rows) {
    const line = lines.of(row);
    if (line !== null) stream.write(`${line}\n`);
  }
}
