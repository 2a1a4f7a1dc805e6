// What a program's output costs on its way to us: megabytes a second and Node's CPU for each, pseudo-terminal beside pipe;
// and how long it takes from asking for a program to its first byte.
import { openPipe, openPty, Tap, type TerminalOptions } from "../../envs/index.ts";
import { type Candidate, interleave, type Measured, timed } from "./measure.ts";

const byteCount = 16_000_000;
const unlimited = {
  wallMs: 600_000,
  maxBytes: byteCount,
  maxLines: Infinity,
  bytesPerSecond: Infinity,
  readsPerSecond: Infinity,
};

type Open = typeof openPty;

export async function benchTerminal(rounds: number): Promise<Measured[]> {
  const ways: [string, Open][] = [
    ["pipe", openPipe],
    ["pty", openPty],
  ];
  const figures = ways.map(([name, open]) => ({
    speed: {
      name: `output over ${name}`,
      unit: "MB/s",
      sample: async () => byteCount / 1000 / (await timed(() => pour(open))),
    },
    cpu: { name: `CPU of Node for a MB over ${name}`, unit: "ms", sample: () => cpuMsOf(() => pour(open)) },
    first: { name: `program to first byte over ${name}`, unit: "ms", sample: () => timed(() => firstByte(open)) },
  }));
  const [pipe, pty] = figures as [(typeof figures)[0], (typeof figures)[0]];
  const beside = (key: "speed" | "cpu" | "first"): Candidate => ({ ...pty[key], floor: pipe[key] });
  return await interleave([beside("speed"), beside("cpu"), beside("first")], rounds);
}

/** A program that writes as fast as it can, to a consumer that throws away. */
async function pour(open: Open): Promise<void> {
  const tap = new Tap();
  const options: TerminalOptions = { limits: unlimited, tap, keptHeadBytes: 0, keptTailBytes: 65_536 };
  const terminal = await open({ file: "head", args: ["-c", String(byteCount), "/dev/zero"] }, options);
  for await (const _ of tap);
  const { outputBytes } = await terminal.exit;
  if (outputBytes !== byteCount) throw new Error(`${outputBytes} of ${byteCount} bytes came`);
}

async function firstByte(open: Open): Promise<void> {
  const tap = new Tap();
  const terminal = await open({ file: "sh", args: ["-c", "echo up; exec sleep 60"] }, { limits: unlimited, tap });
  await tap[Symbol.asyncIterator]().next();
  void terminal.close();
}

async function cpuMsOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / (byteCount / 1_000_000);
}
