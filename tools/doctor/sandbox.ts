// The sandbox for untrusted programs: the best walls that this machine gives, a line for each promise that they keep
// or do not. They are built and tried as for a run; a promise that only looks kept would be the worst of findings.
import { type Attestation, examineSandbox, InfrastructureError, lackingIn } from "../../envs/index.ts";
import { localPython } from "../../runtime/index.ts";
import { broken, type Finding, missing, ok } from "./finding.ts";

const only = "only worlds that run untrusted code need it";
const meanings = {
  full: "every promise is kept",
  namespaces: "hidden and cut off, not all bounds hold",
  landlock: "weak: must be allowed by name",
  "unsafe-local": "none",
} as const;

export async function examineSandboxes(): Promise<Finding[]> {
  if (process.platform !== "linux") return [missing("sandbox", "optional", "not on this system", `use Linux; ${only}`)];
  const { executable, path } = localPython();
  try {
    return findingsOf(await examineSandbox({ python: executable, pythonPath: path }));
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    return [missing("sandbox", "optional", error.failure.message, only)];
  }
}

/** The tier, and then the promises: those that are kept on one line, each other with its cure. */
export function findingsOf(attestation: Attestation): Finding[] {
  const { tier, findings } = attestation;
  const kept = findings.filter(({ holds }) => holds);
  const layers = kept.map(({ guarantee }) => guarantee).join(", ");
  const isUsable = (tier === "full" || tier === "namespaces") && lackingIn(attestation).length === 0;
  const value = `${tier}, ${meanings[tier]}${layers ? `; keeps ${layers}` : ""}`;
  return [
    isUsable
      ? ok("sandbox", "optional", value)
      : broken("sandbox", "optional", value, `apt install bubblewrap, and allow user namespaces; ${only}`),
    ...findings.flatMap((finding) =>
      finding.holds
        ? []
        : [missing(`sandbox ${finding.guarantee}`, "optional", finding.what, `${finding.cure}; ${only}`)],
    ),
  ];
}
