// How a Python host is started: which interpreter, which path, which environment.
// The host itself is trainer-py's `iterant.host`; it speaks the wire like any other peer.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface PythonOptions {
  /** The interpreter; ITERANT_PYTHON, else the one that the set-up made, else python3 on PATH. */
  executable?: string;
  /** Further folders for imports. */
  path?: string[];
  /** Set on top of ours. */
  env?: Record<string, string>;
}

/** The folder that holds the package `iterant`, beside `dist`. */
const trainerPath = fileURLToPath(new URL("../../trainer-py", import.meta.url));
/** What the set-up makes, beside it. */
const ownPython = fileURLToPath(new URL("../../.venv/bin/python", import.meta.url));

/** The interpreter of this machine and where it finds our package: for helper processes as for hosts. */
export function localPython(options: PythonOptions = {}): { executable: string; path: string[] } {
  const path = [trainerPath, ...(options.path ?? []), process.env.PYTHONPATH ?? ""].filter((folder) => folder !== "");
  const fallback = existsSync(ownPython) ? ownPython : "python3";
  return { executable: options.executable ?? process.env.ITERANT_PYTHON ?? fallback, path };
}

/** The command line of a host. */
export function pythonCommand(options: PythonOptions): { file: string; args: string[]; env: Record<string, string> } {
  const { executable, path } = localPython(options);
  return {
    file: executable,
    args: ["-u", "-m", "iterant.host"],
    env: {
      PYTHONPATH: path.join(":"),
      // One thread a process: two processes with two threads each on two cores run 10 to 50 times slower (measured).
      OMP_NUM_THREADS: process.env.OMP_NUM_THREADS ?? "1",
      // Freed memory stays in the process: fresh pages are dear on some virtual machines (generation 3x faster there).
      MALLOC_MMAP_MAX_: "0",
      MALLOC_TRIM_THRESHOLD_: "100000000000",
      TOKENIZERS_PARALLELISM: "false",
      HF_HUB_OFFLINE: process.env.HF_HUB_OFFLINE ?? "1",
      ...options.env,
    },
  };
}
