// Sockets: two lanes a peer, all options in one place; the one door to zeromq.
// Lives on a process' main thread only: a thread that dies with a pending receive takes the process down with it.
// Sends at best effort; what must arrive is the session's affair.
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { curveKeyPair, Dealer, Reply, Router } from "zeromq";
import { ActorError } from "./errors.ts";
import { type AllowList, answerZap, isLoopback, type KeyPair } from "./security.ts";

/** Control and data travel apart, so that a heartbeat never waits behind a batch (measured: 254 ms against 5 ms). */
export const lanes = ["ctl", "dat"] as const;
export type Lane = (typeof lanes)[number];

/** Where a process listens, a socket a lane: `ipc:///…/ctl` or `tcp://host:port`. */
export type Endpoints = Record<Lane, string>;

/** For a listener: its keys and who may connect. */
export interface ListenerCurve {
  keys: KeyPair;
  allowed: AllowList;
}

/** For a dialler: its keys and the public key that it expects to find there. */
export interface DialerCurve {
  keys: KeyPair;
  serverKey: string;
}

const maxMessageBytes = 2 ** 31;
const common = {
  linger: 0,
  sendTimeout: 0,
  sendHighWaterMark: 0, // no limit here: the session's window is the limit, in frames and bytes
  receiveHighWaterMark: 0,
  maxMessageSize: maxMessageBytes,
  heartbeatInterval: 1000,
  heartbeatTimeout: 3000,
  heartbeatTimeToLive: 3000,
};

export function makeKeys(): KeyPair {
  return curveKeyPair();
}

export interface ListenerOptions {
  endpoints: Endpoints;
  curve?: ListenerCurve;
  /** Once a message, from the socket's read loop; an exception ends the process, so it must catch. */
  onMessage: (lane: Lane, routingId: string, parts: Buffer[]) => void;
}

/** The listening end: a ROUTER a lane. */
export class Listener {
  readonly endpoints: Endpoints;
  readonly #sockets: Record<Lane, Router>;
  readonly #writers: Record<Lane, Writer>;
  readonly #domain: string;

  private constructor(endpoints: Endpoints, sockets: Record<Lane, Router>, domain: string) {
    this.endpoints = endpoints;
    this.#domain = domain;
    this.#sockets = sockets;
    this.#writers = { ctl: new Writer(sockets.ctl), dat: new Writer(sockets.dat) };
  }

  /**
   * Binds both lanes; port `*` takes a free one, and `endpoints` then says which.
   * @throws ActorError `bad_option` for a tcp address without keys; `process_failed` if a port is taken
   */
  static async open(options: ListenerOptions): Promise<Listener> {
    const domain = `iterant-${randomBytes(8).toString("hex")}`;
    const sockets = { ctl: makeRouter(options, domain), dat: makeRouter(options, domain) };
    const endpoints = {} as Endpoints;
    try {
      if (options.curve) await openGate(domain, options.curve.allowed);
      for (const lane of lanes) {
        const asked = options.endpoints[lane];
        prepareEndpoint(asked, options.curve);
        await sockets[lane].bind(asked);
        endpoints[lane] = sockets[lane].lastEndpoint ?? asked;
      }
    } catch (error) {
      for (const lane of lanes) sockets[lane].close();
      closeGate(domain);
      throw bindError(error, options.endpoints);
    }
    for (const lane of lanes)
      void readAll(sockets[lane], ([id, ...parts]) => options.onMessage(lane, id!.toString("latin1"), parts));
    return new Listener(endpoints, sockets, domain);
  }

  send(lane: Lane, routingId: string, frames: Uint8Array[]): void {
    this.#writers[lane].push([Buffer.from(routingId, "latin1"), ...frames]);
  }

  close(): void {
    for (const lane of lanes) this.#sockets[lane].close();
    closeGate(this.#domain);
  }
}

export interface DialerOptions {
  endpoints: Endpoints;
  /** New for each connection, so that a reconnect is never mistaken for a second peer of the same name. */
  routingId: string;
  curve?: DialerCurve;
  onMessage: (lane: Lane, parts: Buffer[]) => void;
  /** A lane's connection broke. */
  onDisconnect: (lane: Lane) => void;
}

/** The dialling end: a DEALER a lane. Never reconnects by itself: the link makes a new one. */
export class Dialer {
  readonly #sockets: Record<Lane, Dealer>;
  readonly #writers: Record<Lane, Writer>;
  #isClosed = false;

