// What an installation weighs on the disk.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Measured } from "./measure.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export function benchSizes(): Measured[] {
  return ["node_modules", ".venv", "dist"].map((folder) => {
    const { stdout } = spawnSync("du", ["-smL", join(root, folder)], { encoding: "utf8" });
    const size = Number(stdout.split("\t")[0]);
    return { name: `size of ${folder}`, unit: "MB", median: size, p90: size, ratio: null, samples: [size] };
  });
}
