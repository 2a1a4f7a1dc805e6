// All peers of a process: listens, dials, lets in or turns away, and keeps one link a peer.
// Knows who may speak, not what is said: envelopes go on to the node with the link they came by.
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "./clock.ts";
import { packEnvelopes, packHeader, unpackEnvelopes, unpackHeader } from "./codec.ts";
import { type Envelope, type Hello, kinds, type PeerRole } from "./envelope.ts";
import { ActorError } from "./errors.ts";
import { defaultHeartbeat, type Heartbeat, Link } from "./link.ts";
import { AllowList, type KeyPair } from "./security.ts";
import { Dialer, type Endpoints, type Lane, Listener } from "./socket.ts";

export interface NetworkOptions {
  /** This process' name among its peers. */
  name: string;
  role: PeerRole;
  clock: Clock;
  /** Lets hosts and observers of this machine in; children get it on stdin, attach reads it from a 0600 file. */
  token: string;
  /** Needed for tcp, in either direction. */
  keys?: KeyPair;
  heartbeat?: Partial<Heartbeat>;
  receive: (envelope: Envelope, link: Link) => void;
  onUp: (link: Link) => void;
  onDown: (link: Link, reason: string) => void;
  /** A peer that was turned away or speaks another protocol: one line for the log. */
  onComplaint: (line: string) => void;
}

/** How long a node waits for others to have heard that it goes. */
const farewellMs = 300;

interface Known {
  link: Link;
  incarnation: string | undefined;
  send: (lane: Lane, frames: Uint8Array[]) => void;
  dialer: Dialer | undefined;
  redial: (() => void) | undefined;
}

