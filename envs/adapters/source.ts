// Adapted worlds by name: `gymnasium:FrozenLake-v1?is_slippery=false&return=0..1`.
// Knows how a name is read; what it stands for, the adapters know.
import { EnvironmentError } from "../errors.ts";
import type { GymnasiumOptions } from "./gymnasium.ts";
import { returnQualityOf } from "./return-quality.ts";

/** What follows `gymnasium:`; the rest of the options say where Python is. */
export type GymnasiumSource = Pick<GymnasiumOptions, "environment" | "arguments" | "quality">;

/**
 * Reads an id with settings behind it. `return` is the rule of quality; any other setting is an argument of the
 * constructor, read as JSON where it is JSON, else as a text.
 * @throws EnvironmentError `bad_data`
 */
export function gymnasiumSourceOf(source: string): GymnasiumSource {
  const [environment, query = ""] = source.split(/\?(.*)/s);
  if (!environment)
    throw new EnvironmentError("bad_data", `no id in 'gymnasium:${source}' - write gymnasium:CartPole-v1`);
  const settings = [...new URLSearchParams(query)];
  const given = settings.filter(([name]) => name !== "return").map(([name, text]) => [name, settingOf(text)]);
  const rule = settings.find(([name]) => name === "return")?.[1];
  return {
    environment,
    arguments: Object.fromEntries(given),
    ...(rule === undefined ? {} : { quality: returnQualityOf(rule) }),
  };
}

function settingOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // what is no JSON is a text: map_name=8x8
  }
}
