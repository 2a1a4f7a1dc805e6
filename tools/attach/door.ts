// The door of a live run: where its node listens and the token that lets an observer in, in one file of the run's folder.
// Only the owner can read it; it is there exactly as long as the node is.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Endpoints, Node } from "../../runtime/index.ts";
import { exitCodes, Failure } from "../failure.ts";
import { runFiles } from "../run-folder.ts";

export interface Door {
  /** The node's name and process. */
  node: string;
  pid: number;
  endpoints: Endpoints;
  token: string;
}

/** Opens the node's local sockets and says where they are. */
export async function openDoor(node: Node, folder: string): Promise<void> {
  const door: Door = {
    node: node.name,
    pid: process.pid,
    endpoints: await node.localEndpoints(),
    token: node.token,
  };
  const file = join(folder, runFiles.node);
  rmSync(file, { force: true }); // a mode is given to new files only
  writeFileSync(file, `${JSON.stringify(door, null, 2)}\n`, { mode: 0o600 });
}

export function closeDoor(folder: string): void {
  rmSync(join(folder, runFiles.node), { force: true });
}

/** @throws Failure `usage` for a run that does not live */
export function readDoor(folder: string): Door {
  const file = join(folder, runFiles.node);
  if (!existsSync(file))
    throw new Failure(exitCodes.usage, `${folder} is not running. Look at it with: iterant replay`);
  const door = JSON.parse(readFileSync(file, "utf8")) as Door;
  if (!isAlive(door.pid)) {
    throw new Failure(
      exitCodes.usage,
      `${folder} is not running: its process ${door.pid} is gone and left no word. Go on with: iterant resume ${folder}`,
    );
  }
  return door;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // it lives and is somebody else's
  }
}
