// Python and its packages, and the GPU that torch may or may not see. One interpreter, started once, tells it all
// (probe.py); nothing heavy is imported unless asked for.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { localPython } from "../../runtime/index.ts";
import { ask, complaintOf } from "./ask.ts";
import { broken, type Finding, missing, ok } from "./finding.ts";

const probe = fileURLToPath(new URL("../../../tools/doctor/probe.py", import.meta.url));
const project = fileURLToPath(new URL("../../../trainer-py/pyproject.toml", import.meta.url));
/** A first import of everything from a slow disk takes minutes. */
const deepDeadlineMs = 600_000;
const shallowDeadlineMs = 60_000;
const setup = "npm run setup";

/** What probe.py prints. */
interface Probe {
  version: string;
  executable: string;
  isVenv: boolean;
  packages: Record<string, string | null>;
  zmq: { libzmq: string; curve: boolean } | { error: string } | null;
  /** GB a second. */
  memory: { fresh: number; again: number } | null;
  imports: Record<string, { seconds: number } | { error: string }>;
  torch: { threads: number; devices: string[]; gigaflops: number } | null;
}

export async function examinePython({ isDeep }: { isDeep: boolean }): Promise<Finding[]> {
  const { executable } = localPython();
  const answer = await ask(executable, [probe, ...(isDeep ? ["--deep"] : [])], {
    timeoutMs: isDeep ? deepDeadlineMs : shallowDeadlineMs,
    env: { OMP_NUM_THREADS: process.env.OMP_NUM_THREADS ?? "1" }, // as in a run
  });
  if (answer.code === undefined && !answer.isLate) {
    const cure = `${setup} (it makes one in .venv), or name one in ITERANT_PYTHON`;
    return [missing("python", "needed", `there is none called ${executable}`, cure), await gpu(null)];
  }
  const said = answer.code === 0 ? parseProbe(answer.stdout) : null;
  if (said === null) {
    const cure = `${setup}, or name another in ITERANT_PYTHON`;
    return [broken("python", "needed", `${executable}: ${complaintOf(answer)}`, cure), await gpu(null)];
  }
  const floors = readFloors();
  const packages = [...needed, ...optional].map((name) => packageIn(said, name, floors));
  return [interpreter(said, floors), ...packages, ...memorySpeed(said), await gpu(said)];
}

/** The last line: packages print before it what they like. */
function parseProbe(stdout: string): Probe | null {
  try {
    return JSON.parse(stdout.trimEnd().split("\n").at(-1)!) as Probe;
  } catch {
    return null; // something else calls itself Python
  }
}

const needed = ["torch", "transformers", "tokenizers", "safetensors", "numpy", "pyzmq", "ormsgpack", "math-verify"];
const optional = ["deepspeed", "vllm"];
const uses: Readonly<Record<string, string>> = {
  deepspeed: `${setup} -- deepspeed; only learners of more than one rank need it`,
  vllm: "pip install vllm into that Python; only a vLLM engine needs it, the slot engine does not",
};

/** Package → the least version, as our own project file asks for it. */
type Floors = Readonly<Record<string, string>>;

function readFloors(): Floors {
  const text = readFileSync(project, "utf8");
  const asked = [...text.matchAll(/"([a-z][\w-]*)(?:\[[^\]]*\])?>=([\d.]+)/g)];
  const python = text.match(/requires-python = ">=([\d.]+)"/)![1]!;
  return { ...Object.fromEntries(asked.map(([, name, version]) => [name!, version!])), python };
}

function interpreter({ version, executable, isVenv }: Probe, floors: Floors): Finding {
  const floor = floors.python!;
  const where = `${version}, ${executable}${isVenv ? " (venv)" : ""}`;
  return isBelow(version, floor)
    ? broken("python", "needed", `${where}; ${floor} or newer is needed`, "name a newer one in ITERANT_PYTHON")
    : ok("python", "needed", where);
}

function packageIn(said: Probe, name: string, floors: Floors): Finding {
  const group = needed.includes(name) ? "needed" : "optional";
  const cure = uses[name] ?? setup;
  const version = said.packages[name];
  if (version === undefined || version === null) return missing(name, group, "", cure);
  const floor = floors[name];
  if (floor !== undefined && isBelow(version, floor)) {
    return broken(name, group, `${version}; ${floor} or newer is needed`, cure);
  }
  const imported = said.imports[name];
  if (imported && "error" in imported) return broken(name, group, `${version}: ${imported.error}`, cure);
  if (name === "pyzmq" && said.zmq && "error" in said.zmq) return broken(name, group, said.zmq.error, cure);
  return ok(name, group, [version, ...factsOf(said, name), ...importOf(imported)].join(", "));
}

/** Told where it takes long enough to be waited for. */
function importOf(imported: { seconds: number } | undefined): string[] {
  return imported && imported.seconds >= 0.1 ? [`imported in ${imported.seconds} s`] : [];
}

function factsOf({ packages, torch, zmq }: Probe, name: string): string[] {
  if (name === "pyzmq" && zmq && "libzmq" in zmq) {
    return [`libzmq ${zmq.libzmq}`, zmq.curve ? "with curve" : "without curve: one machine only"];
  }
  if (name !== "torch") return [];
  const build = isCpuBuild(packages) ? ["for CPUs only"] : [];
  if (torch === null) return build;
  const { threads, gigaflops } = torch;
  return [...build, `${threads} thread${threads === 1 ? "" : "s"}`, `${gigaflops} GFLOP/s in a product of matrices`];
}

function isCpuBuild(packages: Probe["packages"]): boolean {
  return packages.torch?.endsWith("+cpu") === true;
}

/** Below this, fresh pages are dear: processes that keep their memory fare much better (runtime/python.ts). */
const slowFreshGBs = 0.5;

function memorySpeed({ memory }: Probe): Finding[] {
  if (memory === null) return [];
  const { fresh, again } = memory;
  const value = `${fresh} GB/s into fresh pages, ${again} GB/s into used ones`;
  const slow = `${value}: slow`;
  const cure = "expect long starts: keep environments and engine replicas few, and give the machine huge pages";
  const name = "memory speed";
  return [fresh < slowFreshGBs ? broken(name, "optional", slow, cure) : ok(name, "optional", value)];
}

async function gpu(said: Probe | null): Promise<Finding> {
  const query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"];
  const answer = await ask("nvidia-smi", query);
  const cure = "none needed: everything runs on CPUs, only slower; for a GPU, install NVIDIA's driver";
  if (answer.code === undefined && !answer.isLate) return missing("GPU", "optional", "no nvidia-smi", cure);
  const cards = answer.stdout.trim().split("\n").join("; ");
  if (answer.code !== 0 || cards === "") return broken("GPU", "optional", complaintOf(answer), cure);
  const rebuild = "pip install a CUDA build of torch into that Python";
  if (said && isCpuBuild(said.packages)) {
    return broken("GPU", "optional", `${cards}; torch ${said.packages.torch} cannot use it`, rebuild);
  }
  if (said?.torch?.devices.length === 0) return broken("GPU", "optional", `${cards}; torch sees none`, rebuild);
  return ok("GPU", "optional", cards);
}

/** Compares as many numbers as the floor has; what follows them (`+cpu`, `.dev0`) does not count. */
function isBelow(version: string, floor: string): boolean {
  const have = version.split(/[.+-]/).map(Number);
  for (const [at, least] of floor.split(".").map(Number).entries()) {
    const part = have[at] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
}
