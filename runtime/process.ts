// Operating-system processes: start, watch, stop; the door to execa.
// Every child holds the other end of its stdin: when we end, however we end, it reads end-of-file and ends too.
import { execa } from "execa";
import { ActorError } from "./errors.ts";

export interface ProcessOptions {
  /** For messages to people: `python learner`. */
  label: string;
  file: string;
  args: string[];
  env?: Record<string, string>;
  cwd?: string;
  /** Written to stdin as one line of JSON; keys and tokens go this way and never through argv. */
  boot?: unknown;
  /** What to do if there is no such program. */
  ifMissing?: string;
  onLine?: (line: string, stream: "stdout" | "stderr") => void;
}

export interface OsProcess {
  readonly label: string;
  readonly pid: number;
  /** Resolves once with how it ended, and its last lines if it did not end well. */
  readonly ended: Promise<string>;
  /** Asks it to end by closing its stdin, then by SIGTERM, then kills it and all its children. */
  stop(graceMs: number): Promise<void>;
  /** SIGKILL, at once, to it and all its children. */
  kill(): void;
}

const maxLastLines = 50;
const shownLines = 12;

/**
 * Starts a process in a group of its own, so that Ctrl-C in a terminal reaches us first and it is stopped in order.
 * @throws ActorError `process_failed` if there is no such program
 */
export function startProcess(options: ProcessOptions): OsProcess {
  const child = execa(options.file, options.args, {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    buffer: false,
    reject: false,
    detached: true,
    cleanup: false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const { pid } = child;
  if (pid === undefined) {
    child.catch(() => {});
    throw new ActorError(
      "process_failed",
      `${options.label} cannot be started: no program ${options.file}. ${options.ifMissing ?? "Install it or name another."}`,
    );
  }
  const lastLines: string[] = [];
  const follow = async (stream: "stdout" | "stderr") => {
    for await (const line of child.iterable({ from: stream })) {
      lastLines.push(line);
      if (lastLines.length > maxLastLines) lastLines.shift();
      options.onLine?.(line, stream);
    }
  };
  const read = Promise.allSettled([follow("stdout"), follow("stderr")]);
  child.stdin.on("error", () => {}); // it ended before it read: `ended` says so
  if (options.boot !== undefined) child.stdin.write(`${JSON.stringify(options.boot)}\n`);
  const ended = (async () => {
    const result = await child;
    await read;
    const how = result.signal ? `killed by ${result.signal}` : `exit code ${result.exitCode ?? "unknown"}`;
    if (result.exitCode === 0 || lastLines.length === 0) return how;
    return `${how}; it said last:\n${lastLines.slice(-shownLines).join("\n")}`;
  })();
  const kill = () => killGroup(pid, "SIGKILL");
  return {
    label: options.label,
    pid,
    ended,
    kill,
    async stop(graceMs) {
      child.stdin.end();
      const isOver = await within(ended, graceMs / 2);
      if (!isOver) killGroup(pid, "SIGTERM");
      if (!(await within(ended, graceMs / 2))) kill();
      await ended;
    },
  };
}

async function within(ended: Promise<string>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  const inTime = ended.then(() => true);
  const result = await Promise.race([inTime, late]);
  clearTimeout(timer);
  return result;
}

/** The whole group, and the process itself where it has no group any more. A process that is gone is fine. */
function killGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}
