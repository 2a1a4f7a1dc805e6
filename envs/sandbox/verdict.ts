// What came of a program, in one word and in figures; the words are those of contest sandboxes.
// Pure: facts of the launcher in, verdict out. Knows no process.
import { constants } from "node:os";
import type { Tier } from "./guarantees.ts";
import type { KeptOutput } from "./output.ts";

/**
 * - `ok`, `nonzero`, `signal`: it ended by itself; with code 0, with another, by a signal
 * - `wall`, `cpu`, `output`: it was ended at that limit
 * - `oom`: it was killed for memory
 * - `pids`, `disk`: it ended badly after it had met the bound on processes, or with its workspace full
 * - `setup`: the job cannot be run as it is: no data folder, a program larger than its workspace
 * - `sandbox_error`: the sandbox failed; nothing is known of the program
 */
export type VerdictStatus =
  | "ok"
  | "nonzero"
  | "signal"
  | "wall"
  | "cpu"
  | "oom"
  | "pids"
  | "output"
  | "disk"
  | "setup"
  | "sandbox_error";

export interface Verdict {
  readonly status: VerdictStatus;
  /** Null if it did not end by itself. */
  readonly exitCode: number | null;
  /** `SIGSEGV`; null if no signal of its own ended it. */
  readonly signal: string | null;
  /** What went wrong with the sandbox or the job; null otherwise. */
  readonly message: string | null;
  /** Of the whole tree, what the sandbox itself took included. */
  readonly cpuMs: number;
  readonly wallMs: number;
  /** The most that was held at once: by the tree where it is counted, else by its largest process. */
  readonly maxRssBytes: number;
  readonly output: KeptOutput;
  /** How many processes were killed for memory, its children's too: an `ok` may have lost some. */
  readonly oomKillCount: number;
  /** Processes that could not be ended: 0, or the verdict is `sandbox_error`. */
  readonly leftoverCount: number;
  readonly files: readonly TakenFile[];
  readonly tier: Tier;
  /** Of the walls and limits that stood around this program; null if none did. */
  readonly policyHash: string | null;
  /** Of what was tried when the sandbox was opened. */
  readonly attestationHash: string;
}

/** Why a file was not taken; a refusal is about the file, never a failure. */
export type FileRefusal = "missing" | "link" | "not_regular" | "hard_link" | "too_large" | "unreadable";

export type TakenFile =
  | { readonly name: string; readonly refusal: null; readonly content: Buffer; readonly sha256: string }
  | { readonly name: string; readonly refusal: FileRefusal };

/** What the launcher says at the end; see `iterant.sandbox.launcher`. */
export interface LaunchFacts {
  cut: "wall" | "cpu" | "setup" | "output" | "abort" | null;
  hasRun: boolean;
  /** Lines of the runner, JSON if nobody meddled. */
  reports: string[];
  wallMs: number;
  cpuMs: number;
  peakBytes: number | null;
  isWorkspaceFull: boolean;
  oomKillCount: number;
  refusedForkCount: number;
  leftoverCount: number;
}

/** The runner's last report. */
interface Report {
  exitCode?: number;
  /** Its number. */
  signal?: number;
  broken?: string;
  maxRssBytes?: number;
}

export type Judgement = Pick<
  Verdict,
  "status" | "exitCode" | "signal" | "message" | "cpuMs" | "wallMs" | "maxRssBytes" | "oomKillCount" | "leftoverCount"
>;

/**
 * The verdict on what the launcher saw.
 * @param cpuLimitMs what the program was allowed
 * @param said the last of its output: walls that do not stand complain there
 */
export function judge(facts: LaunchFacts, cpuLimitMs: number, said: Buffer): Judgement {
  const report = reportOf(facts.reports);
  const figures = {
    cpuMs: facts.cpuMs,
    wallMs: facts.wallMs,
    maxRssBytes: facts.peakBytes ?? report.maxRssBytes ?? 0,
    oomKillCount: facts.oomKillCount,
    leftoverCount: facts.leftoverCount,
  };
  const broken = whatBroke(facts, report, said);
  if (broken !== null) return { status: "sandbox_error", exitCode: null, signal: null, message: broken, ...figures };
  if (facts.cut === "wall" || facts.cut === "cpu" || facts.cut === "output") {
    return { status: facts.cut, exitCode: null, signal: null, message: null, ...figures };
  }
  const { exitCode = null } = report;
  // Without a report the runner was killed with the program: by the program itself, or for memory.
  const signal = exitCode === null ? signalName(report.signal ?? constants.signals.SIGKILL) : null;
  return { status: statusOf(facts, exitCode, signal, cpuLimitMs), exitCode, signal, message: null, ...figures };
}

function whatBroke(facts: LaunchFacts, report: Report, said: Buffer): string | null {
  if (facts.leftoverCount > 0) return `${facts.leftoverCount} processes of the program could not be ended`;
  if (report.broken !== undefined) return report.broken;
  if (facts.cut === "setup") return "the program was not running by the deadline of its setup";
  if (!facts.hasRun) return `the walls fell before the program ran: ${said.toString().trim().split("\n").at(-1)}`;
  return facts.cut === "abort" ? "it was broken off" : null;
}

function statusOf(
  facts: LaunchFacts,
  exitCode: number | null,
  signal: string | null,
  cpuLimitMs: number,
): VerdictStatus {
  if (exitCode === 0) return "ok";
  if (facts.oomKillCount > 0 && (signal === "SIGKILL" || exitCode === 137)) return "oom";
  if (signal === "SIGXCPU" || (signal === "SIGKILL" && facts.cpuMs > cpuLimitMs)) return "cpu";
  if (signal === "SIGXFSZ" || facts.isWorkspaceFull) return "disk";
  if (facts.refusedForkCount > 0) return "pids";
  return signal === null ? "nonzero" : "signal";
}

/** A program that has its runner's descriptor can only spoil the report, not add to what it may do. */
function reportOf(lines: readonly string[]): Report {
  try {
    return JSON.parse(lines.at(-1) ?? "{}") as Report;
  } catch {
    return {}; // cut off in the middle of a line: as good as none
  }
}

function signalName(number: number): string {
  const named = Object.entries(constants.signals).find(([, one]) => one === number);
  return named?.[0] ?? `SIG${number}`; // a real-time signal
}
