// The machine itself: Node, cores, memory, disk, shared memory, open files, and the sockets between nodes.
import { accessSync, constants, existsSync, readFileSync, statfsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";
import { dirname } from "node:path";
import { makeKeys } from "../../runtime/index.ts";
import { runsFolder } from "../run-folder.ts";
import { ask } from "./ask.ts";
import { broken, type Finding, missing, ok } from "./finding.ts";

const nodeFloor = [20, 19] as const;
const gibibyte = 2 ** 30;
/** The tiny model's whole run takes about half of it. */
const leastMemory = 2 * gibibyte;
const leastDisk = gibibyte;
/** What Docker gives a container that nobody asked for more; a model of any size has no room in it. */
const leastShared = 64 * 2 ** 20;
const leastFiles = 1024;

export async function examineMachine(): Promise<Finding[]> {
  return [node(), sockets(), curve(), cores(), memory(), disk(), shared(), await openFiles()];
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isOld = major < nodeFloor[0] || (major === nodeFloor[0] && minor < nodeFloor[1]);
  const floor = nodeFloor.join(".");
  return isOld
    ? broken("node", "needed", `${process.versions.node}; ${floor} or newer is needed`, "install a newer Node")
    : ok("node", "needed", process.versions.node);
}

/** That it loads is certain: this very program is built on it. */
function sockets(): Finding {
  const file = createRequire(import.meta.url).resolve("zeromq/package.json");
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
  return ok("zeromq", "needed", version);
}

/** Without it nodes may only speak within one machine. */
function curve(): Finding {
  try {
    makeKeys();
    return ok("curve", "optional", "encrypted sockets between nodes");
  } catch (error) {
    return missing(
      "curve",
      "optional",
      (error as Error).message,
      "reinstall zeromq; only runs on several nodes need it",
    );
  }
}

function cores(): Finding {
  return ok("cores", "needed", String(availableParallelism()));
}

function memory(): Finding {
  const limit = process.constrainedMemory();
  const total = limit > 0 && limit < totalmem() ? limit : totalmem();
  const value = `${sizeOf(total)}, ${sizeOf(process.availableMemory())} free`;
  return total < leastMemory
    ? broken("memory", "needed", value, `give it ${sizeOf(leastMemory)} or more`)
    : ok("memory", "needed", value);
}

function disk(): Finding {
  const runs = runsFolder();
  const folder = nearestThatExists(runs);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const value = `${sizeOf(free)} free for ${runs}`;
  const cure = "free some space there, or name another folder in ITERANT_RUNS";
  if (!isWritable(folder)) return broken("disk", "needed", `${folder} cannot be written to`, cure);
  return free < leastDisk ? broken("disk", "needed", value, cure) : ok("disk", "needed", value);
}

function shared(): Finding {
  const folder = "/dev/shm";
  const without = "weights travel through the run's folder instead";
  if (!existsSync(folder)) return missing("shared memory", "optional", `no ${folder}`, `none needed: ${without}`);
  const { bavail, blocks, bsize } = statfsSync(folder);
  const value = `${sizeOf(blocks * bsize)}, ${sizeOf(bavail * bsize)} free`;
  if (!isWritable(folder)) return broken("shared memory", "optional", `${folder} cannot be written to`, without);
  return bavail * bsize <= leastShared
    ? broken(
        "shared memory",
        "optional",
        value,
        `free some, or give the container more (--shm-size=8g); else ${without}`,
      )
    : ok("shared memory", "optional", value);
}

async function openFiles(): Promise<Finding> {
  const { stdout, code } = await ask("/bin/sh", ["-c", "ulimit -n"]);
  const text = stdout.trim();
  if (code !== 0) return broken("open files", "needed", "the limit cannot be read", "see that /bin/sh runs");
  return text !== "unlimited" && Number(text) < leastFiles
    ? broken("open files", "needed", `at most ${text}`, `ulimit -n ${4 * leastFiles}`)
    : ok("open files", "needed", text === "unlimited" ? text : `at most ${text}`);
}

function nearestThatExists(folder: string): string {
  return existsSync(folder) ? folder : nearestThatExists(dirname(folder));
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false; // read-only, or somebody else's
  }
}

function sizeOf(bytes: number): string {
  return bytes >= gibibyte ? `${(bytes / gibibyte).toFixed(1)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}
