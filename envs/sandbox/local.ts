// Walls of this machine as a sandbox: a launcher a job, so many at once, and what they say as verdicts.
// Knows neither how a tier was chosen nor whether it keeps its promises.
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { abortable } from "../abort.ts";
import { InfrastructureError } from "../errors.ts";
import type { Attestation, BuiltWalls, Guarantee, Tier, Walls } from "./guarantees.ts";
import { type LaunchEnd, Launcher, type LauncherOptions, type LaunchOrder } from "./launcher.ts";
import { type KeptOutput, OutputKeeper } from "./output.ts";
import type { ProgramPython } from "./python.ts";
import { defaultLimits, type Sandbox, type SandboxJob, type SandboxLimits } from "./sandbox.ts";
import { type ProgramStdio, pipes } from "./stdio.ts";
import { terminal } from "./terminal.ts";
import { judge, type TakenFile, type Verdict } from "./verdict.ts";
import { WarmLaunchers, type WarmOptions } from "./warm.ts";

export interface LocalOptions extends LauncherOptions {
  walls: Walls;
  programPython: ProgramPython;
  /** Where bubblewrap is. */
  bubblewrap: string;
  /** Programs at once. */
  maxRunning: number;
  /** How long walls may take to build before a program runs; a slow machine is slow here too. */
  setupMs: number;
  /** Makes the terminal of a job with `stdio: "pty"`; one of 80 by 24 unless said. */
  openTerminal?: () => ProgramStdio | Promise<ProgramStdio>;
  /** Programs that are ready but for their text; none unless said. */
  warm?: WarmOptions;
}

/** Beyond its limits a launcher has this long to take everything down; then it is killed. */
const takeDownMs = 60_000;
const drainMs = 2_000;
const usualPackages = ["numpy", "pandas", "sklearn"];
const defaultFileBytes = 64 * 2 ** 20;
/** One thread a program unless it is told otherwise: many of them on few cores are slower, and not repeatable. */
const environment = {
  LANG: "C.UTF-8",
  TZ: "UTC",
  PYTHONDONTWRITEBYTECODE: "1",
  OMP_NUM_THREADS: "1",
  OPENBLAS_NUM_THREADS: "1",
  MKL_NUM_THREADS: "1",
  LOKY_MAX_CPU_COUNT: "1",
  MPLBACKEND: "Agg",
};

export class LocalSandbox implements Sandbox {
  readonly #options: LocalOptions;
  readonly #launchers = new Map<Launcher, Promise<LaunchEnd>>();
  readonly #waiting: (() => void)[] = [];
  readonly #closing = new AbortController();
  readonly #warm: WarmLaunchers;
  #runningCount = 0;
  #ready: Launcher | undefined;
  #attestation: Attestation | undefined;
  /** What the last launcher built; the same for every job. */
  built: BuiltWalls | undefined;

  constructor(options: LocalOptions) {
    this.#options = options;
    this.#warm = new WarmLaunchers(options.warm?.count ?? 0, (stdio) => this.#freshLauncher(stdio));
  }

  /** Until it is attested, the weakest that its walls may turn out to be. */
  get tier(): Tier {
    const { walls } = this.#options;
    return (
      this.#attestation?.tier ?? (walls === "bubblewrap" ? "namespaces" : walls === "none" ? "unsafe-local" : walls)
    );
  }

  /** Set once, by whoever tried the canaries. */
  attest(attestation: Attestation): void {
    this.#attestation = attestation;
  }

