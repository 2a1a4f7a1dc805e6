// `npm run bench`: what its figures mean, and that a bench says what it says it does.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { type Candidate, interleave, lineOf, type Measured, quantile } from "../../../tools/bench/measure.ts";

const main = fileURLToPath(new URL("../../../tools/bench/main.js", import.meta.url));
const bench = (...args: string[]) => promisify(execFile)(process.execPath, [main, ...args]);

/** Gives the values one by one, and writes down when it was asked. */
function scripted(name: string, unit: string, values: number[], asked: string[], floor?: Candidate): Candidate {
  return {
    name,
    unit,
    sample: async () => {
      asked.push(name);
      return values.shift()!;
    },
    ...(floor ? { floor } : {}),
  };
}

describe("measuring", () => {
  test("takes turns, floors first, and throws the first round away", async () => {
    const asked: string[] = [];
    const floor = scripted("floor", "echoes/s", [1, 100, 200], asked);
    const candidates = [
      scripted("a", "calls/s", [2, 50, 80], asked, floor),
      scripted("b", "calls/s", [3, 25, 50], asked, floor),
      scripted("c", "calls/s", [4, 7, 9], asked),
    ];
    const measured = await interleave(candidates, 2);
    expect(asked).toEqual(Array.from({ length: 3 }, () => ["floor", "a", "b", "c"]).flat());
    expect(measured.map(({ name, median, ratio, samples }) => [name, median, ratio, samples])).toEqual([
      ["floor", 150, null, [100, 200]],
      ["a", 65, 0.45, [50, 80]],
      ["b", 37.5, 0.25, [25, 50]],
      ["c", 8, null, [7, 9]],
    ]);
  });

  test("a ratio says how near a figure comes to its floor, of rates and of durations alike", async () => {
    const asked: string[] = [];
    const floor = scripted("floor", "ms", [1, 1, 2], asked);
    const [, slower] = await interleave([scripted("a", "ms", [9, 2, 8], asked, floor)], 2);
    expect(slower!.ratio).toBe(0.375);
  });

  test("p90 is what nine samples of ten were at least as good as", async () => {
    const values = Array.from({ length: 11 }, (_, at) => at * 10);
    const [rate] = await interleave([scripted("rate", "calls/s", [0, ...values], [])], 11);
    const [duration] = await interleave([scripted("duration", "ms", [0, ...values], [])], 11);
    expect([rate!.p90, duration!.p90]).toEqual([10, 90]);
  });

  test("quantiles lie between samples", () => {
    expect([0, 0.25, 0.5, 1].map((q) => quantile([4, 1, 3, 2], q))).toEqual([1, 1.75, 2.5, 4]);
  });

  test("a figure is one line", () => {
    const figure: Measured = { name: "calls", unit: "calls/s", median: 12_345.6, p90: 9.87, ratio: 0.456, samples: [] };
    expect(lineOf(figure).replace(/ {2,}/g, "  ")).toBe("calls  12 346  9.87  calls/s  0.46 of its floor");
  });
});

describe("npm run bench", () => {
  test("--json gives every figure with its samples", async () => {
    const { stdout } = await bench("spawns", "sizes", "--rounds", "2", "--json");
    const { machine, rounds, figures } = JSON.parse(stdout) as { machine: string; rounds: number; figures: Measured[] };
    expect(machine).toContain(`Node ${process.versions.node}`);
    expect(rounds).toBe(2);
    expect(figures.map(({ name }) => name)).toEqual([
      "spawn, call and stop, shared",
      "spawn, call and stop, thread",
      "size of node_modules",
      "size of .venv",
      "size of dist",
    ]);
    expect(figures[0]!.samples).toHaveLength(2);
    for (const { median } of figures) expect(median).toBeGreaterThan(0);
  });

  test("of a name that is not there says which are", async () => {
    const error = (await bench("nonsense").catch((caught: unknown) => caught)) as { code: number; stderr: string };
    expect(error.code).toBe(1);
    expect(error.stderr).toContain(
      "Allowed choices are calls, arrays, streams, spawns, sizes, terminal, worlds, setup, demo.",
    );
  });

  test("reaches every place where an actor can live, and both floors", async () => {
    const { stdout } = await bench("arrays", "--rounds", "1");
    const lines = stdout.trimEnd().split("\n").slice(1);
    const names = lines.map((line) => line.split(/ {2,}/)[0]);
    expect(names).toEqual([
      "raw postMessage, 1 MiB and back",
      "1 MiB to a shared thread and back",
      "1 MiB to a thread of its own and back",
      "raw zeromq, 1 MiB and back",
      "1 MiB to a process (ipc) and back",
      "1 MiB to Python (ipc) and back",
      "1 MiB to another node (tcp, CURVE) and back",
    ]);
    expect(lines.filter((line) => /\d of its floor$/.test(line))).toHaveLength(5);
  });
});
