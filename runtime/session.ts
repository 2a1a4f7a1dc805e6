// One lane of a link, across reconnects: numbers what it sends, keeps it until the other side has it, sends it again.
// Gives envelopes on in order and once. Knows no socket: frames leave through `transmit`, which may lose them.
import type { Clock } from "./clock.ts";
import {
  type Frames,
  type Header,
  maxBuffers,
  packEnvelopes,
  packHeader,
  unpackEnvelopes,
  unpackHeader,
} from "./codec.ts";
import { type Envelope, type Goodbye, type Hello, kinds, type Ping } from "./envelope.ts";
import { ActorError } from "./errors.ts";

/** Unconfirmed frames and bytes beyond which sending waits: this, not the socket's high-water mark, bounds memory. */
const maxUnacked = 4096;
const maxUnackedBytes = 256 * 2 ** 20;
/** A confirmation is sent after this long at the latest, or after so many frames or bytes. */
const ackDelayMs = 25;
const ackEvery = 64;
const ackEveryBytes = 2 ** 20;
/** Without progress for this long, everything unconfirmed goes again. */
const resendAfterMs = 1000;
/** How often an unanswered HELLO is repeated. */
const helloEveryMs = 300;

export interface SessionOptions {
  clock: Clock;
  /** Which life of this end of the link it is: 16 hexadecimal digits. */
  incarnation: string;
  /** What this side says of itself when the lane opens. */
  hello: Pick<Hello, "peer" | "role" | "token">;
  /** Best effort; must not throw. */
  transmit: (frames: Uint8Array[]) => void;
  /** In order and once each. */
  deliver: (envelope: Envelope) => void;
  /** The lane is open, for the first time or again. */
  onUp: () => void;
  /** The other side does not let us in. */
  onRefused: (reason: string) => void;
  /** The other side began anew, or made its end anew after it had given ours up: what was under way is lost. */
  onPeerRestart: () => void;
  /** How late this process' event loop runs, in milliseconds. */
  lagMs: () => number;
}

interface Unacked {
  seq: number;
  frames: Frames;
  kind: number;
  bytes: number;
}