  get attestation(): Attestation {
    if (this.#attestation) return this.#attestation;
    throw new Error(`this ${this.tier} sandbox has not been attested - open it with openSandbox`);
  }

  get guarantees(): ReadonlySet<Guarantee> {
    return new Set(this.attestation.findings.filter(({ holds }) => holds).map(({ guarantee }) => guarantee));
  }

  run(job: SandboxJob, { signal }: { signal?: AbortSignal } = {}): Promise<Verdict> {
    return abortable([signal, this.#closing.signal], async (either) => {
      await this.#enter();
      try {
        either.throwIfAborted();
        return await this.#launch(job, either);
      } finally {
        this.#leave();
      }
    });
  }

  warmed(): Promise<void> {
    return this.#warm.warmed();
  }

  async close(): Promise<void> {
    const why = `the sandbox was closed - ${this.tier} - open another`;
    this.#closing.abort(new InfrastructureError("sandbox_closed", why));
    const ready = this.#ready;
    this.#ready = undefined;
    ready?.dismiss();
    await Promise.all([...this.#launchers.values(), ready?.end, this.#warm.close()]);
    ready?.stdio.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #launch(job: SandboxJob, signal: AbortSignal): Promise<Verdict> {
    const { stdio = "pipe" } = job;
    const order = this.#orderOf(job, { ...defaultLimits, ...job.limits });
    const { count = 0, packages = usualPackages } = this.#attestation ? (this.#options.warm ?? {}) : {};
    const prepared = { ...order, program: null, packages };
    const warm = count > 0 ? this.#warm.take(prepared, stdio) : undefined;
    const ready = warm ?? (stdio === "pty" ? undefined : this.#takeReady());
    let isRefilled = false;
    // Not before the program speaks: who is prepared takes from the same cores.
    const refill = () => {
      if (!isRefilled && count > 0) this.#warm.refill(prepared, stdio);
      isRefilled = true;
    };
    const onOutput = (piece: Buffer) => {
      job.onOutput?.(piece);
      refill();
    };
    const launchWith = (launcher: Launcher) => {
      const start = (hear: (piece: Buffer) => void) =>
        launcher === warm ? launcher.begin(job.program, hear) : launcher.launch(order, hear);
      return this.#launchWith(launcher, start, { ...job, onOutput }, signal);
    };
    try {
      const verdict = await launchWith(ready ?? (await this.#freshLauncher(stdio, signal)));
      // A launcher may die while it waits for work; nothing of the program has run then, and another one can take it.
      const hasNotBegun = verdict.status === "sandbox_error" && verdict.policyHash === null;
      return ready && hasNotBegun ? await launchWith(await this.#freshLauncher(stdio, signal)) : verdict;
    } finally {
      refill();
    }
  }

  async #launchWith(
    launcher: Launcher,
    start: (hear: (piece: Buffer) => void) => void,
    job: SandboxJob,
    signal: AbortSignal,
  ): Promise<Verdict> {
    const limits = { ...defaultLimits, ...job.limits };
    const output = new OutputKeeper(limits);
    const { stdio } = launcher;
    this.#launchers.set(launcher, launcher.end);
    start((piece) => {
      const wasOver = output.isOver;
      output.push(piece);
      if (!wasOver) job.onOutput?.(piece);
      if (!wasOver && output.isOver) launcher.cut("output");
    });
    this.#keepReady();
    const abort = () => launcher.cut("abort");
    signal.addEventListener("abort", abort);
    const patience = this.#options.setupMs + limits.wallMs + takeDownMs;
    const lateness = setTimeout(() => launcher.kill(), patience);
    try {
      const end = await launcher.end;
      const isClean = end.kind === "ended" && end.facts.leftoverCount === 0;
      // Whoever was not ended may hold its output open for ever.
      await Promise.race([stdio.drained(), ...(isClean ? [] : [pause(drainMs, undefined, { ref: false })])]);
      return this.#verdictOf(end, output.kept(), limits.cpuMs);
    } finally {
      clearTimeout(lateness);
      signal.removeEventListener("abort", abort);
      this.#launchers.delete(launcher);
      stdio.close();
    }
  }

  /** The one that is ready, for nobody else: a job on pipes may have it. */
  #takeReady(): Launcher | undefined {
    const ready = this.#ready;
    this.#ready = undefined;
    return ready;
  }

  /** @throws the signal's reason once it has aborted: nothing may begin then */
  async #freshLauncher(stdio: "pipe" | "pty", signal: AbortSignal = this.#closing.signal): Promise<Launcher> {
    signal.throwIfAborted();
    const made = stdio === "pipe" ? pipes() : await (this.#options.openTerminal ?? terminal)();
    if (signal.aborted) made.close();
    signal.throwIfAborted();
    return new Launcher(made, this.#options);
  }

  /** Half of what a program waits for is its launcher's imports: the next one does them now. */
  #keepReady(): void {
    if (!this.#closing.signal.aborted) this.#ready ??= new Launcher(pipes(), this.#options);
  }

  #orderOf(job: SandboxJob, limits: SandboxLimits): LaunchOrder {
    const { seed = 0, env = {}, outputs = [], dataFolder = null, dataVariable = "DATA_DIR", program } = job;
    const { outputBytes: _, outputLines: __, ...kept } = limits;
    return {
      walls: this.#options.walls,
      program,
      packages: null,
      data: dataFolder,
      dataVariable,
      python: this.#options.programPython,
      environment: { ...environment, PYTHONHASHSEED: String(seed >>> 0), SEED: String(seed), ...env },
      limits: kept,
      setupMs: this.#options.setupMs,
      outputs: outputs.map(({ name, maxBytes = defaultFileBytes }) => ({ name, maxBytes })),
      bubblewrap: this.#options.bubblewrap,
    };
  }

  #verdictOf(end: LaunchEnd, output: KeptOutput, cpuLimitMs: number): Verdict {
    const common = { output, tier: this.tier, attestationHash: this.#attestation?.hash ?? "" };
    switch (end.kind) {
      case "ended":
        this.built = end.built;
        return {
          ...judge(end.facts, cpuLimitMs, output.tail.length > 0 ? output.tail : output.head),
          ...common,
          files: filesOf(end),
          policyHash: hashOf(end.built.policy),
        };
      case "refused":
        return { ...nothing("setup", end.message), ...common, policyHash: null };
      case "broken":
        this.built ??= end.built;
        return {
          ...nothing("sandbox_error", end.message),
          ...common,
          policyHash: end.built ? hashOf(end.built.policy) : null,
        };
    }
  }

  async #enter(): Promise<void> {
    if (this.#runningCount < this.#options.maxRunning) this.#runningCount += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve)); // its place is handed over to us
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#runningCount -= 1;
  }
}

function nothing(status: "setup" | "sandbox_error", message: string) {
  const figures = { cpuMs: 0, wallMs: 0, maxRssBytes: 0, oomKillCount: 0, leftoverCount: 0 };
  return { status, message, exitCode: null, signal: null, files: [], ...figures };
}

function filesOf({ files, content }: LaunchEnd & { kind: "ended" }): TakenFile[] {
  let at = 0;
  return files.map(({ name, refusal, byteCount }) => {
    if (refusal !== null) return { name, refusal };
    at += byteCount;
    const bytes = content.subarray(at - byteCount, at);
    return { name, refusal, content: bytes, sha256: hashOf(bytes) };
  });
}

function hashOf(bytes: string | Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
