// Further nodes, started and joined: processes on this host, or over ssh on others.
// Each holds our end of its stdin: when we end, however we end, it reads end-of-file and ends too, also over ssh.
import { networkInterfaces } from "node:os";
import { fileURLToPath } from "node:url";
import { makeKeys, type Node, type OsProcess, startProcess } from "../../runtime/index.ts";
import { exitCodes, Failure } from "../failure.ts";
import type { MemberBoot } from "./member.ts";

/** Where a member runs. */
export type Place = { kind: "local" } | { kind: "ssh"; host: string; folder: string; sshOptions: string[] };

const entry = fileURLToPath(new URL("./member.js", import.meta.url));
const root = fileURLToPath(new URL("../../../", import.meta.url));
const joinDeadlineMs = 60_000;
const stopGraceMs = 8000;

/**
 * Starts a node at each place and waits until all have joined.
 * Rejects with what the first that did not join said last; those that did are stopped again.
 */
export async function startMembers(
  head: Node,
  headPublicKey: string,
  places: readonly Place[],
  onLine: (line: string) => void,
): Promise<{ close(): Promise<void> }> {
  const started: OsProcess[] = [];
  const close = async () => {
    await Promise.all(started.map((process) => process.stop(stopGraceMs)));
  };
  try {
    await Promise.all(
      places.map(async (place, index) => {
        const keys = makeKeys();
        head.allow(keys.publicKey);
        const name = `node-${String.fromCharCode("b".charCodeAt(0) + index)}`;
        const boot: MemberBoot = {
          name,
          keys,
          head: { name: head.name, endpoints: head.endpoints!, publicKey: headPublicKey },
          labels: { environments: "yes" },
        };
        const process = start(place, name, boot, onLine);
        started.push(process);
        await joined(head, name, place, process);
        void process.ended.then((how) => head.giveUp(name, `its process has ended: ${how}`)); // sooner than by silence
      }),
    );
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

function start(place: Place, name: string, boot: MemberBoot, onLine: (line: string) => void): OsProcess {
  const common = { label: name, boot, onLine: (line: string) => onLine(`${name}: ${line}`) };
  if (place.kind === "local") return startProcess({ ...common, file: process.execPath, args: [entry] });
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  // The remote shell only hands over: node inherits the channel, whose end is the end of its stdin.
  const command = `cd ${quoted(place.folder)} && ITERANT_PYTHON="\${ITERANT_PYTHON:-$PWD/.venv/bin/python}" exec node dist/tools/launch/member.js`;
  return startProcess({
    ...common,
    file: "ssh",
    args: ["-o", "BatchMode=yes", "-o", "ServerAliveInterval=5", ...place.sshOptions, place.host, command],
  });
}

async function joined(head: Node, name: string, place: Place, process: OsProcess): Promise<void> {
  const where = place.kind === "local" ? "on this host" : `on ${place.host}`;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new Failure(
            exitCodes.failed,
            `${name} ${where} did not join within ${joinDeadlineMs / 1000} s. Can it reach ${head.endpoints!.ctl}?`,
          ),
        ),
      joinDeadlineMs,
    );
  });
  const died = process.ended.then((how) => {
    throw new Failure(exitCodes.failed, `${name} ${where} ended before it joined: ${how}. ${cureOf(place)}`);
  });
  died.catch(() => {});
  try {
    await Promise.race([head.member(name), died, late]);
  } finally {
    clearTimeout(timer);
  }
}

function cureOf(place: Place): string {
  if (place.kind === "local") return "Its last words stand above.";
  return `Try: ssh ${place.host} node --version; Iterant must lie built at ${place.folder} there.`;
}

/** An address of this host that others can reach: the first that is not loopback. */
export function publicAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  return found?.address ?? "127.0.0.1";
}

/** The folder of this installation; where other hosts are looked for it unless told otherwise. */
export const installationFolder = root.replace(/\/$/, "");
