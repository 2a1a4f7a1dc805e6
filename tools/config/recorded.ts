// The configuration of a run that is there, as today's code needs it: what an older version did not know yet has its default.
import type { PartialConfig, RunConfig } from "../../actors/index.ts";
import { readConfig } from "../run-folder.ts";
import { resolveConfig } from "./resolve.ts";

/**
 * @param over layers over what is recorded
 * @throws Failure `usage` for parts that cannot go together
 */
export function recordedConfig(run: string, over: readonly PartialConfig[] = []): RunConfig {
  return resolveConfig([readConfig(run), ...over]);
}
