// Every message kind as one union: what travels between callers, nodes and hosts.
// A payload is bytes already packed by the codec, so that a router passes it on without opening it.

/** The kinds and their numbers on the wire (PROTOCOL.md). A number is never used again for another kind. */
export const kinds = {
  hello: 1,
  welcome: 2,
  ping: 3,
  pong: 4,
  goodbye: 5,
  call: 16,
  result: 17,
  cancel: 18,
  items: 19,
  credit: 20,
  end: 21,
} as const;

/** A value packed by the codec: MessagePack bytes and the raw buffers that it refers to. */
export interface Payload {
  bytes: Uint8Array;
  buffers: Uint8Array[];
}

/**
 * What a RESULT says: `ok` and `error` end the call, `stream` begins one. `full` gives the arguments back because the
 * mailbox has no room for them, `room` asks for them again; both leave the call open. 2 and 4 are kept free.
 */
export const statuses = { ok: 0, error: 1, stream: 3, full: 5, room: 6 } as const;
export type Status = (typeof statuses)[keyof typeof statuses];

/** Opens a link: who speaks, for how long it has lived, and what it saw last. */
export interface Hello {
  kind: typeof kinds.hello | typeof kinds.welcome;
  peer: string;
  /** Which life of the peer's end of this link it is: 64 random bits as 16 hexadecimal digits, the same on both lanes. */
  incarnation: string;
  role: PeerRole;
  /** The last sequence number that this side has received on this lane. */
  lastSeq: number;
  /** What lets an observer in (attach); empty between nodes, where CURVE or the socket's folder decides. */
  token: string;
}

/** What a peer is to us: a node of the cluster, an actor host that a node started, or a person looking on. */
export type PeerRole = "node" | "host" | "observer";

/** App-level sign of life; any valid frame counts as one too. */
export interface Ping {
  kind: typeof kinds.ping | typeof kinds.pong;
  /** The sender's clock in milliseconds, sent back unchanged. */
  sentMs: number;
  /** How late the sender's event loop or main thread runs, in milliseconds. */
  lagMs: number;
}

export interface Goodbye {
  kind: typeof kinds.goodbye;
  reason: string;
}

/** Asks a method of an actor. With id 0 it is a cast: nothing comes back. */
export interface Call {
  kind: typeof kinds.call;
  id: number;
  /** `name@node`, or `name` alone where the registry knows the node. */
  target: string;
  method: string;
  /** The list of arguments. */
  args: Payload;
  /** Milliseconds left, or null for no deadline. Each hop takes off its own time. */
  deadlineMs: number | null;
  /** Stream items that the caller is ready to take before it says more. */
  credit: number;
  /** Who calls, for the flight recorder and for the path of an error. */
  from: string;
  /** The lane of the mailbox; null for the first. */
  lane: string | null;
  /** Higher ones run first within their lane; 0 unless said. */
  priority: number;
  /** The calls within which this one is made, outermost first, each `name@node method`; null outside of any. */
  chain: string[] | null;
  /**
   * When a node handed it to one of its own hosts, on the machine's monotonic clock in milliseconds; null elsewhere.
   * A host that was busy finds by it how long the call has lain before its door.
   */
  sentMs: number | null;
}

export interface Result {
  kind: typeof kinds.result;
  id: number;
  status: Status;
  /** The value; for `error` an ErrorRecord, for `full` the arguments. */
  value: Payload;
  /** Time in the mailbox and time running, in microseconds. */
  queueUs: number;
  runUs: number;
}

export interface Cancel {
  kind: typeof kinds.cancel;
  id: number;
  reason: string;
}

export interface Items {
  kind: typeof kinds.items;
  id: number;
  firstSeq: number;
  /** A list of values. */
  values: Payload;
}

/** Cumulative: how many items the consumer has been ready for since the stream began. Lost or repeated, it harms nothing. */
export interface Credit {
  kind: typeof kinds.credit;
  id: number;
  items: number;
}

export interface End {
  kind: typeof kinds.end;
  id: number;
  /** How many items there were. */
  count: number;
  /** An ErrorRecord, or null for a stream that ended well. */
  error: Payload;
}

export type Envelope = Hello | Ping | Goodbye | Call | Result | Cancel | Items | Credit | End;

/** Names that belong to the runtime: a node itself, its head role, an actor host. Calls to them are control. */
export const systemNames = { node: "$node", head: "$head", host: "$host" } as const;

export function isSystemTarget(target: string): boolean {
  return target.startsWith("$");
}

/** Ids from here on belong to calls of a node or a host itself; they and all that answers them are control. */
export const firstControlId = 2 ** 31;

/** Control travels on its own socket, so that a large batch never delays a heartbeat, a spawn or a DOWN. */
export function isControl(envelope: Envelope): boolean {
  switch (envelope.kind) {
    case kinds.call:
    case kinds.result:
    case kinds.cancel:
    case kinds.items:
    case kinds.credit:
    case kinds.end:
      return envelope.id >= firstControlId;
    default:
      return true;
  }
}

/** What answers a call. */
export type Answer = Result | Items | End;

/** False for an answer after which more comes. */
export function isLast(answer: Answer): boolean {
  if (answer.kind === kinds.end) return true;
  return answer.kind === kinds.result && (answer.status === statuses.ok || answer.status === statuses.error);
}

/** Bytes of a payload as they count for bounds. */
export function payloadBytes({ bytes, buffers }: Payload): number {
  let sum = bytes.length;
  for (const buffer of buffers) sum += buffer.length;
  return sum;
}

/** `name@node` taken apart; the node is undefined where only the registry knows it. */
export function parseAddress(address: string): { name: string; node: string | undefined } {
  const at = address.lastIndexOf("@");
  return at < 0
    ? { name: address, node: undefined }
    : { name: address.slice(0, at), node: address.slice(at + 1) || undefined };
}
