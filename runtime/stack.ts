// Where a thread of this process is at this moment, even one that never yields: V8's inspector interrupts it for a look.
// The thread stands still for a few milliseconds and goes on; no port is opened.
import type { NodeWorker } from "node:inspector";
import { Session } from "node:inspector/promises";

/** A thread says who it is under this name, in its own global scope. */
const labelKey = "__iterantThread";
const answerDeadlineMs = 1000;
/** A thread that runs nothing does not stop either: then there is no stack. */
const pauseDeadlineMs = 1000;

/** Called once in a thread, so that `stackOfThread` finds it. */
export function labelThread(label: string): void {
  Object.defineProperty(globalThis, labelKey, { value: label, configurable: true });
}

/** Looks take turns: a thread can be held by one only. */
let last: Promise<unknown> = Promise.resolve();

/**
 * What the thread runs, innermost first, as `method (file:line)`; empty if it runs nothing or is not here.
 * Never rejects for what the thread does.
 */
export function stackOfThread(label: string): Promise<string[]> {
  const mine = last.then(() => look(label));
  last = mine.catch(() => {});
  return mine;
}

async function look(label: string): Promise<string[]> {
  const session = new Session();
  session.connect();
  try {
    for (const thread of await threadsOf(session)) {
      const answer = await thread.ask("Runtime.evaluate", { expression: `globalThis.${labelKey}` });
      if ((answer as Evaluated | undefined)?.result.value === label) return await thread.stack();
    }
    return [];
  } finally {
    session.disconnect();
  }
}

async function threadsOf(session: Session): Promise<Thread[]> {
  const threads = new Map<string, Thread>();
  session.on("NodeWorker.attachedToWorker", ({ params }) => {
    threads.set(params.sessionId, new Thread(session, params.sessionId));
  });
  session.on("NodeWorker.receivedMessageFromWorker", ({ params }) => {
    threads.get(params.sessionId)?.hear(JSON.parse(params.message) as Message);
  });
  await session.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
  return [...threads.values()];
}

type Evaluated = { result: { value?: unknown } };
type CallFrame = { functionName: string; location: { scriptId: string; lineNumber: number } };
type Message = { id?: number; method?: string; result?: unknown; params?: unknown };

/** The inspector of one thread, reached through ours. */
class Thread {
  readonly #session: Session;
  readonly #sessionId: NodeWorker.SessionID;
  readonly #answers = new Map<number, (result: unknown) => void>();
  /** Script ids to files: frames know only the id. */
  readonly #files = new Map<string, string>();
  #nextId = 1;
  #onPaused: ((frames: CallFrame[]) => void) | undefined;

  constructor(session: Session, sessionId: NodeWorker.SessionID) {
    this.#session = session;
    this.#sessionId = sessionId;
  }

  /** Undefined from a thread that is deep in native code and cannot be interrupted. */
  async ask(method: string, params: object = {}): Promise<unknown> {
    const id = this.#nextId++;
    const message = JSON.stringify({ id, method, params });
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise((resolve) => {
      this.#answers.set(id, resolve);
      timer = setTimeout(() => resolve(undefined), answerDeadlineMs);
    });
    await this.#session.post("NodeWorker.sendMessageToWorker", { sessionId: this.#sessionId, message });
    const result = await answer;
    clearTimeout(timer);
    this.#answers.delete(id);
    return result;
  }

  hear({ id, method, result, params }: Message): void {
    if (id !== undefined) this.#answers.get(id)?.(result);
    else if (method === "Debugger.scriptParsed") {
      const { scriptId, url } = params as { scriptId: string; url: string };
      this.#files.set(scriptId, url);
    } else if (method === "Debugger.paused") this.#onPaused?.((params as { callFrames: CallFrame[] }).callFrames);
  }

  async stack(): Promise<string[]> {
    let timer: NodeJS.Timeout | undefined;
    const paused = new Promise<CallFrame[]>((resolve) => {
      this.#onPaused = resolve;
      timer = setTimeout(() => resolve([]), pauseDeadlineMs);
    });
    await this.ask("Debugger.enable");
    try {
      await this.ask("Debugger.pause");
      const frames = (await paused).map(({ functionName, location }) => {
        const file = this.#files.get(location.scriptId) ?? "";
        return { functionName, file, line: location.lineNumber + 1 };
      });
      return frames.filter(({ file }) => isOfActors(file)).map(toLine);
    } finally {
      clearTimeout(timer);
      await this.ask("Debugger.disable"); // also goes on, and takes back a pause that has not come yet
    }
  }
}

const runtimeFolder = new URL(".", import.meta.url).href;

/** Neither Node's own code nor ours. */
function isOfActors(file: string): boolean {
  return !file.startsWith("node:") && !file.startsWith(runtimeFolder);
}

function toLine({ functionName, file, line }: { functionName: string; file: string; line: number }): string {
  return `${functionName || "(anonymous)"} (${file.replace("file://", "")}:${line})`;
}