export class Network {
  readonly incarnation = randomBytes(8).toString("hex");
  readonly allowed = new AllowList();
  readonly #options: NetworkOptions;
  readonly #heartbeat: Heartbeat;
  readonly #peers = new Map<string, Known>();
  /** Routing ids of our listeners → the peer behind each. */
  readonly #routes = new Map<string, string>();
  #listeners: Listener[] = [];
  #lagMs = 0;
  #stopLag: () => void;

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.#heartbeat = { ...defaultHeartbeat, ...options.heartbeat };
    this.#stopLag = this.#measureLag();
  }

  /** Listens for peers; resolves with where, once `*` has become a port. */
  async listen(endpoints: Endpoints): Promise<Endpoints> {
    const isTcp = endpoints.ctl.startsWith("tcp:");
    const { keys } = this.#options;
    const listener = await Listener.open({
      endpoints,
      ...(isTcp && keys ? { curve: { keys, allowed: this.allowed } } : {}),
      onMessage: (lane, routingId, parts) => {
        const back = (toLane: Lane, frames: Uint8Array[]) => listener.send(toLane, routingId, frames);
        this.#guard(routingId, () => this.#arrive(lane, routingId, parts, back, isTcp));
      },
    });
    this.#listeners.push(listener);
    return listener.endpoints;
  }

  /** Opens a link to a peer that listens there; what is sent before it is up waits. */
  dial(peer: string, endpoints: Endpoints, serverKey?: string): Link {
    const old = this.#peers.get(peer);
    if (old) return old.link;
    const known: Known = {
      link: undefined as never,
      incarnation: undefined,
      send: () => {},
      dialer: undefined,
      redial: undefined,
    };
    known.link = this.#makeLink(peer, "node", (lane, frames) => known.send(lane, frames));
    let lastDialMs = Number.NEGATIVE_INFINITY;
    known.redial = () => {
      const { clock, keys, name } = this.#options;
      if (clock.nowMs() - lastDialMs < this.#heartbeat.suspectMs / 2) return;
      lastDialMs = clock.nowMs();
      known.dialer?.close();
      known.link.suspend();
      known.dialer = new Dialer({
        endpoints,
        routingId: `${name}/${randomBytes(6).toString("hex")}`,
        ...(serverKey !== undefined && keys ? { curve: { keys, serverKey } } : {}),
        onMessage: (lane, parts) => this.#hear(known.link, lane, parts),
        onDisconnect: () => clock.after(this.#heartbeat.everyMs, () => known.redial?.()),
      });
      known.send = (lane, frames) => known.dialer?.send(lane, frames);
      known.link.open();
    };
    this.#peers.set(peer, known);
    known.redial();
    return known.link;
  }

  link(peer: string): Link | undefined {
    return this.#peers.get(peer)?.link;
  }

  get links(): Link[] {
    return [...this.#peers.values()].map((known) => known.link);
  }

  /** Lets a peer go without waiting for it. */
  drop(peer: string): void {
    const known = this.#peers.get(peer);
    if (!known) return;
    this.#peers.delete(peer);
    known.redial = undefined;
    known.link.close();
    known.dialer?.close();
    for (const [routingId, other] of this.#routes) if (other === peer) this.#routes.delete(routingId);
  }

  async close(reason: string): Promise<void> {
    this.#stopLag();
    const others = this.links.filter((link) => link.role !== "host"); // hosts have ended before us
    await Promise.all(others.map((link) => link.farewell(reason, farewellMs)));
    for (const peer of [...this.#peers.keys()]) this.drop(peer);
    for (const listener of this.#listeners) listener.close();
    this.#listeners = [];
  }

  /** How late this event loop runs, in milliseconds: what its peers are told. */
  get lagMs(): number {
    return this.#lagMs;
  }

  #arrive(lane: Lane, routingId: string, parts: Buffer[], back: Known["send"], isTcp: boolean): void {
    const header = unpackHeader(parts[0] ?? new Uint8Array());
    if (header.kind === kinds.hello) {
      const [hello] = unpackEnvelopes({ body: parts[1] ?? new Uint8Array(), buffers: [] }) as [Hello];
      this.#greet(lane, routingId, hello, back, isTcp);
      return;
    }
    const known = this.#peers.get(this.#routes.get(routingId) ?? "");
    if (known) this.#hear(known.link, lane, parts);
  }

  /** What breaks the protocol would be sent again and again: whoever sends it is given up. */
  #hear(link: Link, lane: Lane, parts: Buffer[]): void {
    try {
      link.receive(lane, parts);
    } catch (error) {
      if (!(error instanceof ActorError)) throw error;
      this.#options.onComplaint(`${link.peer}: ${error.message}`);
      link.fail(error.message);
    }
  }

  #greet(lane: Lane, routingId: string, hello: Hello, back: Known["send"], isTcp: boolean): void {
    const isKnownByKey = isTcp && hello.role === "node"; // CURVE let it in: its key is on the list
    if (!isKnownByKey && !isSame(hello.token, this.#options.token)) {
      back(lane, this.#refusal(hello));
      throw new ActorError("unauthorised", `${hello.peer} said HELLO as ${hello.role} without the right token.`);
    }
    let known = this.#peers.get(hello.peer);
    if (known && known.incarnation !== hello.incarnation && known.incarnation !== undefined) {
      const { link } = known;
      this.drop(hello.peer);
      this.#options.onDown(link, `${hello.peer} began anew, or had given us up`);
      known = undefined;
    }
    if (!known) {
      const made: Known = {
        link: undefined as never,
        incarnation: hello.incarnation,
        send: back,
        dialer: undefined,
        redial: undefined,
      };
      made.link = this.#makeLink(hello.peer, hello.role, (toLane, frames) => made.send(toLane, frames));
      this.#peers.set(hello.peer, made);
      known = made;
    }
    known.incarnation = hello.incarnation;
    known.send = back;
    this.#routes.set(routingId, hello.peer);
    known.link.accept(lane, hello);
  }

  /** A GOODBYE of no lane, so that whoever is turned away need not wait to find out. */
  #refusal(hello: Hello): Uint8Array[] {
    const reason = `${this.#options.name} did not let ${hello.peer} in: its token is not the right one`;
    const { body } = packEnvelopes([{ kind: kinds.goodbye, reason }]);
    const { incarnation } = this;
    return [packHeader({ kind: kinds.goodbye, bufferCount: 0, seq: 0, ack: 0, incarnation }), body];
  }

  #makeLink(peer: string, role: PeerRole, transmit: Known["send"]): Link {
    const { clock, name, token, receive, onUp, onDown } = this.#options;
    return new Link({
      clock,
      peer,
      role,
      // A link that was given up and made again is another one to both sides: nobody goes on with the numbers of the old.
      incarnation: randomBytes(8).toString("hex"),
      hello: { peer: name, role: this.#options.role, token: this.#options.role === "node" ? "" : token },
      heartbeat: this.#heartbeat,
      transmit,
      receive,
      onUp,
      onSuspect: () => this.#peers.get(peer)?.redial?.(),
      onDown: (link, reason) => {
        this.drop(peer);
        onDown(link, reason);
      },
      lagMs: () => this.#lagMs,
    });
  }

  /** Whoever is no peer yet costs one line in the log, never the process. */
  #guard(who: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof ActorError)) throw error;
      this.#options.onComplaint(`${who}: ${error.message}`);
    }
  }

  #measureLag(): () => void {
    const everyMs = 500;
    const { clock } = this.#options;
    let dueMs = clock.nowMs() + everyMs;
    let cancel = clock.after(everyMs, tick.bind(this));
    function tick(this: Network) {
      const nowMs = clock.nowMs();
      this.#lagMs = Math.max(0, nowMs - dueMs);
      dueMs = nowMs + everyMs;
      cancel = clock.after(everyMs, tick.bind(this));
    }
    return () => cancel();
  }
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
