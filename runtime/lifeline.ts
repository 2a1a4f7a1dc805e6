// The stdin of an actor host's process, held by a thread of its own: its end means that the node is gone or wants us gone.
// An actor may block the main thread for good; this thread still sees the end, and then ends the whole process.
import { Socket } from "node:net";
import { extname } from "node:path";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

/** The main thread has this long to end by itself. */
const graceMs = 1000;

/** Calls back with the first line, and once more when stdin has ended. Nobody else may read stdin. */
export function holdLifeline(onLine: (line: string) => void, onEnd: () => void): void {
  const thread = new Worker(new URL(`./lifeline${extname(import.meta.url)}`, import.meta.url));
  thread.on("message", (line: string | null) => (line === null ? onEnd() : onLine(line)));
}

function watch(port: NonNullable<typeof parentPort>): void {
  const stdin = new Socket({ fd: 0, readable: true, writable: false });
  let text: string | undefined = "";
  stdin.setEncoding("utf8").on("data", (more: string) => {
    if (text === undefined) return;
    text += more;
    const end = text.indexOf("\n");
    if (end < 0) return;
    port.postMessage(text.slice(0, end));
    text = undefined;
  });
  stdin.on("close", () => {
    port.postMessage(null);
    setTimeout(() => process.kill(process.pid, "SIGKILL"), graceMs);
  });
  stdin.on("error", () => {}); // "close" follows
}

if (!isMainThread && parentPort) watch(parentPort);
