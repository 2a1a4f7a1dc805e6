// How long a program of a stranger waits behind walls until its first byte, cold and with its packages loaded already.
// The floor is a bare interpreter from start to end. One program a sample: more rounds tell the slow ones.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { worldPython } from "../../actors/index.ts";
import { openSandbox, type Sandbox } from "../../envs/index.ts";
import { localPython } from "../../runtime/index.ts";
import { type Candidate, timed } from "./measure.ts";

const packages = ["numpy", "pandas", "sklearn"];

export async function programsBench(): Promise<{ candidates: Candidate[]; close: () => Promise<void> }> {
  const { executable, path } = localPython();
  const programPython = worldPython("code");
  const options = { python: executable, pythonPath: path, programPython, allowWeak: true };
  const cold = await openSandbox(options);
  const warm = await openSandbox({ ...options, warm: { count: 1, packages } });
  const floor: Candidate = {
    name: "a bare python -c pass",
    unit: "ms",
    sample: () => timed(() => promisify(execFile)(programPython, ["-c", "pass"])),
  };
  await firstByteMs(warm); // so that the next of its kind is made ready
  return {
    candidates: [
      { name: `a program in the sandbox (${cold.tier}), cold`, unit: "ms", floor, sample: () => firstByteMs(cold) },
      {
        name: `a program in the sandbox (${warm.tier}), warm`,
        unit: "ms",
        floor,
        async sample() {
          await warm.warmed();
          return firstByteMs(warm);
        },
      },
    ],
    close: async () => {
      await Promise.all([cold.close(), warm.close()]);
    },
  };
}

async function firstByteMs(sandbox: Sandbox): Promise<number> {
  const beganMs = performance.now();
  let firstMs: number | undefined;
  const onOutput = () => {
    firstMs ??= performance.now() - beganMs;
  };
  const { status, message } = await sandbox.run({ program: 'print("here", flush=True)', onOutput });
  if (firstMs === undefined) throw new Error(`the program said nothing: ${status} ${message ?? ""}`);
  return firstMs;
}
