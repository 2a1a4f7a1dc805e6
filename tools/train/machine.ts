// Whether this machine can run a learner at all, asked before anything starts and in a tenth of a second.
// Nothing is imported: torch alone would take from one to forty seconds. The whole story is iterant doctor's.
import { spawnSync } from "node:child_process";
import type { RunConfig } from "../../actors/index.ts";
import { localPython } from "../../runtime/index.ts";
import { exitCodes, Failure } from "../failure.ts";

const needed = ["torch", "transformers", "tokenizers", "safetensors", "numpy", "zmq", "ormsgpack", "math_verify"];
const pythonFloor = [3, 11] as const;

/** @throws Failure `machine` naming what is missing and the command that brings it */
export function checkMachine({ learner }: RunConfig): void {
  const { executable } = localPython();
  const modules = learner.engine === "deepspeed" ? [...needed, "deepspeed"] : needed;
  const code = [
    "import importlib.util, sys",
    `missing = [m for m in ${JSON.stringify(modules)} if importlib.util.find_spec(m) is None]`,
    "print(*sys.version_info[:2], *missing)",
  ].join("\n");
  const { status, stdout, error, stderr } = spawnSync(executable, ["-c", code], { encoding: "utf8", timeout: 60_000 });
  const setup = learner.engine === "deepspeed" ? "npm run setup -- deepspeed" : "npm run setup";
  if (error && (error as NodeJS.ErrnoException).code === "ENOENT") {
    throw new Failure(
      exitCodes.machine,
      `there is no Python called ${executable}. Run: ${setup} (it makes one in .venv), or name one in ITERANT_PYTHON.`,
    );
  }
  if (status !== 0) {
    const why = (stderr || error?.message || "it did not say why").trim().split("\n").at(-1);
    throw new Failure(exitCodes.machine, `${executable} does not run: ${why}. Run: ${setup}`);
  }
  const [major, minor, ...missing] = stdout.trim().split(" ");
  if (Number(major) < pythonFloor[0] || (Number(major) === pythonFloor[0] && Number(minor) < pythonFloor[1])) {
    throw new Failure(
      exitCodes.machine,
      `${executable} is Python ${major}.${minor}; ${pythonFloor.join(".")} or newer is needed. Name another in ITERANT_PYTHON.`,
    );
  }
  if (missing.length > 0) {
    throw new Failure(exitCodes.machine, `${executable} lacks ${missing.join(", ")}. Run: ${setup}`);
  }
}
