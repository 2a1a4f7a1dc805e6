// Values to bytes and back, envelopes to frames and back; the one door to msgpackr.
// Plain MessagePack that Python reads too; arrays of numbers never go through it: they travel as raw buffers.
// Knows neither sockets nor actors. The profile stands in PROTOCOL.md and golden frames hold both languages to it.
import { addExtension, Packr } from "msgpackr";
import { type Envelope, kinds, type Payload } from "./envelope.ts";
import { ActorError } from "./errors.ts";

/** Bytes of at most this length stay inside the MessagePack; beyond 128 B a frame of its own costs a pinned buffer. */
const maxInlineBytes = 512;
const maxDepth = 64;
/** The header counts raw buffers in 16 bits. */
export const maxBuffers = 0xffff;
/** A longer frame is refused by sockets. */
const maxBufferBytes = 2 ** 31 - 1;

/** The profile: string-keyed maps of minimal size, no records, undefined as nil, 64-bit integers as numbers. */
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
  int64AsType: "number",
  mapsAsObjects: true,
});

// --- values ---------------------------------------------------------------------------------------------------

export type NumberArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** An array of more than one dimension, as Python sends it: row-major data with its shape. */
export class NdArray {
  readonly shape: readonly number[];
  readonly data: NumberArray;
  constructor(shape: readonly number[], data: NumberArray) {
    this.shape = shape;
    this.data = data;
  }
}

/** A handle as it travels: whose face it is. Rebuilt into a live handle by whoever decodes (handle.ts). */
export class HandleRef {
  readonly address: string;
  constructor(address: string) {
    this.address = address;
  }
}

const arrayTypes = {
  u1: Uint8Array,
  i1: Int8Array,
  u2: Uint16Array,
  i2: Int16Array,
  u4: Uint32Array,
  i4: Int32Array,
  u8: BigUint64Array,
  i8: BigInt64Array,
  f4: Float32Array,
  f8: Float64Array,
  b1: Uint8Array,
} as const;
type Dtype = keyof typeof arrayTypes;
const dtypeOf = new Map<unknown, Dtype>(
  Object.entries(arrayTypes)
    .filter(([dtype]) => dtype !== "b1")
    .map(([dtype, type]) => [type, dtype as Dtype]),
);

/**
 * Extension 1, an array of numbers: one byte that is 1 if the elements follow and 0 if the index of their raw buffer
 * does; two characters of dtype, in NumPy's kind and size; the count of dimensions; each of them as u32, big-endian.
 * Written by hand: a MessagePack inside the MessagePack would make msgpackr copy the whole message for each array.
 */
class ArrayRef {
  readonly source: number | Uint8Array;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  constructor(source: number | Uint8Array, dtype: Dtype, shape: readonly number[]) {
    this.source = source;
    this.dtype = dtype;
    this.shape = shape;
  }
}

/** Extension 3: bytes too long to stand inside, by the index of their raw buffer, u32. */
class BytesRef {
  readonly index: number;
  constructor(index: number) {
    this.index = index;
  }
}

/** Decoding is synchronous, so one variable is enough to give the extensions their buffers and the handle maker. */
let current: { buffers: Uint8Array[]; makeHandle: (address: string) => unknown } | undefined;

addExtension({ Class: ArrayRef, type: 1, pack: packArrayRef, unpack: readArray });
addExtension({
  Class: HandleRef,
  type: 2,
  pack: (ref: HandleRef) => Buffer.from(ref.address),
  unpack: (bytes: Uint8Array) => current?.makeHandle(Buffer.from(bytes).toString()),
});
addExtension({
  Class: BytesRef,
  type: 3,
  pack: (ref: BytesRef) => u32(ref.index),
  unpack: (bytes: Uint8Array) => asBuffer(rawBuffer(viewOf(bytes).getUint32(0))),
});

function packArrayRef({ source, dtype, shape }: ArrayRef): Uint8Array {
  const head = [typeof source === "number" ? 0 : 1, dtype.charCodeAt(0), dtype.charCodeAt(1), shape.length];
  return Buffer.concat([Uint8Array.from(head), ...shape.map(u32), typeof source === "number" ? u32(source) : source]);
}

/** What a value may hold besides plain data: the runtime tells the codec how to see through a handle. */
export interface ValueHooks {
  /** The address of a handle, undefined for anything else. */
  addressOf?: (value: object) => string | undefined;
  makeHandle?: (address: string) => unknown;
}

/**
 * Packs a value. Arrays are copied, so the caller may go on changing its own.
 * @throws ActorError `not_serialisable`, naming the path of the value that cannot travel
 */
