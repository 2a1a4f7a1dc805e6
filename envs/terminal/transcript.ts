// What a terminal showed, as raw bytes with their times: all of it, or its beginning and its end.
// What was left out between them is counted and stands where it was. Knows no encoding; asciicast is derived from this.

/** One thing that happened, milliseconds after the program's start. */
export type TerminalEvent =
  | { kind: "output"; atMs: number; bytes: Buffer }
  | { kind: "input"; atMs: number; bytes: Buffer }
  | { kind: "resize"; atMs: number; columns: number; rows: number }
  | { kind: "gap"; atMs: number; byteCount: number };

/** Output that arrives within this is one event, up to so many bytes: joining longer ones would copy them again and again. */
const resolutionMs = 1;
const joinedBytes = 4_096;
/** What an event weighs beside its bytes, so that many small ones are bounded too. */
const eventBytes = 64;

export class Transcript {
  readonly columns: number;
  readonly rows: number;
  readonly #headBytes: number;
  readonly #tailBytes: number;
  readonly #head: TerminalEvent[] = [];
  #tail: TerminalEvent[] = [];
  /** The first event of the tail that is still kept; those before it are cut off now and then. */
  #tailStart = 0;
  #headWeight = 0;
  #tailWeight = 0;
  #isHeadFull = false;
  #keptBytes = 0;
  #gapBytes = 0;
  #gapAtMs = 0;

  constructor(columns: number, rows: number, headBytes: number, tailBytes: number) {
    this.columns = columns;
    this.rows = rows;
    this.#headBytes = headBytes;
    this.#tailBytes = tailBytes;
  }

  /** Output bytes that are kept, and those that are not. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  get gapBytes(): number {
    return this.#gapBytes;
  }

  /** In order; a gap, if there is one, where it was. */
  get events(): TerminalEvent[] {
    const gap: TerminalEvent[] =
      this.#gapBytes > 0 ? [{ kind: "gap", atMs: this.#gapAtMs, byteCount: this.#gapBytes }] : [];
    return [...this.#head, ...gap, ...this.#tail.slice(this.#tailStart)];
  }

  /** The output that is kept. `gapNotice` is put where bytes are left out; nothing is unless said. */
  output(gapNotice: (byteCount: number) => string = () => ""): Buffer {
    return Buffer.concat(
      this.events.flatMap((event) => {
        if (event.kind === "output") return [event.bytes];
        return event.kind === "gap" ? [Buffer.from(gapNotice(event.byteCount))] : [];
      }),
    );
  }

  /** Takes the event over; its bytes must not change any more. */
  add(event: Exclude<TerminalEvent, { kind: "gap" }>): void {
    if (!this.#isHeadFull) {
      const room = this.#headBytes - this.#headWeight;
      const [first, rest] = split(event, room);
      if (first) this.#headWeight += this.#append(this.#head, 0, first);
      if (!rest) return;
      this.#isHeadFull = true;
      event = rest;
    }
    this.#tailWeight += this.#append(this.#tail, this.#tailStart, event);
    this.#trim();
  }

  /** Returns the weight added. */
  #append(events: TerminalEvent[], start: number, event: TerminalEvent): number {
    const bytes = event.kind === "output" ? event.bytes.length : 0;
    this.#keptBytes += bytes;
    const last = events.length > start ? events.at(-1) : undefined;
    if (event.kind === "output" && last?.kind === "output" && event.atMs - last.atMs < resolutionMs) {
      if (last.bytes.length + bytes <= joinedBytes) {
        last.bytes = Buffer.concat([last.bytes, event.bytes]);
        return bytes;
      }
    }
    events.push(event);
    return weightOf(event);
  }

  #trim(): void {
    while (this.#tailWeight > this.#tailBytes && this.#tailStart < this.#tail.length) {
      const first = this.#tail[this.#tailStart]!;
      const excess = this.#tailWeight - this.#tailBytes;
      if (first.kind === "output" && first.bytes.length > excess) {
        this.#tail[this.#tailStart] = { ...first, bytes: first.bytes.subarray(excess) };
        this.#leaveOut(first.atMs, excess);
        this.#tailWeight -= excess;
      } else {
        this.#tailStart += 1;
        if (first.kind === "output") this.#leaveOut(first.atMs, first.bytes.length);
        this.#tailWeight -= weightOf(first);
      }
    }
    if (this.#tailStart > 1024 && this.#tailStart > this.#tail.length / 2) {
      this.#tail = this.#tail.slice(this.#tailStart);
      this.#tailStart = 0;
    }
  }

  #leaveOut(atMs: number, byteCount: number): void {
    if (this.#gapBytes === 0) this.#gapAtMs = atMs;
    this.#gapBytes += byteCount;
    this.#keptBytes -= byteCount;
  }
}

function weightOf(event: TerminalEvent): number {
  return eventBytes + ("bytes" in event ? event.bytes.length : 0);
}

/** The part of the event that weighs no more than this and the rest; output alone is divided. */
function split<E extends TerminalEvent>(event: E, weight: number): [E | undefined, E | undefined] {
  if (weightOf(event) <= weight) return [event, undefined];
  if (event.kind !== "output" || weight <= eventBytes) return [undefined, event];
  const at = weight - eventBytes;
  return [
    { ...event, bytes: event.bytes.subarray(0, at) },
    { ...event, bytes: event.bytes.subarray(at) },
  ];
}
