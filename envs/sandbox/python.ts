// The interpreter of untrusted programs: which one, and what of this machine it needs to see.
// Not ours: the one that runs our helpers and the launcher never runs a program, and the other way round.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { InfrastructureError } from "../errors.ts";

/** What the launcher makes visible in the sandbox; prefixes are folders of this machine. */
export interface ProgramPython {
  executable: string;
  prefix: string;
  basePrefix: string;
  isVenv: boolean;
  version: string;
}

const deadlineMs = 60_000;
const question = `
import json, platform, sys
told = dict(executable=sys.executable, prefix=sys.prefix, basePrefix=sys.base_prefix)
print(json.dumps(dict(told, isVenv=sys.prefix != sys.base_prefix, version=platform.python_version())))
`;
/** Folders of the sandbox itself: an interpreter that lives below one of them would be hidden by it. */
const taken = ["/work", "/data", "/tmp", "/proc", "/dev", "/opt/venv", "/opt/runtime"];

/**
 * Asks an interpreter where it lives.
 * @throws InfrastructureError `sandbox_unavailable` if it does not run, or lives where the sandbox has its own folders
 */
export async function describePython(file: string): Promise<ProgramPython> {
  const { PATH, HOME } = process.env; // what stands first on PATH may be a script that looks for the true one
  const told = await promisify(execFile)(file, ["-I", "-c", question], {
    timeout: deadlineMs,
    env: { PATH, HOME },
  }).catch((error: Error) => {
    throw new InfrastructureError(
      "sandbox_unavailable",
      `the programs' Python does not run: ${error.message.split("\n")[0]} - ${file} - name another one`,
    );
  });
  const python = JSON.parse(told.stdout) as ProgramPython;
  const collision = taken.find((folder) => `${python.basePrefix}/`.startsWith(`${folder}/`));
  if (collision === undefined) return python;
  throw new InfrastructureError(
    "sandbox_unavailable",
    `the programs' Python lives in ${python.basePrefix}, where a sandbox has its own ${collision} - ${file} - use one installed elsewhere`,
  );
}
