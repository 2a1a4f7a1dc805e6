// Where the tests find Python and the package: the environment the checks set, or the one beside the repository's root.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PythonOptions } from "../../envs/index.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export const python: PythonOptions = {
  python: process.env.ITERANT_PYTHON ?? join(root, ".venv/bin/python"),
  pythonPath: [join(root, "trainer-py")],
};

/** Real data that stands beside a checkout, never in it; undefined where it is missing. */
export function sharedData(name: string): string | undefined {
  const beside = ["shared", "../shared", "../../shared"].map((folder) => join(root, folder));
  const folder = beside.find((one) => existsSync(join(one, "data", name)));
  return folder && join(folder, "data", name);
}

/** True if the process is gone; a zombie, dead but not reaped, is gone too. */
export function isGone(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return existsSync("/proc/self") || !canSignal(pid);
  }
}

function canSignal(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
