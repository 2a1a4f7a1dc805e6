// What is around a sandbox under test: things to be stolen, doors to be knocked at, and an account of what is left.
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outside } from "./hostile/program.ts";

/** Without it there is nothing to test but Landlock; the checks install it. */
export const hasBubblewrap = spawnSync("bwrap", ["--version"]).status === 0;

export interface OutsideWorld extends Outside {
  /** Everything that came through one of the doors. */
  readonly visitors: string[];
  /** The whole content of the folders, as text. */
  content(): string;
  close(): void;
}

export async function makeOutside(nonce: string): Promise<OutsideWorld> {
  // Not in /tmp: the launcher hides that from itself, and what nobody can reach proves nothing.
  const root = mkdtempSync(join(existsSync("/var/tmp") ? "/var/tmp" : tmpdir(), "outside-"));
  const [answers, data, folder, socketFile] = ["answers.csv", "data", "open", "door"].map((name) =>
    join(root, name),
  ) as [string, string, string, string];
  mkdirSync(data);
  mkdirSync(folder);
  writeFileSync(join(data, "train.csv"), "id,label\n");
  writeFileSync(answers, nonce);
  for (const [path, mode] of [
    [root, 0o755],
    [data, 0o755],
    [folder, 0o777],
  ] as const) {
    chmodSync(path, mode);
  }
  const visitors: string[] = [];
  const abstractName = `door-${nonce}`;
  const tcp = createServer(() => visitors.push("tcp")).listen(0, "127.0.0.1");
  const abstract = createServer(() => visitors.push("abstract")).listen(`\0${abstractName}`);
  const file = createServer(() => visitors.push("file")).listen(socketFile);
  const udp = createSocket("udp4", () => visitors.push("udp")).bind(0, "127.0.0.1");
  await Promise.all([tcp, abstract, file, udp].map((door) => once(door, "listening")));
  chmodSync(socketFile, 0o777);
  return {
    answers,
    data,
    folder,
    nonce,
    tcpPort: (tcp.address() as AddressInfo).port,
    udpPort: udp.address().port,
    abstractName,
    socketFile,
    pid: process.pid,
    visitors,
    content: () =>
      [folder, data]
        .flatMap((one) => readdirSync(one).map((name) => `${name}: ${readFileSync(join(one, name))}`))
        .join(),
    close() {
      for (const door of [tcp, abstract, file]) door.close();
      udp.close();
      rmSync(root, { recursive: true });
    },
  };
}

/** What a sandbox could leave behind on this machine. */
export interface Stock {
  processes: string[];
  descriptors: number;
  mounts: number;
  groups: string[];
}

export function takeStock(marks: readonly string[]): Stock {
  return {
    processes: processesWith(marks),
    descriptors: readdirSync("/proc/self/fd").length,
    mounts: readFileSync("/proc/self/mountinfo", "utf8").match(/ - tmpfs (stage|work|temporary|shared) /g)?.length ?? 0,
    groups: groupsLeft(),
  };
}

/** What there is that was not there before; other tests may have tidied up meanwhile. */
export function whatIsNew(before: Stock, after: Stock): string[] {
  return [
    ...after.processes.filter((one) => !before.processes.includes(one)).map((pid) => `process ${pid}`),
    ...after.groups.filter((one) => !before.groups.includes(one)),
    ...(after.descriptors > before.descriptors ? [`${after.descriptors - before.descriptors} descriptors`] : []),
    ...(after.mounts > before.mounts ? [`${after.mounts - before.mounts} mounts`] : []),
  ];
}

/** Those with one of the marks in their environment; root can read them all. */
function processesWith(marks: readonly string[]): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        return marks.some((mark) => environment.includes(mark));
      } catch {
        return false; // ended, or somebody else's
      }
    });
}

/** Control groups and folders named for a launcher that is gone. */
function groupsLeft(): string[] {
  const cgroups = readdirSync("/sys/fs/cgroup", { recursive: false, encoding: "utf8" }).map((name) =>
    join("/sys/fs/cgroup", name),
  );
  return [...cgroups, tmpdir()]
    .flatMap((folder) => {
      try {
        return readdirSync(folder).map((name) => join(folder, name));
      } catch {
        return []; // a file, not a folder
      }
    })
    .filter((path) => /\/iterant-sandbox-/.test(path))
    .filter((path) => !isRunning(path.split("-").at(-2)!));
}

function isRunning(pid: string): boolean {
  return readdirSync("/proc").includes(pid);
}

/** A copy of the Python package where every user of this machine can read it. */
export function publicPackage(source: string): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "package-"));
  chmodSync(path, 0o755);
  cpSync(join(source, "iterant/sandbox"), join(path, "iterant/sandbox"), { recursive: true, preserveTimestamps: true });
  return { path, remove: () => rmSync(path, { recursive: true }) };
}
