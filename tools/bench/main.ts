// `npm run bench [-- names]`: figures of this machine, each beside its floor in the same run.
// Names: calls, sizes, demo. All but demo unless said; demo takes six runs of a minute or two each.
import { spawnSync } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { benchCalls } from "./calls.ts";
import { benchDemo, demoFigures, demoTable } from "./demo.ts";
import { lineOf } from "./measure.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const known = ["calls", "sizes", "demo"];
const given = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const flag = (name: string, fallback: number) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const names = given.filter((word) => !/^\d+$/.test(word));
const unknown = names.find((name) => !known.includes(name));
if (unknown !== undefined) {
  console.error(`bench: there is no ${unknown}; there are ${known.join(", ")} (--rounds n, --seeds n).`);
  process.exit(2);
}
const wanted = names.length > 0 ? names : ["calls", "sizes"];

console.log(
  `${cpus()[0]?.model ?? "unknown processor"}, ${availableParallelism()} cores, Node ${process.versions.node}`,
);
if (wanted.includes("calls")) for (const measured of await benchCalls(flag("rounds", 7))) console.log(lineOf(measured));
if (wanted.includes("sizes")) for (const folder of ["node_modules", ".venv", "dist"]) console.log(sizeOf(folder));
if (wanted.includes("demo")) {
  const runs = await benchDemo(flag("seeds", 3), (line) => console.error(line));
  for (const line of [...demoTable(runs), "", ...demoFigures(runs)]) console.log(line);
  console.log(`\niterant report ${runs.map(({ name }) => name).join(" ")}   compares them`);
}

function sizeOf(folder: string): string {
  const { stdout } = spawnSync("du", ["-sm", join(root, folder)], { encoding: "utf8" });
  return `size of ${folder.padEnd(36)} ${(stdout.split("\t")[0] ?? "").padStart(10)}  MB`;
}
