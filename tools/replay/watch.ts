// `--terminal`: what a program's terminal showed in a turn of a recorded episode, played or written to a file.
// Finds the bytes and holds them against their hash; how they are drawn `play.ts` knows.
import { writeFileSync } from "node:fs";
import { type RecordedEpisode, type RecordedStep, readEvidence } from "../../actors/index.ts";
import { readAsciicast, terminalName } from "../../envs/index.ts";
import { isActorError } from "../../runtime/index.ts";
import { exitCodes, Failure } from "../failure.ts";
import { type PlayOptions, play, type Stage } from "./play.ts";

export interface WatchOptions extends Pick<PlayOptions, "speed" | "isInstant" | "signal"> {
  /** From 1; the last one with a terminal unless said. */
  turn?: number;
  /** Write it there, as asciicast 2, instead of playing it. */
  file?: string;
}

/** @throws Failure `usage` where no terminal is recorded, `failed` where its blob is missing or damaged */
export async function watchTerminal(
  folder: string,
  episode: RecordedEpisode,
  { turn, file, ...options }: WatchOptions,
  stage: Stage,
): Promise<void> {
  const { blobs } = stepOf(episode, turn);
  const bytes = await readEvidence(folder, blobs[terminalName]!).catch((error: unknown) => {
    if (!isActorError(error, "protocol_error")) throw error;
    throw new Failure(exitCodes.failed, error.message.slice(error.code.length + 2), { cause: error });
  });
  const text = withReturns(bytes.toString("utf8"));
  if (file !== undefined) {
    try {
      writeFileSync(file, text);
    } catch (error) {
      throw new Failure(exitCodes.usage, `--asciicast ${file}: ${(error as Error).message}`, { cause: error });
    }
    return;
  }
  const cast = readAsciicast(text);
  if (cast.events.length === 0) {
    stage.write("the program wrote nothing\n");
    return;
  }
  const { truncated } = blobs[terminalName]!;
  if (truncated !== undefined) {
    cast.events.push({ kind: "marker", atMs: 0, text: `${truncated - bytes.length} bytes are not kept` });
  }
  await play(cast, stage, options);
}

function stepOf({ id, steps, turns }: RecordedEpisode, turn: number | undefined): RecordedStep {
  if (steps === undefined) {
    throw new Failure(exitCodes.usage, `${id} was recorded before there were terminals in records.`);
  }
  const withTerminal = steps.flatMap(({ blobs }, at) => (terminalName in blobs ? [at + 1] : []));
  const wanted = turn ?? withTerminal.at(-1);
  if (wanted !== undefined && withTerminal.includes(wanted)) return steps[wanted - 1]!;
  if (turn !== undefined && turn > turns.length) {
    throw new Failure(exitCodes.usage, `${id} has no turn ${turn}: there are ${turns.length}.`);
  }
  const others = withTerminal.length === 0 ? "" : ` There is one of turn ${withTerminal.join(", ")}.`;
  const why = turn === undefined ? "" : `turn ${turn} of `;
  throw new Failure(
    exitCodes.usage,
    `no terminal is recorded of ${why}${id}: no program ran, or recording.terminalBytes was 0.${others}`,
  );
}

/**
 * A program's lines end without the return that a terminal adds, whatever it writes to: its bytes are recorded as they
 * came. For players they are added.
 */
function withReturns(cast: string): string {
  const lines = cast.split("\n").map((line, at) => {
    if (at === 0 || line === "") return line; // the header
    const [time, code, data] = JSON.parse(line) as [number, string, string];
    const [from, to] = code === "b" ? (["base64", "latin1"] as const) : (["utf8", "utf8"] as const);
    if (code !== "o" && code !== "b") return line;
    const text = Buffer.from(data, from).toString(to).replace(/\r?\n/g, "\r\n");
    return JSON.stringify([time, code, Buffer.from(text, to).toString(from)]);
  });
  return lines.join("\n");
}
