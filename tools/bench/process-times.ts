// CPU time of a run's processes by what they are: read from /proc twice a second, since the last reading counts.
import { readdirSync, readFileSync } from "node:fs";

const ticksPerSecond = 100;
const everyMs = 500;

/** Watches a process and all below it, until `stop`, which gives CPU-seconds by part. */
export function processTimes(root: number): { stop(): Record<string, number> } {
  const seen = new Map<number, { part: string; cpu_s: number }>();
  const hosts: number[] = [];
  const look = () => {
    for (const { pid, command, cpu_s } of below(root)) {
      if (command.includes("iterant.host") && !hosts.includes(pid)) hosts.push(pid);
      seen.set(pid, { part: partOf(pid, command, hosts), cpu_s });
    }
  };
  const timer = setInterval(look, everyMs);
  return {
    stop() {
      clearInterval(timer);
      const totals: Record<string, number> = { generation: 0, update: 0, node: 0, verify: 0 };
      for (const { part, cpu_s } of seen.values()) totals[part]! += cpu_s;
      return totals;
    },
  };
}

/** The program starts its engine before its learner (actors/program.ts): the first Python host is the engine. */
function partOf(pid: number, command: string, hosts: readonly number[]): string {
  if (command.includes("iterant.workers")) return "verify";
  if (command.includes("iterant.engines.rank")) return "update";
  if (command.includes("iterant.host")) return hosts.indexOf(pid) === 0 ? "generation" : "update";
  return "node";
}

function below(root: number): { pid: number; command: string; cpu_s: number }[] {
  const all = new Map<number, { parent: number; command: string; cpu_s: number }>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = readFileSync(`/proc/${name}/stat`, "utf8").split(") ")[1]!.split(" ");
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
      const cpu_s = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
      all.set(Number(name), { parent: Number(fields[1]), command, cpu_s });
    } catch {
      // it ended while we looked
    }
  }
  const isBelow = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined; at = all.get(at)?.parent) if (at === root) return true;
    return false;
  };
  return [...all].filter(([pid]) => isBelow(pid)).map(([pid, { command, cpu_s }]) => ({ pid, command, cpu_s }));
}