export function packValue(value: unknown, hooks: ValueHooks = {}): Payload {
  const buffers: Uint8Array[] = [];
  const plain = prepare(value, { buffers, hooks, path: [] }, 0);
  return { bytes: own(packr.pack(plain)), buffers };
}

/**
 * The reverse of `packValue`. Arrays are views of the received buffers: read-only by contract.
 * @throws ActorError `protocol_error` for bytes that are no packed value
 */
export function unpackValue(payload: Payload, hooks: ValueHooks = {}): unknown {
  const outer = current;
  current = { buffers: payload.buffers, makeHandle: hooks.makeHandle ?? ((address) => new HandleRef(address)) };
  try {
    return packr.unpack(asBuffer(payload.bytes));
  } catch (error) {
    throw new ActorError("protocol_error", `a payload of ${payload.bytes.length} bytes is no packed value`, {
      cause: error,
    });
  } finally {
    current = outer;
  }
}

interface Preparation {
  buffers: Uint8Array[];
  hooks: ValueHooks;
  path: (string | number)[];
}

/** Replaces what MessagePack must not see; returns the very same object where there is nothing to replace. */
function prepare(value: unknown, into: Preparation, depth: number): unknown {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? value : value.toWellFormed();
    case "number":
      return Number.isSafeInteger(value) && (value > 0xffffffff || value < -0x80000000) ? BigInt(value) : value;
    case "undefined":
    case "boolean":
      return value;
    case "bigint":
      if (BigInt.asIntN(64, value) !== value && BigInt.asUintN(64, value) !== value) {
        throw refusal(into.path, "a bigint beyond 64 bits");
      }
      return value;
    case "object":
      if (value === null) return null;
      if (depth >= maxDepth) throw refusal(into.path, `nested deeper than ${maxDepth} levels, or a cycle`);
      return prepareObject(value, into, depth);
    case "function": {
      const address = into.hooks.addressOf?.(value);
      if (address !== undefined) return new HandleRef(address);
      throw refusal(into.path, `a function (${value.name || "anonymous"})`);
    }
    default:
      throw refusal(into.path, `a ${typeof value}`);
  }
}

function prepareObject(value: object, into: Preparation, depth: number): unknown {
  if (Array.isArray(value)) return prepareList(value, into, depth);
  if (ArrayBuffer.isView(value)) return prepareView(value, into);
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === Object.prototype || prototype === null) {
    return prepareEntries(value as Record<string, unknown>, into, depth);
  }
  if (value instanceof Date) return value;
  if (value instanceof ArrayBuffer) return prepareBytes(new Uint8Array(value), into);
  if (value instanceof Set) return prepareList([...value], into, depth);
  if (value instanceof Map) return prepareEntries(Object.fromEntries(value) as Record<string, unknown>, into, depth);
  if (value instanceof NdArray) return prepareArray(value.data, value.shape, into);
  if (value instanceof HandleRef) return value;
  throw refusal(into.path, `an instance of ${prototype.constructor?.name ?? "an unnamed class"}`);
}

function prepareList(list: readonly unknown[], into: Preparation, depth: number): unknown[] {
  let copy: unknown[] | undefined;
  for (let index = 0; index < list.length; index += 1) {
    into.path.push(index);
    const prepared = prepare(list[index], into, depth + 1);
    into.path.pop();
    if (prepared !== list[index] && !Object.is(prepared, list[index])) {
      copy ??= [...list];
      copy[index] = prepared;
    }
  }
  return copy ?? (list as unknown[]);
}

function prepareEntries(map: Record<string, unknown>, into: Preparation, depth: number): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const key in map) {
    into.path.push(key);
    const prepared = prepare(map[key], into, depth + 1);
    into.path.pop();
    if (prepared !== map[key] && !Object.is(prepared, map[key])) {
      copy ??= { ...map };
      copy[key] = prepared;
    }
  }
  return copy ?? map;
}

function prepareView(view: ArrayBufferView, into: Preparation): unknown {
  if (view instanceof Uint8Array) return prepareBytes(view, into);
  if (dtypeOf.has(view.constructor)) return prepareArray(view as NumberArray, undefined, into);
  throw refusal(into.path, `a ${view.constructor.name}`);
}

function prepareBytes(bytes: Uint8Array, into: Preparation): unknown {
  if (bytes.length <= maxInlineBytes) return bytes;
  return new BytesRef(keep(bytes, into));
}

function prepareArray(data: NumberArray, shape: readonly number[] | undefined, into: Preparation): ArrayRef {
  const dtype = dtypeOf.get(data.constructor)!;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const source = bytes.length <= maxInlineBytes ? bytes.slice() : keep(bytes, into);
  return new ArrayRef(source, dtype, shape ?? [data.length]);
}

