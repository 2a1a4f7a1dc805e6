// Every process of a program: how to signal them and how to be sure that none is left.
// This one finds them by session and by descent in /proc, which a program that wants to can leave (setsid after a double
// fork); a sandbox hands in its own, which nobody can leave. Where there is no /proc only the process group is reached.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

export interface ProcessTree {
  /** Sends the signal to every process of it; nobody there is no error. */
  signal(name: NodeJS.Signals): void | Promise<void>;
  /** Called when the program itself has ended: kills the rest. Resolves with how many there were, once none is left or at the deadline. */
  clear(deadlineMs: number): Promise<number>;
}

/** The session that this process leads, its process group, and all that descend from it. */
export function sessionTree(leader: number): ProcessTree {
  return {
    signal(name) {
      for (const pid of [-leader, leader, ...membersOf(leader)]) send(pid, name);
    },
    async clear(deadlineMs) {
      const until = performance.now() + deadlineMs;
      const killed = new Set<number>();
      for (;;) {
        const members = membersOf(leader).filter((pid) => pid !== leader);
        if (members.length === 0 || performance.now() > until) return killed.size;
        for (const pid of members) {
          killed.add(pid);
          send(pid, "SIGKILL");
        }
        await pause(1); // a killed process is gone when the kernel has come to it; there is no event for it
      }
    },
  };
}

/** Living members; the dead that nobody has reaped do not count. */
function membersOf(leader: number): number[] {
  const processes = readProcesses();
  const members = new Set(
    processes.filter(({ pid, session }) => pid === leader || session === leader).map(({ pid }) => pid),
  );
  for (let before = -1; before !== members.size; ) {
    before = members.size;
    for (const { pid, parent } of processes) if (members.has(parent)) members.add(pid);
  }
  return processes.filter(({ pid, state }) => members.has(pid) && state !== "Z" && state !== "X").map(({ pid }) => pid);
}

interface ProcessLine {
  pid: number;
  state: string;
  parent: number;
  session: number;
}

function readProcesses(): ProcessLine[] {
  let names: string[];
  try {
    names = readdirSync("/proc");
  } catch {
    return []; // a system without /proc
  }
  return names.flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const [state, parent, , session] = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
      return [{ pid: Number(name), state: state!, parent: Number(parent), session: Number(session) }];
    } catch {
      return []; // it ended while we looked
    }
  });
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // nobody there
  }
}
