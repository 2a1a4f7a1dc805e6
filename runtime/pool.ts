// The pool of threads that hold actors; the door to piscina.
// A thread host is one long task: its promise is the thread's life, its AbortSignal kills it.
import { extname } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import { openPortChannel, type Receive } from "./channel.ts";
import type { HostLink } from "./host-link.ts";
import { controlThread, type ThreadTask } from "./thread.ts";

/** Enough for every machine; a thread costs 8 MB and 25 ms (measured), so the node asks for few. */
const maxThreads = 1024;

/** A thread whose actors have stopped ends at once, unless something in it never yields. */
const closeGraceMs = 1000;

export class ThreadPool {
  readonly #piscina: Piscina;

  constructor() {
    this.#piscina = new Piscina({
      filename: new URL(`./thread${extname(import.meta.url)}`, import.meta.url).href,
      minThreads: 0,
      maxThreads,
      concurrentTasksPerWorker: 1,
      atomics: "disabled", // a thread that waits in Atomics.wait would run no event loop
      idleTimeout: 0, // a used thread keeps its modules' state: the next host gets a fresh one
      recordTiming: false,
      trackUnmanagedFds: false, // native code opens what JavaScript closes (a pseudo-terminal): Node would warn of each
    });
  }

  /** Starts a thread that hosts actors; usable at once, since ports keep what is sent until the thread listens. */
  start(label: string, callerName: string, receive: Receive): HostLink {
    const calls = new MessageChannel();
    const control = new MessageChannel();
    const killer = new AbortController();
    const task: ThreadTask = { name: callerName, calls: calls.port2, control: control.port2 };
    const life = this.#piscina.run(task, { signal: killer.signal, transferList: [calls.port2, control.port2] });
    let killedFor: string | undefined;
    const ended = life.then(
      () => "it was closed",
      (error: Error) => killedFor ?? (error.message || error.name),
    );
    calls.port1.unref();
    control.port1.unref();
    return {
      label,
      placement: "thread",
      channel: openPortChannel(label, calls.port1, receive),
      control: controlThread(callerName, control.port1, ended),
      ended,
      kill(reason) {
        killedFor ??= reason;
        killer.abort();
      },
      async close() {
        control.port1.close();
        const timer = setTimeout(() => killer.abort(), closeGraceMs);
        await ended;
        clearTimeout(timer);
        calls.port1.close();
      },
    };
  }

  async close(): Promise<void> {
    await this.#piscina.destroy();
  }
}