/** Copies bytes into a raw buffer and gives its index. */
function keep(bytes: Uint8Array, { buffers, path }: Preparation): number {
  if (bytes.length > maxBufferBytes) throw refusal(path, `${bytes.length} bytes long, more than ${maxBufferBytes}`);
  if (buffers.length === maxBuffers) throw refusal(path, `one long array more than the ${maxBuffers} of a message`);
  return buffers.push(bytes.slice()) - 1;
}

function readArray(ext: Uint8Array): NumberArray | NdArray {
  const view = viewOf(ext);
  const dtype = String.fromCharCode(view.getUint8(1), view.getUint8(2)) as Dtype;
  const type = arrayTypes[dtype];
  if (!type) throw new TypeError(`unknown dtype ${dtype}`);
  const dimensions = view.getUint8(3);
  const shape = Array.from({ length: dimensions }, (_, at) => view.getUint32(4 + 4 * at));
  const end = 4 + 4 * dimensions;
  const bytes = view.getUint8(0) === 1 ? ext.subarray(end) : rawBuffer(view.getUint32(end));
  const count = shape.reduce((product, length) => product * length, 1);
  if (count * type.BYTES_PER_ELEMENT !== bytes.length) {
    throw new RangeError(
      `an array of shape [${shape.join(", ")}] and dtype ${dtype} cannot have ${bytes.length} bytes`,
    );
  }
  const isAligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0;
  const aligned = isAligned ? bytes : new Uint8Array(bytes);
  const data = new type(aligned.buffer as ArrayBuffer, aligned.byteOffset, count);
  return shape.length === 1 ? data : new NdArray(shape, data);
}

function rawBuffer(index: number): Uint8Array {
  const buffer = current?.buffers[index];
  if (!buffer) throw new RangeError(`there is no raw buffer ${index}`);
  return buffer;
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes arrive as a Buffer from wherever they came, as short ones do that stood inside the MessagePack. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function refusal(path: readonly (string | number)[], what: string): ActorError {
  const where = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("");
  return new ActorError(
    "not_serialisable",
    `value${where} is ${what}, which cannot travel. Send plain data, arrays of numbers or handles.`,
  );
}

/** A copy with its own memory: msgpackr hands out slices of a pool that it goes on writing to. */
function own(bytes: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes);
}

// --- envelopes ------------------------------------------------------------------------------------------------

/** Frames as they travel: one MessagePack body and the raw buffers behind it. A socket puts the header before them. */
export interface Frames {
  body: Uint8Array;
  buffers: Uint8Array[];
}

/** Packs a batch of envelopes: the body is a list of positional lists, each beginning with its kind. */
export function packEnvelopes(envelopes: readonly Envelope[]): Frames {
  const buffers: Uint8Array[] = [];
  const lists = envelopes.map((envelope) => toList(envelope, buffers));
  return { body: own(packr.pack(lists)), buffers };
}

/**
 * The reverse of `packEnvelopes`. Fields that a later minor version appends are ignored.
 * @throws ActorError `protocol_error` for an unknown kind or a body that is no list of envelopes
 */
export function unpackEnvelopes(frames: Frames): Envelope[] {
  let at = 0;
  const take = (count: unknown): Uint8Array[] => {
    if (typeof count !== "number" || at + count > frames.buffers.length) throw malformed("more buffers than frames");
    at += count;
    return frames.buffers.slice(at - count, at);
  };
  let lists: unknown;
  try {
    lists = packr.unpack(frames.body);
  } catch (error) {
    throw malformed("a body that is no MessagePack", error);
  }
  if (!Array.isArray(lists)) throw malformed("a body that is no list");
  return lists.map((list: unknown) => {
    if (!Array.isArray(list)) throw malformed("an envelope that is no list");
    return fromList(list, take);
  });
}

