// The other rules that episodes may be scored by, by name: for each world, which settings a profile stands for.
import type { RunConfig } from "../../actors/index.ts";
import { exitCodes, Failure } from "../failure.ts";

/** Domain → profile → setting, as `--set` takes it. */
const profiles: Record<RunConfig["domain"], Readonly<Record<string, string>>> = {
  math: {
    boxed: "environments.requireBoxed=true",
    any: "environments.requireBoxed=false",
  },
  tools: {
    exit: "tools.profile=exit",
    bespoke_literal: "tools.profile=bespoke_literal",
    bfcl_official: "tools.profile=bfcl_official",
    state_only: "tools.profile=state_only",
  },
  mle: {
    paper: "code.scoreRanges=paper",
    full: "code.scoreRanges=full",
  },
};

export const profileNames: readonly string[] = Object.values(profiles).flatMap((ofDomain) => Object.keys(ofDomain));

/** @throws Failure `usage` for a profile of another world */
export function settingOf(profile: string, { domain }: RunConfig): string {
  const setting = profiles[domain][profile];
  if (setting !== undefined) return setting;
  const names = Object.keys(profiles[domain]).join(", ");
  throw new Failure(
    exitCodes.usage,
    `--rescore ${profile}: the profiles of this run's world, ${domain}, are ${names}.`,
  );
}
