// Programs of competitions in a sandbox: the executor that runs are made with.
// Knows both vocabularies, and nothing of walls or grades.
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { TakenFile, Verdict } from "../sandbox/verdict.ts";
import type { Execution, Executor, Program, ProgramPaths } from "./executor.ts";
import { transcriptOf } from "./output.ts";
import { programName } from "./program.ts";
import { type RefusalReason, type Submission, submissionName } from "./submission.ts";

/** An executor on this sandbox, which is closed with it. */
export function sandboxExecutor(sandbox: Sandbox): Executor {
  const close = () => sandbox.close();
  return {
    tier: sandbox.tier,
    run: (program, options = {}) => run(sandbox, program, options),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function run(sandbox: Sandbox, program: Program, options: { signal?: AbortSignal }): Promise<Execution> {
  const { text, dataFolder, dataVariable, limits, stdio } = program;
  const threads = String(limits.threadCount);
  const kept = transcriptOf(program.transcriptBytes);
  const verdict = await sandbox.run(
    {
      program: text,
      dataFolder,
      dataVariable,
      stdio,
      limits: {
        wallMs: limits.wallMs,
        cpuMs: limits.cpuMs,
        memoryBytes: limits.memoryBytes,
        processes: limits.processCount,
        fileBytes: limits.diskBytes,
        workspaceBytes: limits.diskBytes,
        outputBytes: limits.outputBytes,
      },
      env: {
        OMP_NUM_THREADS: threads,
        OPENBLAS_NUM_THREADS: threads,
        MKL_NUM_THREADS: threads,
        LOKY_MAX_CPU_COUNT: threads,
      },
      outputs: [{ name: submissionName, maxBytes: limits.submissionBytes }],
      ...(kept && { onOutput: kept.hear }),
    },
    options,
  );
  return {
    end: verdict.status,
    exitCode: verdict.exitCode,
    signal: verdict.signal,
    message: verdict.message ?? "",
    output: { head: verdict.output.head, tail: verdict.output.tail, byteCount: verdict.output.totalBytes },
    ...(kept && { transcript: kept.transcript }),
    submission: verdict.status === "ok" ? submissionOf(verdict) : { kind: "missing" },
    wallMs: Math.round(verdict.wallMs),
    paths: pathsOf(sandbox, dataFolder),
  };
}

function submissionOf({ files }: Verdict): Submission {
  const file = files.find(({ name }) => name === submissionName);
  if (file === undefined || file.refusal === "missing") return { kind: "missing" };
  if (file.refusal === null) return { kind: "file", bytes: file.content, sha256: file.sha256 };
  const [reason, what] = refusals[file.refusal];
  const advice = "write it with open() or to_csv() under that name";
  return { kind: "refused", reason, message: `${submissionName} ${what} - ${advice}` };
}

const refusals: Record<
  Exclude<Extract<TakenFile, { refusal: string }>["refusal"], "missing">,
  [reason: RefusalReason, what: string]
> = {
  link: ["symlink", "is a symbolic link"],
  not_regular: ["not_a_file", "is not an ordinary file"],
  hard_link: ["hardlink", "has several names: it may be somebody else's file"],
  too_large: ["too_large", "is larger than a submission may be"],
  unreadable: ["unreadable", "cannot be read"],
};

/** Behind walls of its own a program sees the same places everywhere. */
function pathsOf({ tier }: Sandbox, dataFolder: string): ProgramPaths {
  const isWalled = tier === "full" || tier === "namespaces";
  return isWalled
    ? { program: `/work/${programName}`, work: "/work", data: "/data" }
    : { program: programName, work: "", data: dataFolder };
}