export class Session {
  readonly #options: SessionOptions;
  #peerIncarnation: string | undefined;
  #isUp = false;
  #isClosed = false;
  #nextSeq = 1;
  #lastSeq = 0;
  #unacked: Unacked[] = [];
  #unackedBytes = 0;
  #held: Unacked[] = [];
  #lastHeardMs: number;
  #lastProgressMs: number;
  #unconfirmed = { frames: 0, bytes: 0 };
  #cancelAck: (() => void) | undefined;
  #cancelHello: (() => void) | undefined;
  #cancelResend: (() => void) | undefined;
  #peerLagMs = 0;
  /** What was dropped and why, for the page of guarantees: duplicates, gaps, frames of a dead incarnation. */
  readonly dropped = { duplicate: 0, gap: 0, stale: 0 };

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#lastHeardMs = options.clock.nowMs();
    this.#lastProgressMs = this.#lastHeardMs;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get peerLagMs(): number {
    return this.#peerLagMs;
  }

  /** Frames given to us and not yet confirmed by the other side. */
  get unackedCount(): number {
    return this.#unacked.length + this.#held.length;
  }

  /** Milliseconds since any valid frame came in. */
  get silentMs(): number {
    return this.#options.clock.nowMs() - this.#lastHeardMs;
  }

  /** The dialling side's first word, repeated until it is answered; also after every reconnect. */
  open(): void {
    this.#isUp = false;
    this.#cancelHello?.();
    if (this.#isClosed) return;
    this.#sendHello(kinds.hello);
    this.#cancelHello = this.#options.clock.after(helloEveryMs, () => this.open());
  }

  /** The answering side has got a HELLO (it decides first whether the peer may enter). */
  accept(hello: Hello): void {
    this.#meet(hello);
    this.#sendHello(kinds.welcome);
    this.#rise(hello.lastSeq);
  }

  /** Nothing can be sent for now; what is given to us is kept. */
  suspend(): void {
    this.#isUp = false;
  }

  send(batch: readonly Envelope[]): void {
    if (this.#isClosed) return;
    const frames = packEnvelopes(batch);
    if (frames.buffers.length > maxBuffers && batch.length > 1) {
      const middle = batch.length >> 1;
      this.send(batch.slice(0, middle));
      this.send(batch.slice(middle));
      return;
    }
    const bytes = frames.buffers.reduce((sum, buffer) => sum + buffer.length, frames.body.length);
    const entry = { seq: this.#nextSeq, frames, kind: batch.length === 1 ? batch[0]!.kind : 0, bytes };
    this.#nextSeq = nextSeq(this.#nextSeq);
    if (this.#held.length > 0 || this.#unacked.length >= maxUnacked || this.#unackedBytes >= maxUnackedBytes) {
      this.#held.push(entry);
      return;
    }
    this.#launch(entry);
  }

  /** A sign of life; the other side answers it. */
  ping(): void {
    this.#sendBare({ kind: kinds.ping, sentMs: this.#options.clock.nowMs(), lagMs: this.#options.lagMs() });
  }

  /**
   * Takes frames as they came in: header, body, raw buffers. HELLOs do not come here (see `accept`).
   * @throws ActorError `protocol_error` for frames that are none of ours
   */
  receive(parts: readonly Uint8Array[]): void {
    const header = unpackHeader(parts[0] ?? new Uint8Array());
    const [, body, ...buffers] = parts;
    if (!body || buffers.length !== header.bufferCount) {
      throw new ActorError(
        "protocol_error",
        `a peer sent ${buffers.length} buffers and announced ${header.bufferCount}.`,
      );
    }
    const read = () => unpackEnvelopes({ body, buffers });
    if (header.kind === kinds.welcome) {
      const [welcome] = read() as [Hello];
      this.#meet(welcome);
      this.#cancelHello?.();
      this.#rise(welcome.lastSeq);
      return;
    }
    if (header.kind === kinds.goodbye && header.seq === 0) {
      if (!this.#isUp) this.#options.onRefused((read() as [Goodbye])[0].reason);
      return;
    }
    if (header.incarnation !== this.#peerIncarnation) {
      this.dropped.stale += 1;
      return;
    }
    this.#lastHeardMs = this.#options.clock.nowMs();
    this.#confirm(header.ack);
    if (header.seq === 0) this.#hearPing((read() as [Ping])[0]);
    else this.#hearNumbered(header, body, read);
  }

  close(): void {
    this.#isClosed = true;
    this.#isUp = false;
    this.#cancelAck?.();
    this.#cancelHello?.();
    this.#cancelResend?.();
    this.#unacked = [];
    this.#held = [];
  }

  #hearPing(ping: Ping): void {
    this.#peerLagMs = ping.lagMs;
    if (ping.kind === kinds.ping)
      this.#sendBare({ kind: kinds.pong, sentMs: ping.sentMs, lagMs: this.#options.lagMs() });
  }

  #hearNumbered(header: Header, body: Uint8Array, read: () => Envelope[]): void {
    const expected = nextSeq(this.#lastSeq);
    if (header.seq !== expected) {
      // Behind: we have it. Ahead: something before it was lost, and it will come again together with this.
      this.dropped[isAfter(header.seq, expected) ? "gap" : "duplicate"] += 1;
      this.#scheduleAck();
      return;
    }
    this.#lastSeq = header.seq;
    this.#unconfirmed.frames += 1;
    this.#unconfirmed.bytes += body.length;
    for (const envelope of read()) this.#options.deliver(envelope);
    if (this.#unconfirmed.frames >= ackEvery || this.#unconfirmed.bytes >= ackEveryBytes) this.#ack();
    else this.#scheduleAck();
  }

  /** A new incarnation of the peer numbers from the start and knows nothing of what was said before. */
  #meet(hello: Hello): void {
    const isRestart = this.#peerIncarnation !== undefined && this.#peerIncarnation !== hello.incarnation;
    if (isRestart) {
      this.#unacked = [];
      this.#held = [];
      this.#unackedBytes = 0;
      this.#nextSeq = 1;
    }
    if (this.#peerIncarnation !== hello.incarnation) this.#lastSeq = 0;
    this.#peerIncarnation = hello.incarnation;
    this.#lastHeardMs = this.#options.clock.nowMs();
    if (isRestart) this.#options.onPeerRestart();
  }

  #rise(peerLastSeq: number): void {
    this.#isUp = true;
    this.#confirm(peerLastSeq);
    for (const entry of this.#unacked) this.#transmit(entry);
    this.#lastProgressMs = this.#options.clock.nowMs();
    this.#options.onUp();
  }

  #launch(entry: Unacked): void {
    this.#unacked.push(entry);
    this.#unackedBytes += entry.bytes;
    if (this.#unacked.length === 1) {
      this.#lastProgressMs = this.#options.clock.nowMs();
      this.#watchProgress();
    }
    if (this.#isUp) this.#transmit(entry);
  }

  #transmit(entry: Unacked): void {
    this.#clearAck();
    const header = this.#header(entry.kind, entry.frames.buffers.length, entry.seq);
    this.#options.transmit([header, entry.frames.body, ...entry.frames.buffers]);
  }

  /** Lets go of what the other side has. */
  #confirm(ack: number): void {
    let count = 0;
    while (count < this.#unacked.length && !isAfter(this.#unacked[count]!.seq, ack)) {
      this.#unackedBytes -= this.#unacked[count]!.bytes;
      count += 1;
    }
    if (count === 0) return;
    this.#unacked.splice(0, count);
    this.#lastProgressMs = this.#options.clock.nowMs();
    while (this.#held.length > 0 && this.#unacked.length < maxUnacked && this.#unackedBytes < maxUnackedBytes) {
      this.#launch(this.#held.shift()!);
    }
  }

  #watchProgress(): void {
    this.#cancelResend?.();
    this.#cancelResend = this.#options.clock.after(resendAfterMs, () => {
      if (this.#unacked.length === 0) return;
      if (this.#isUp && this.#options.clock.nowMs() - this.#lastProgressMs >= resendAfterMs) {
        for (const entry of this.#unacked) this.#transmit(entry);
        this.#lastProgressMs = this.#options.clock.nowMs();
      }
      this.#watchProgress();
    });
  }

  #scheduleAck(): void {
    this.#cancelAck ??= this.#options.clock.after(ackDelayMs, () => this.#ack());
  }

  /** A confirmation alone travels as a PONG that answers nothing. */
  #ack(): void {
    this.#sendBare({ kind: kinds.pong, sentMs: 0, lagMs: this.#options.lagMs() });
  }

  #clearAck(): void {
    this.#cancelAck?.();
    this.#cancelAck = undefined;
    this.#unconfirmed = { frames: 0, bytes: 0 };
  }

  #sendHello(kind: Hello["kind"]): void {
    const { hello, incarnation } = this.#options;
    const { body, buffers } = packEnvelopes([{ kind, ...hello, incarnation, lastSeq: this.#lastSeq }]);
    this.#options.transmit([this.#header(kind, 0, 0), body, ...buffers]);
  }

  #sendBare(ping: Ping): void {
    if (!this.#isUp) return;
    this.#clearAck();
    this.#options.transmit([this.#header(ping.kind, 0, 0), packEnvelopes([ping]).body]);
  }

  #header(kind: number, bufferCount: number, seq: number): Uint8Array {
    return packHeader({ kind, bufferCount, seq, ack: this.#lastSeq, incarnation: this.#options.incarnation });
  }
}

/** Sequence numbers are 32 bits wide and go round; 0 is left out, it marks what is not numbered. */
function nextSeq(seq: number): number {
  return seq === 0xffffffff ? 1 : seq + 1;
}

function isAfter(seq: number, other: number): boolean {
  return ((seq - other) | 0) > 0;
}
