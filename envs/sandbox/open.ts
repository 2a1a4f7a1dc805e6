// Opens the strongest sandbox that this machine gives: each kind of walls is built and tried, and the first that keeps
// its promises is taken. Never by the look of a file or a version. What is too weak is refused with the cure.
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { availableParallelism, release } from "node:os";
import { promisify } from "node:util";
import { contentHash } from "../digest.ts";
import { InfrastructureError } from "../errors.ts";
import { canaries, jobOf, setBait } from "./canaries.ts";
import {
  type Attestation,
  type BuiltWalls,
  cureOf,
  type Finding,
  type Guarantee,
  guarantees,
  layerOf,
  type Tier,
  type Walls,
  wallsOf,
} from "./guarantees.ts";
import type { LauncherOptions } from "./launcher.ts";
import { LocalSandbox } from "./local.ts";
import { findOnPath } from "./path.ts";
import { describePython } from "./python.ts";
import type { Sandbox } from "./sandbox.ts";
import type { ProgramStdio } from "./stdio.ts";
import type { WarmOptions } from "./warm.ts";

export interface SandboxOptions extends LauncherOptions {
  /** The interpreter of the programs, with the packages they may use; the system's `python3` unless said. */
  programPython?: string;
  /** This tier and no other; the strongest there is unless said. `unsafe-local` is had only so. */
  tier?: Tier;
  /** Also take `landlock`, which hides and bounds much less. */
  allowWeak?: boolean;
  /** Programs at once; as many as there are cores unless said. */
  maxRunning?: number;
  /** How long walls may take to build before a program runs, 60 000 unless said. */
  setupMs?: number;
  /** Where bubblewrap is; looked for on PATH unless said. */
  bubblewrap?: string;
  /** Makes the terminal of a job with `stdio: "pty"`; one of 80 by 24 unless said. */
  openTerminal?: () => ProgramStdio | Promise<ProgramStdio>;
  /** Keeps programs ready but for their text, for jobs that are alike in all else; none unless said. */
  warm?: WarmOptions;
}

/** What each tier cannot do without; more than that is stamped. */
const essential: Readonly<Record<Tier, readonly Guarantee[]>> = {
  full: guarantees,
  namespaces: ["fs-write", "fs-read", "net", "pids", "disk", "inodes", "orphans", "env-leak", "fd-leak", "syscalls"],
  landlock: ["fs-write", "fs-read", "net", "env-leak", "fd-leak", "syscalls", "orphans"],
  "unsafe-local": [],
};

/**
 * Builds, tries and opens a sandbox; takes a second or two, once a run.
 * @throws InfrastructureError `sandbox_unavailable` if no tier that was allowed keeps its promises; says which, and the cure
 */
export async function openSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { tier, allowWeak = false } = options;
  const refusals: string[] = [];
  for (const walls of tier !== undefined ? [wallsOf[tier]] : allowWeak ? strongWalls : strongWalls.slice(0, 1)) {
    const { sandbox, attestation } = await tryWalls(walls, options, tier);
    const missing = lackingIn(attestation);
    if (missing.length === 0) return sandbox;
    await sandbox.close();
    refusals.push(`${attestation.tier} lacks ${describe(missing)}`);
  }
  const advice = allowWeak || tier !== undefined ? "" : ", or allow the weak tier `landlock`";
  throw new InfrastructureError(
    "sandbox_unavailable",
    `no sandbox of the wanted strength: ${refusals.join(". ")}${advice}`,
  );
}

/** What the best walls of this machine promise, the weak ones included; for a doctor. Leaves nothing open. */
export async function examineSandbox(options: SandboxOptions): Promise<Attestation> {
  let best: Attestation | undefined;
  for (const walls of strongWalls) {
    const { sandbox, attestation } = await tryWalls(walls, options, undefined);
    await sandbox.close();
    if (lackingIn(attestation).length === 0) return attestation;
    best ??= attestation;
  }
  return best!;
}

