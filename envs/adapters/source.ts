// Adapted worlds by name: `gymnasium:FrozenLake-v1?is_slippery=false&return=0..1`, `openenv:http://127.0.0.1:8000`.
// Knows how a name is read; what it stands for, the adapters know.
import { EnvironmentError } from "../errors.ts";
import type { GymnasiumOptions } from "./gymnasium.ts";
import type { OpenEnvOptions } from "./openenv.ts";
import { returnQualityOf } from "./return-quality.ts";

/** What follows `gymnasium:`; the rest of the options say where Python is. */
export type GymnasiumSource = Pick<GymnasiumOptions, "environment" | "arguments" | "quality">;

/**
 * Reads an id with settings behind it: `return` is the rule of quality, any other an argument of the constructor, read
 * as JSON where it is JSON, else as a text.
 * @throws EnvironmentError `bad_data`
 */
export function gymnasiumSourceOf(source: string): GymnasiumSource {
  const { name: environment, settings, quality } = namedOf(source);
  if (environment !== "") return { environment, arguments: settings, ...quality };
  throw new EnvironmentError("bad_data", `no id in 'gymnasium:${source}' - write gymnasium:CartPole-v1`);
}

/**
 * Reads the address of a server with settings behind it: `return` is the rule of quality, any other is for its resets.
 * @throws EnvironmentError `bad_data`
 */
export function openEnvSourceOf(source: string): OpenEnvOptions {
  const { name: url, settings: reset, quality } = namedOf(source);
  if (/^(https?|wss?):\/\/[^\s#]+$/.test(url)) return { url, reset, ...quality };
  throw new EnvironmentError("bad_data", `no address in 'openenv:${source}' - write openenv:http://127.0.0.1:8000`);
}

function namedOf(source: string) {
  const [name, query = ""] = source.split(/\?(.*)/s) as [string, string?];
  const { return: rule, ...rest } = Object.fromEntries(new URLSearchParams(query));
  const settings = Object.fromEntries(Object.entries(rest).map(([key, text]) => [key, settingOf(text)]));
  return { name, settings, quality: rule === undefined ? {} : { quality: returnQualityOf(rule) } };
}

function settingOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // what is no JSON is a text: map_name=8x8
  }
}