function toList(envelope: Envelope, buffers: Uint8Array[]): unknown[] {
  const put = (payload: Payload): [Uint8Array, number] => {
    buffers.push(...payload.buffers);
    return [payload.bytes, payload.buffers.length];
  };
  switch (envelope.kind) {
    case kinds.hello:
    case kinds.welcome: {
      const { kind, peer, incarnation, role, lastSeq, token } = envelope;
      return [kind, peer, incarnation, role, lastSeq, token];
    }
    case kinds.ping:
    case kinds.pong:
      return [envelope.kind, envelope.sentMs, envelope.lagMs];
    case kinds.goodbye:
      return [envelope.kind, envelope.reason];
    case kinds.call: {
      const { kind, id, target, method, args, deadlineMs, credit, from, lane, priority, chain, sentMs } = envelope;
      const list: unknown[] = [kind, id, target, method, ...put(args), deadlineMs, credit, from];
      if (lane !== null || priority !== 0 || chain !== null || sentMs !== null) {
        list.push(lane, priority, chain, sentMs);
      }
      return list;
    }
    case kinds.result: {
      const { kind, id, status, value, queueUs, runUs } = envelope;
      return [kind, id, status, ...put(value), queueUs, runUs];
    }
    case kinds.cancel:
      return [envelope.kind, envelope.id, envelope.reason];
    case kinds.items:
      return [envelope.kind, envelope.id, envelope.firstSeq, ...put(envelope.values)];
    case kinds.credit:
      return [envelope.kind, envelope.id, envelope.items];
    case kinds.end:
      return [envelope.kind, envelope.id, envelope.count, ...put(envelope.error)];
  }
}

// biome-ignore lint/suspicious/noExplicitAny: fields come from outside and are checked where they are used
function fromList(list: any[], take: (count: unknown) => Uint8Array[]): Envelope {
  const payload = (at: number): Payload => {
    if (!(list[at] instanceof Uint8Array)) throw malformed("a payload that is no bytes");
    return { bytes: list[at], buffers: take(list[at + 1]) };
  };
  const kind = list[0] as Envelope["kind"];
  switch (kind) {
    case kinds.hello:
    case kinds.welcome:
      return { kind, peer: list[1], incarnation: list[2], role: list[3], lastSeq: list[4], token: list[5] };
    case kinds.ping:
    case kinds.pong:
      return { kind, sentMs: list[1], lagMs: list[2] };
    case kinds.goodbye:
      return { kind, reason: list[1] };
    case kinds.call: {
      const args = payload(4);
      return {
        kind,
        id: list[1],
        target: list[2],
        method: list[3],
        args,
        deadlineMs: list[6] ?? null,
        credit: list[7],
        from: list[8],
        lane: list[9] ?? null,
        priority: list[10] ?? 0,
        chain: list[11] ?? null,
        sentMs: list[12] ?? null,
      };
    }
    case kinds.result:
      return { kind, id: list[1], status: list[2], value: payload(3), queueUs: list[5], runUs: list[6] };
    case kinds.cancel:
      return { kind, id: list[1], reason: list[2] };
    case kinds.items:
      return { kind, id: list[1], firstSeq: list[2], values: payload(3) };
    case kinds.credit:
      return { kind, id: list[1], items: list[2] };
    case kinds.end:
      return { kind, id: list[1], count: list[2], error: payload(3) };
    default:
      throw malformed(`an envelope of unknown kind ${String(kind)}`);
  }
}

function malformed(what: string, cause?: unknown): ActorError {
  return new ActorError("protocol_error", `a peer sent ${what}. It speaks another protocol or another version of it.`, {
    cause,
  });
}

// --- header ---------------------------------------------------------------------------------------------------

export const headerBytes = 24;
export const protocolMajor = 1;
const magic = 0xac70;
const flags = { batch: 1 };

/** The first frame of every socket message, big-endian; a router or a fault injector reads nothing else. */
export interface Header {
  /** Kind of the only envelope, or 0 for a batch. */
  kind: number;
  bufferCount: number;
  /** Sequence number on this lane; 0 for what opens or probes a link and is never sent again. */
  seq: number;
  /** The last sequence number received in order. */
  ack: number;
  /** Which life of the sender this is. */
  incarnation: string;
}

export function packHeader(header: Header): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, magic);
  view.setUint8(2, protocolMajor);
  view.setUint8(3, header.kind);
  view.setUint16(4, header.kind === 0 ? flags.batch : 0);
  view.setUint16(6, header.bufferCount);
  view.setUint32(8, header.seq);
  view.setUint32(12, header.ack);
  view.setBigUint64(16, BigInt(`0x${header.incarnation}`));
  return bytes;
}

/** @throws ActorError `protocol_error` if these bytes are no header, or one of another major version */
export function unpackHeader(bytes: Uint8Array): Header {
  if (bytes.length !== headerBytes) throw malformed(`a header of ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  if (view.getUint16(0) !== magic) throw malformed("a header without our magic");
  if (view.getUint8(2) !== protocolMajor) throw malformed(`protocol version ${view.getUint8(2)}, not ${protocolMajor}`);
  return {
    kind: view.getUint8(3),
    bufferCount: view.getUint16(6),
    seq: view.getUint32(8),
    ack: view.getUint32(12),
    incarnation: view.getBigUint64(16).toString(16).padStart(16, "0"),
  };
}
