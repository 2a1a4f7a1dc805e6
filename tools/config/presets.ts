// Presets: whole configurations by name, shipped as YAML beside this folder. The first line says what each is for.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PartialConfig } from "../../actors/index.ts";
import { exitCodes, Failure } from "../failure.ts";
import { parseLayer } from "./layer.ts";
import { nearest } from "./nearest.ts";

const folder = fileURLToPath(new URL("../../../tools/presets/", import.meta.url));

export interface Preset {
  name: string;
  purpose: string;
}

export function listPresets(): Preset[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .sort()
    .map((file) => ({
      name: file.slice(0, -".yaml".length),
      purpose: textOf(file).split("\n")[0]!.replace(/^# */, ""),
    }));
}

/** @throws Failure `usage` for a name that there is not, with those that there are */
export function readPreset(name: string): PartialConfig {
  const known = listPresets().map((preset) => preset.name);
  if (!known.includes(name)) {
    const near = nearest(name, known);
    const advice = near ? `did you mean ${near}?` : `there are ${known.join(", ")}.`;
    throw new Failure(exitCodes.usage, `no preset ${name}; ${advice}`);
  }
  return parseLayer(textOf(`${name}.yaml`), `preset ${name}`);
}

function textOf(file: string): string {
  return readFileSync(join(folder, file), "utf8");
}