/** Promises that a tier cannot do without and that do not hold; empty if it may be used. */
export function lackingIn({ tier, findings }: Attestation): (Finding & { holds: false })[] {
  return findings.filter(
    (finding): finding is Finding & { holds: false } => !finding.holds && essential[tier].includes(finding.guarantee),
  );
}

const strongWalls: readonly Walls[] = ["bubblewrap", "landlock"];

/** One reason is told once, however many promises it breaks. */
function describe(missing: readonly (Finding & { holds: false })[]): string {
  const byReason = new Map<string, string[]>();
  for (const { guarantee, what, cure } of missing) {
    const reason = `${what.replace(/ that .* could not run/, " could not run")} - ${cure}`;
    byReason.set(reason, [...(byReason.get(reason) ?? []), guarantee]);
  }
  return [...byReason].map(([reason, names]) => `${names.join(", ")}: ${reason}`).join("; ");
}

async function tryWalls(
  walls: Walls,
  options: SandboxOptions,
  wanted: Tier | undefined,
): Promise<{ sandbox: LocalSandbox; attestation: Attestation }> {
  const { programPython = "python3", maxRunning = availableParallelism(), setupMs = 60_000 } = options;
  const nonce = randomUUID();
  const [python, bubblewrap] = await Promise.all([
    describePython(findOnPath(programPython)),
    Promise.resolve(options.bubblewrap ?? findOnPath("bwrap")),
  ]);
  const sandbox = new LocalSandbox({
    ...options,
    walls,
    maxRunning,
    setupMs,
    bubblewrap,
    programPython: python,
    launcherEnv: { ...options.launcherEnv, ITERANT_CANARY: nonce },
  });
  const findings = walls === "none" ? [] : await tryCanaries(sandbox, nonce);
  const tier = wanted ?? tierOf(walls, findings);
  const machine = {
    kernel: release(),
    python: python.version,
    bubblewrap: walls === "bubblewrap" ? await versionOf(bubblewrap) : "none",
  };
  const attestation = { tier, findings, machine, hash: contentHash({ tier, findings, machine }) };
  sandbox.attest(attestation);
  return { sandbox, attestation };
}

function tierOf(walls: Walls, findings: readonly Finding[]): Tier {
  if (walls === "bubblewrap") return findings.every(({ holds }) => holds) ? "full" : "namespaces";
  return walls === "landlock" ? "landlock" : "unsafe-local";
}

/** As many at once as programs may run at once; none of them rejects. */
async function tryCanaries(sandbox: LocalSandbox, nonce: string): Promise<Finding[]> {
  const bait = await setBait(nonce);
  try {
    const unbuilt = new Set<Guarantee>();
    const holes = await Promise.all(
      canaries.map(async (canary) => {
        const verdict = await sandbox.run(jobOf(canary, bait));
        if (verdict.status !== "sandbox_error" && verdict.status !== "setup") return canary.holes(verdict, bait);
        for (const guarantee of canary.guarantees) unbuilt.add(guarantee);
        const why = `the canary that ${canary.name} could not run: ${verdict.message}`;
        return Object.fromEntries(canary.guarantees.map((guarantee) => [guarantee, why]));
      }),
    );
    const found: Partial<Record<Guarantee, string>> = Object.assign({}, ...holes);
    if (!sandbox.built?.hasOwnUser) found.user = "it shares its user with us";
    return guarantees.map((guarantee) =>
      findingOf(guarantee, found[guarantee], unbuilt.has(guarantee) ? undefined : sandbox.built),
    );
  } finally {
    bait.remove();
  }
}

function findingOf(guarantee: Guarantee, hole: string | undefined, built: BuiltWalls | undefined): Finding {
  return hole === undefined && built
    ? { guarantee, holds: true, layer: layerOf(guarantee, built) }
    : { guarantee, holds: false, what: hole ?? "not tried", cure: cureOf(guarantee, built) };
}

async function versionOf(file: string): Promise<string> {
  return promisify(execFile)(file, ["--version"], { timeout: 10_000 }).then(
    ({ stdout }) => stdout.trim(),
    () => "none", // its walls did not stand either: that is told by the findings
  );
}
