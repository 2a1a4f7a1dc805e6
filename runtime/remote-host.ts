// An actor host in a process of its own, Node's or Python's, as its node sees it: a process and a link to it.
// Both kinds speak the same wire and obey the same control words; only the command line differs.
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Handle } from "./handle.ts";
import type { HostControl } from "./host.ts";
import type { HostLink } from "./host-link.ts";
import type { Link } from "./link.ts";
import { type OsProcess, startProcess } from "./process.ts";
import { type PythonOptions, pythonCommand } from "./python.ts";
import type { Endpoints } from "./socket.ts";

/** What a host reads from stdin before anything else. */
export interface HostBoot {
  /** Its name as a peer: `node-a/python-1`. */
  peer: string;
  /** The node that it belongs to, and where that listens. */
  parent: string;
  endpoints: Endpoints;
  token: string;
}

export interface RemoteHostOptions {
  placement: "process" | "python";
  boot: HostBoot;
  python: PythonOptions;
  onLine: (line: string) => void;
  /** Resolves when the host has opened its link to us. */
  linkUp: Promise<Link>;
  /** The host's control words, as calls over that link. */
  control: (link: Link) => Handle<HostControl>;
  /** Aborted when nobody wants it any more: the process is killed. */
  signal: AbortSignal;
}

const stopGraceMs = 10_000;

/**
 * Starts the process and waits until it has said HELLO.
 * Rejects with what the process said last if it ends before, or with the signal's reason; no process is left then.
 */
export async function startRemoteHost(options: RemoteHostOptions): Promise<HostLink> {
  const { boot, placement, signal } = options;
  signal.throwIfAborted();
  const process = launch(options);
  const label = `${boot.peer} (pid ${process.pid})`;
  let onAbort = () => {};
  const calledOff = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      process.kill();
      void process.ended.then(() => reject(signal.reason));
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
  const died = process.ended.then((how) => {
    if (!signal.aborted) throw new Error(`${label} ended before it said HELLO: ${how}${cureOf(how)}`);
    return calledOff;
  });
  died.catch(() => {});
  let killedFor: string | undefined;
  try {
    const link = await Promise.race([options.linkUp, died, calledOff]);
    const control = options.control(link);
    return {
      label,
      placement,
      channel: link,
      control: {
        spawnActor: (spec) => control.with({ deadlineMs: null }).spawnActor(spec), // whoever asks has a limit
        stopActor: (name, reason, graceMs) =>
          control.with({ deadlineMs: graceMs + stopGraceMs }).stopActor(name, reason, graceMs),
        callOff: (birth, reason) => control.callOff(birth, reason),
        reports: () => control.reports(),
        recent: (name) => control.recent(name),
        describe: (name) => control.describe(name),
        evaluate: (name, expression, how) => control.evaluate(name, expression, how),
        stack: () => control.stack(),
      },
      ended: process.ended.then((how) => killedFor ?? how),
      kill(reason) {
        killedFor ??= reason;
        process.kill();
      },
      close: () => process.stop(stopGraceMs),
    };
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** The commonest reason by far for which a Python ends at once. */
function cureOf(how: string): string {
  return how.includes("ModuleNotFoundError")
    ? "\nThis Python lacks a package: npm run setup makes one that has them all, or name another in ITERANT_PYTHON."
    : "";
}

const pythonMissing = "Install Python 3.11 or newer, or name an interpreter in ITERANT_PYTHON.";

function launch({ placement, boot, python, onLine }: RemoteHostOptions): OsProcess {
  if (placement === "python")
    return startProcess({ label: boot.peer, ...pythonCommand(python), boot, onLine, ifMissing: pythonMissing });
  const entry = fileURLToPath(new URL(`./process-host${extname(import.meta.url)}`, import.meta.url));
  return startProcess({
    label: boot.peer,
    file: process.execPath,
    args: ["--enable-source-maps", entry],
    boot,
    onLine,
  });
}
