// A floor: a thread that gives every message back over a bare port, nothing in between.
import { isMainThread, parentPort, Worker } from "node:worker_threads";

/** An echo with nothing of ours in between. */
export interface RawEcho {
  /** For the name of a figure. */
  readonly label: string;
  /** Echoes per second with so many messages of so many bytes in flight. */
  rate(count: number, inFlight: number, bytes: number): Promise<number>;
  close(): Promise<void>;
}

/** Starts the thread. Bytes are copied at each hop, as in our calls. */
export function startRawPort(): RawEcho {
  const thread = new Worker(new URL(import.meta.url));
  return {
    label: "raw postMessage",
    async rate(count, inFlight, bytes) {
      const message = new Uint8Array(bytes);
      const beganMs = performance.now();
      await new Promise<void>((resolve) => {
        let received = 0;
        const onMessage = () => {
          received += 1;
          if (received + inFlight <= count) thread.postMessage(message);
          if (received < count) return;
          thread.off("message", onMessage);
          resolve();
        };
        thread.on("message", onMessage);
        for (let at = 0; at < inFlight; at += 1) thread.postMessage(message);
      });
      return (count * 1000) / (performance.now() - beganMs);
    },
    async close() {
      await thread.terminate();
    },
  };
}

if (!isMainThread) parentPort!.on("message", (message) => parentPort!.postMessage(message));
