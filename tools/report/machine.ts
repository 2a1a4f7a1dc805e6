// The machine that a run ran on, in words, written beside its records by whoever starts it.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem, type } from "node:os";
import { join } from "node:path";

export interface Machine {
  /** `2 x Intel Xeon ..., 23 GiB, Linux x64` */
  description: string;
  /** `v20.20.2` */
  node: string;
}

const file = "machine.json";

export function describeMachine(): Machine {
  const processors = cpus();
  const model = (processors[0]?.model ?? "unknown processor").replace(/\s+/g, " ").trim();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return {
    description: `${processors.length} × ${model}, ${memory}, ${type()} ${process.arch}`,
    node: process.version,
  };
}

/** Keeps this machine's description with a run. */
export function recordMachine(folder: string): void {
  writeFileSync(join(folder, file), `${JSON.stringify(describeMachine(), null, 2)}\n`);
}

/** Undefined for a run that nobody has written it down for. */
export function readMachine(folder: string): Machine | undefined {
  const path = join(folder, file);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Machine) : undefined;
}
