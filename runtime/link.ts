// A peer across a socket: two lanes, a heartbeat, and one verdict on whether it lives.
// A channel like any other to those who send; knows nothing of what the envelopes ask for.
import { type Channel, Outbox, type Receive } from "./channel.ts";
import { type Clock, pause } from "./clock.ts";
import { type Envelope, type Hello, isControl, kinds, type PeerRole } from "./envelope.ts";
import { Session } from "./session.ts";
import { type Lane, lanes } from "./socket.ts";

/** How long a peer may be silent. A slow machine that starts Python can stall for seconds, so the end is generous. */
export interface Heartbeat {
  everyMs: number;
  /** The connection is made anew after this. */
  suspectMs: number;
  /** The peer is given up after this. */
  deadMs: number;
}

export const defaultHeartbeat: Heartbeat = { everyMs: 1000, suspectMs: 3000, deadMs: 15_000 };

export interface LinkOptions {
  clock: Clock;
  /** What the other side is called, once known. */
  peer: string;
  role: PeerRole;
  incarnation: string;
  hello: Pick<Hello, "peer" | "role" | "token">;
  heartbeat: Heartbeat;
  transmit: (lane: Lane, frames: Uint8Array[]) => void;
  receive: (envelope: Envelope, link: Link) => void;
  /** Both lanes are open, for the first time. */
  onUp: (link: Link) => void;
  /** Silent or broken: the dialling side should connect again. */
  onSuspect: (link: Link) => void;
  /** Once, when the peer is given up. */
  onDown: (link: Link, reason: string) => void;
  lagMs: () => number;
}

export class Link implements Channel {
  readonly peer: string;
  readonly role: PeerRole;
  readonly #options: LinkOptions;
  readonly #sessions: Record<Lane, Session>;
  readonly #outboxes: Record<Lane, Outbox>;
  #wasUp = false;
  #isDown = false;
  #isRefused = false;
  #cancelBeat: (() => void) | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.peer = options.peer;
    this.role = options.role;
    const receive: Receive = (envelope) => {
      if (envelope.kind === kinds.goodbye) {
        this.#sessions.ctl.ping(); // carries the confirmation that lets the peer go
        this.#goDown(`${this.peer} said goodbye: ${envelope.reason}`);
      } else options.receive(envelope, this);
    };
    const makeSession = (lane: Lane) =>
      new Session({
        clock: options.clock,
        incarnation: options.incarnation,
        hello: options.hello,
        transmit: (frames) => options.transmit(lane, frames),
        deliver: receive,
        onUp: () => this.#laneUp(),
        onRefused: (reason) => {
          this.#isRefused = true;
          this.#goDown(reason);
        },
        onPeerRestart: () => this.#goDown(`${this.peer} began anew, or had given us up`),
        lagMs: options.lagMs,
      });
    this.#sessions = { ctl: makeSession("ctl"), dat: makeSession("dat") };
    const makeOutbox = (lane: Lane) => new Outbox((batch) => this.#sessions[lane].send(batch));
    this.#outboxes = { ctl: makeOutbox("ctl"), dat: makeOutbox("dat") };
    this.#beat();
  }

  get label(): string {
    return this.peer;
  }

  get isUp(): boolean {
    return !this.#isDown && lanes.every((lane) => this.#sessions[lane].isUp);
  }

  /** The peer did not let us in; asking again is no use. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** How late the peer's event loop or main thread runs, as it said last. */
  get peerLagMs(): number {
    return this.#sessions.ctl.peerLagMs;
  }

  send(envelope: Envelope): void {
    if (!this.#isDown) this.#outboxes[isControl(envelope) ? "ctl" : "dat"].push(envelope);
  }

  /** The dialling side greets, at first and after each new connection. */
  open(): void {
    for (const lane of lanes) this.#sessions[lane].open();
  }

  /** The answering side was greeted on this lane. */
  accept(lane: Lane, hello: Hello): void {
    this.#sessions[lane].accept(hello);
  }

  /** The connection is broken; what is sent meanwhile waits. */
  suspend(): void {
    for (const lane of lanes) this.#sessions[lane].suspend();
  }

  /** @throws ActorError `protocol_error` */
  receive(lane: Lane, parts: readonly Uint8Array[]): void {
    this.#sessions[lane].receive(parts);
  }

  /** Says that we go, so that nobody waits for us; resolves when the peer has heard it, or after `limitMs`. */
  async farewell(reason: string, limitMs: number): Promise<void> {
    if (!this.isUp) return;
    this.send({ kind: kinds.goodbye, reason });
    const { clock } = this.#options;
    const untilMs = clock.nowMs() + limitMs;
    do await pause(5, { clock });
    while (this.#sessions.ctl.unackedCount > 0 && clock.nowMs() < untilMs);
  }

  /** Gives the peer up. */
  fail(reason: string): void {
    this.#goDown(reason);
  }

  close(): void {
    this.#isDown = true;
    this.#cancelBeat?.();
    for (const lane of lanes) {
      this.#outboxes[lane].flush();
      this.#sessions[lane].close();
    }
  }

  #laneUp(): void {
    if (this.#wasUp || !this.isUp) return;
    this.#wasUp = true;
    this.#options.onUp(this);
  }

  #beat(): void {
    const { clock, heartbeat } = this.#options;
    this.#cancelBeat = clock.after(heartbeat.everyMs, () => {
      if (this.#isDown) return;
      const silentMs = Math.min(...lanes.map((lane) => this.#sessions[lane].silentMs));
      if (silentMs > heartbeat.deadMs) {
        this.#goDown(`${this.peer} has been silent for ${Math.round(silentMs / 1000)} s`);
        return;
      }
      if (silentMs > heartbeat.suspectMs) this.#options.onSuspect(this);
      this.#sessions.ctl.ping();
      this.#beat();
    });
  }

  #goDown(reason: string): void {
    if (this.#isDown) return;
    this.close();
    this.#options.onDown(this, reason);
  }
}