  constructor(options: DialerOptions) {
    const open = (lane: Lane) => {
      const socket = new Dealer({ ...common, ...curveOfDialer(options.curve), routingId: options.routingId });
      socket.events.on("disconnect", () => {
        if (!this.#isClosed) options.onDisconnect(lane);
      });
      socket.connect(options.endpoints[lane]);
      void readAll(socket, (parts) => options.onMessage(lane, parts));
      return socket;
    };
    this.#sockets = { ctl: open("ctl"), dat: open("dat") };
    this.#writers = { ctl: new Writer(this.#sockets.ctl), dat: new Writer(this.#sockets.dat) };
  }

  send(lane: Lane, frames: Uint8Array[]): void {
    this.#writers[lane].push(frames);
  }

  close(): void {
    this.#isClosed = true;
    for (const lane of lanes) this.#sockets[lane].close();
  }
}

/** Answers ZeroMQ's question who may connect; one a process, because ZeroMQ asks at one address, for all listeners. */
const gate = {
  address: "inproc://zeromq.zap.01",
  lists: new Map<string, AllowList>(),
  socket: undefined as Promise<Reply> | undefined,
};
const gateRetryMs = 5;
const gateRetries = 400;

async function openGate(domain: string, allowed: AllowList): Promise<void> {
  gate.lists.set(domain, allowed);
  gate.socket ??= bindGate();
  await gate.socket;
}

/** Closing a gate frees its address some moments later: one that opens meanwhile tries again. */
async function bindGate(): Promise<Reply> {
  const socket = new Reply({ linger: 0 });
  for (let left = gateRetries; ; left -= 1) {
    try {
      await socket.bind(gate.address);
      break;
    } catch (error) {
      if ((error as { code?: string }).code !== "EADDRINUSE" || left === 0) throw error;
      await sleep(gateRetryMs);
    }
  }
  void readAll(socket, async (parts) => {
    try {
      await socket.send(answerZap(parts, (asked) => gate.lists.get(asked)));
    } catch (error) {
      if (!isUndeliverable(error)) throw error; // the gate was closed while somebody asked: nobody is let in
    }
  });
  return socket;
}

function closeGate(domain: string): void {
  gate.lists.delete(domain);
  if (gate.lists.size > 0) return;
  const closing = gate.socket;
  gate.socket = undefined;
  closing?.then(
    (socket) => socket.close(),
    () => {}, // it never opened, and whoever wanted it was told
  );
}

/** One send at a time, as zeromq wants it. What cannot go is dropped: the session sends it again. */
class Writer {
  readonly #socket: Router | Dealer;
  #queue: (Uint8Array | Buffer)[][] = [];
  #isWriting = false;

  constructor(socket: Router | Dealer) {
    this.#socket = socket;
  }

  push(parts: (Uint8Array | Buffer)[]): void {
    this.#queue.push(parts);
    if (!this.#isWriting) void this.#write();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#queue.length > 0 && !this.#socket.closed) {
      const batch = this.#queue;
      this.#queue = [];
      for (const parts of batch) {
        try {
          await this.#socket.send(parts);
        } catch (error) {
          if (!isUndeliverable(error)) throw error;
        }
      }
    }
    this.#isWriting = false;
  }
}

/** EAGAIN: full or closed; EHOSTUNREACH: nobody there; EBADF and ENOTSOCK: closed meanwhile. */
function isUndeliverable(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "EAGAIN" || code === "EHOSTUNREACH" || code === "EBADF" || code === "ENOTSOCK";
}

async function readAll(
  socket: Router | Dealer | Reply,
  onParts: (parts: Buffer[]) => void | Promise<void>,
): Promise<void> {
  for await (const parts of socket) await onParts(parts);
}

function makeRouter({ curve }: ListenerOptions, domain: string): Router {
  const router = new Router({ ...common, mandatory: true, handover: false });
  if (curve) {
    router.curveServer = true;
    router.curveSecretKey = curve.keys.secretKey;
    router.zapDomain = domain;
    router.zapEnforceDomain = true; // without an answer from the gate, nobody gets in
  }
  return router;
}

function curveOfDialer(curve: DialerCurve | undefined) {
  if (!curve) return { reconnectInterval: -1 };
  const { publicKey, secretKey } = curve.keys;
  return {
    reconnectInterval: -1,
    curveServerKey: curve.serverKey,
    curvePublicKey: publicKey,
    curveSecretKey: secretKey,
  };
}

function prepareEndpoint(endpoint: string, curve: ListenerCurve | undefined): void {
  if (endpoint.startsWith("ipc://")) {
    const folder = dirname(endpoint.slice("ipc://".length));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    return;
  }
  const host = endpoint.replace(/^tcp:\/\//, "").replace(/:[^:]*$/, "");
  if (!curve) {
    const reach = isLoopback(host) ? "anybody on this machine" : "anybody who reaches it";
    throw new ActorError("bad_option", `${endpoint} would listen without keys to ${reach}. Give the node a key pair.`);
  }
}

function bindError(error: unknown, endpoints: Endpoints): Error {
  if (error instanceof ActorError) return error;
  const { code } = error as { code?: string };
  const where = `${endpoints.ctl} and ${endpoints.dat}`;
  const cure =
    code === "EADDRINUSE" ? "Another process has it: choose another port, or * for a free one." : "Check the address.";
  return new ActorError("process_failed", `cannot listen on ${where}: ${(error as Error).message}. ${cure}`, {
    cause: error,
  });
}
