// A way for envelopes between two parties, whatever carries them: a thread's port, a socket, or nothing but a function call.
// Coalesces what is sent in one go into one batch; knows neither what the envelopes mean nor who else is there.
import type { MessagePort } from "node:worker_threads";
import { packEnvelopes, unpackEnvelopes } from "./codec.ts";
import type { Envelope } from "./envelope.ts";

export interface Channel {
  /** For messages to people: `thread 2`, `node-b`. */
  readonly label: string;
  /** Never throws; after `close` it does nothing. */
  send(envelope: Envelope): void;
  close(): void;
}

/** Called once an envelope, in order, from the event loop's turn that brought it; must not throw. */
export type Receive = (envelope: Envelope) => void;

/** More than this in one batch gains nothing (measured: 64 give most of the gain) and would delay what comes after. */
const maxBatch = 256;

/** Collects what is sent until the running turn of the event loop is over. No timer: a lone call waits for nobody. */
export class Outbox {
  readonly #flush: (batch: Envelope[]) => void;
  #batch: Envelope[] = [];

  constructor(flush: (batch: Envelope[]) => void) {
    this.#flush = flush;
  }

  push(envelope: Envelope): void {
    if (this.#batch.push(envelope) === 1) queueMicrotask(() => this.flush());
    else if (this.#batch.length >= maxBatch) this.flush();
  }

  flush(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#flush(batch);
  }
}

/** Handing memory over costs more than copying less than this (measured). */
const transferFromBytes = 16_384;

/** Over a MessagePort, in the same bytes as over a socket; memory is handed over, not copied. */
export function openPortChannel(label: string, port: MessagePort, receive: Receive): Channel {
  const outbox = new Outbox((batch) => {
    const { body, buffers } = packEnvelopes(batch);
    if (buffers.length === 0 && body.length < transferFromBytes) {
      port.postMessage([body]);
      return;
    }
    const message = [body, ...buffers.map(withOwnMemory)];
    port.postMessage(
      message,
      message.map((bytes) => bytes.buffer as ArrayBuffer),
    );
  });
  port.on("message", ([body, ...buffers]: Uint8Array[]) => {
    for (const envelope of unpackEnvelopes({ body: body!, buffers })) receive(envelope);
  });
  return { label, send: (envelope) => outbox.push(envelope), close: () => port.close() };
}

/** Within one isolate: delivered in a later microtask, so that sender and receiver never run inside each other. */
export function openLocalChannel(label: string, receive: Receive): Channel {
  const outbox = new Outbox((batch) => {
    for (const envelope of batch) receive(envelope);
  });
  return { label, send: (envelope) => outbox.push(envelope), close() {} };
}

function withOwnMemory(bytes: Uint8Array): Uint8Array {
  const isWhole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return isWhole ? bytes : Uint8Array.prototype.slice.call(bytes);
}
