// `npm run bench [-- names]`: figures of this machine, one line each: name, median, p90, unit, share of its floor.
// Composes; each bench is a file of its name. Floors are measured in the same run, in turns.
import { availableParallelism, cpus } from "node:os";
import { Argument, Command } from "commander";
import { parseCount } from "../train/command.ts";
import { benchArrays } from "./arrays.ts";
import { benchCalls } from "./calls.ts";
import { benchDemo, demoFigures, demoTable } from "./demo.ts";
import { lineOf, type Measured } from "./measure.ts";
import { benchSetup } from "./setup.ts";
import { benchSizes } from "./sizes.ts";
import { benchSpawns } from "./spawns.ts";
import { benchStreams } from "./streams.ts";
import { benchTerminal } from "./terminal.ts";
import { benchWorlds } from "./worlds.ts";

const benches: Record<string, (rounds: number) => Measured[] | Promise<Measured[]>> = {
  calls: benchCalls,
  arrays: benchArrays,
  streams: benchStreams,
  spawns: benchSpawns,
  sizes: benchSizes,
  terminal: benchTerminal,
  worlds: benchWorlds,
  setup: benchSetup,
};
/** Minutes each: only when asked for. */
const long = ["setup", "demo"];

interface BenchFlags {
  rounds: number;
  seeds: number;
  json?: boolean;
}

const machine = `${cpus()[0]?.model ?? "unknown processor"}, ${availableParallelism()} cores, Node ${process.versions.node}`;

await new Command("bench")
  .description("figures of this machine, each beside its floor in the same run")
  .addArgument(
    new Argument("[names...]", "all but setup and demo unless given").choices([...Object.keys(benches), "demo"]),
  )
  .option("--rounds <n>", "samples of each figure", parseCount, 7)
  .option("--seeds <n>", "demo: runs of each strategy, a minute or two each", parseCount, 3)
  .option("--json", "one JSON object, with every sample")
  .addHelpText("after", "\np90: nine samples of ten were at least this good.")
  .action(async (names: string[], flags: BenchFlags) => {
    const wanted = names.length > 0 ? names : Object.keys(benches).filter((name) => !long.includes(name));
    const figures = await measure(wanted, flags);
    if (flags.json) console.log(JSON.stringify({ machine, rounds: flags.rounds, figures }));
    if (wanted.includes("demo")) await showDemo(flags);
  })
  .parseAsync();

async function measure(wanted: readonly string[], { rounds, json }: BenchFlags): Promise<Measured[]> {
  if (!json) console.log(machine);
  const figures: Measured[] = [];
  for (const [name, bench] of Object.entries(benches)) {
    if (!wanted.includes(name)) continue;
    for (const measured of await bench(rounds)) {
      figures.push(measured);
      if (!json) console.log(lineOf(measured));
    }
  }
  return figures;
}

async function showDemo({ seeds, json }: BenchFlags): Promise<void> {
  const runs = await benchDemo(seeds, (line) => console.error(line));
  if (json) {
    console.log(JSON.stringify({ runs }));
    return;
  }
  for (const line of [...demoTable(runs), "", ...demoFigures(runs)]) console.log(line);
  console.log(`\niterant report ${runs.map(({ name }) => name).join(" ")}   compares them`);
}
