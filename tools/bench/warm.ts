// How soon a Python program speaks: cold, with its imports to do, beside one whose packages a zygote has loaded.
import { openPty, Tap, type Terminal, type ZygoteLauncher, ZygotePool } from "../../envs/index.ts";
import { interleave, type Measured, timed } from "./measure.ts";

const modules = ["numpy", "pandas", "sklearn"];
const program = `import ${modules.join(", ")}\nprint("up", flush=True)\n`;
const limits = { wallMs: 600_000 };

export interface WarmBenchOptions {
  /** With the three packages installed. */
  python: string;
  pythonPath: readonly string[];
  /** Where the zygote runs; without a sandbox unless said. */
  launch?: ZygoteLauncher;
}

export async function benchWarm(rounds: number, options: WarmBenchOptions): Promise<Measured[]> {
  await using pool = new ZygotePool({ ...options, modules, jobCount: 128 });
  await pool.ready;
  const cold = (text: string) => async (tap: Tap) =>
    openPty({ file: options.python, args: ["-c", text], env: { OPENBLAS_NUM_THREADS: "1" } }, { limits, tap });
  const warm = async (tap: Tap) => pool.run({ program, file: "job.py", cwd: "/" }, { limits, tap });
  const bare = { name: "bare Python to first byte, cold", unit: "ms", sample: () => toFirstByte(cold("print(1)")) };
  const done = { name: "bare Python to exit, cold", unit: "ms", sample: () => toExit(cold("print(1)")) };
  return await interleave(
    [
      {
        name: "numpy, pandas, sklearn to first byte, cold",
        unit: "ms",
        floor: bare,
        sample: () => toFirstByte(cold(program)),
      },
      { name: "numpy, pandas, sklearn to first byte, warm", unit: "ms", floor: bare, sample: () => toFirstByte(warm) },
      { name: "numpy, pandas, sklearn to exit, warm", unit: "ms", floor: done, sample: () => toExit(warm) },
    ],
    rounds,
  );
}

type Start = (tap: Tap) => Promise<Terminal>;

/** Waits for the end too, outside of the measurement: the next job shall find a process that stands by. */
async function toFirstByte(start: Start): Promise<number> {
  const tap = new Tap();
  let terminal: Terminal | undefined;
  const chunks = tap[Symbol.asyncIterator]();
  const wallMs = await timed(async () => {
    terminal = await start(tap);
    const { done } = await chunks.next();
    if (done) throw new Error(`a program ended without a word: ${JSON.stringify(await terminal.exit)}`);
  });
  await terminal!.exit;
  return wallMs;
}

async function toExit(start: Start): Promise<number> {
  const tap = new Tap();
  return timed(async () => {
    const { verdict } = await (await start(tap)).exit;
    if (verdict !== "ok") throw new Error(`a program ended as ${verdict}`);
  });
}
