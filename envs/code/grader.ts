// Grades of submissions, from a helper process that holds the answers and never meets a program.
// Knows neither programs nor qualities: bytes in, a report in mlebench's form out.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InfrastructureError } from "../errors.ts";
import { type Hello, type PythonOptions, pythonWorker, type WorkerCommand } from "../worker.ts";
import { type WorkerCallOptions, WorkerPool, type WorkerPoolOptions } from "../worker-pool.ts";

/** mlebench's report on one submission, key for key. */
export type CompetitionReport = {
  competition_id: string;
  /** With 5 decimals; null if the submission is invalid. */
  score: number | null;
  gold_threshold: number;
  silver_threshold: number;
  bronze_threshold: number;
  median_threshold: number;
  any_medal: boolean;
  gold_medal: boolean;
  silver_medal: boolean;
  bronze_medal: boolean;
  above_median: boolean;
  submission_exists: boolean;
  valid_submission: boolean;
  is_lower_better: boolean;
  created_at: string;
  submission_path: string;
};

export type Grade = {
  report: CompetitionReport;
  /** Why the submission is invalid; null if it is valid. */
  reason: string | null;
  /** True if it is the sample submission, byte for byte. */
  isSampleCopy: boolean;
};

/** What may be known of a competition. */
export type Competition = {
  id: string;
  source: "synthetic" | "mlebench";
  /** Of its description and all its public files. */
  hash: string;
  description: string;
  /** What its public files begin with. */
  previews: string;
  /** On this machine. */
  publicFolder: string;
  sampleName: string;
};

/** Python texts: a first try, the trick that the competition is about, one that fails, and one that never ends. */
export type CompetitionPrograms = Record<"baseline" | "good" | "broken" | "endless", string>;

/** Gold and sample graded; `problem` is null if both are valid and gold is the better one. */
export type CompetitionCheck = { gold: CompetitionReport; sample: CompetitionReport; problem: string | null };

export interface CompetitionGraderOptions extends PythonOptions, WorkerPoolOptions {
  /** Where synthetic data is made at first use, and kept. */
  folder: string;
  /** mlebench's data folder, for the real competitions; without it there are the synthetic ones. */
  mlebenchData?: string;
  /** Keep fields of its public files that are known to tell the answers from programs; false, as upstream, unless said. */
  sanitize?: boolean;
  /** Which version of the synthetic data; 0 unless said. */
  seed?: number;
  /** A secret text that the synthetic data is drawn with; random in every new folder unless said. */
  salt?: string;
  /** For one grade; 60 000 unless said. Making or copying a competition's files may take ten times as long. */
  deadlineMs?: number;
}

/** A larger submission goes by file: a line to a helper is bounded, and base64 is a third longer. */
const maxInlineBytes = 8 * 1024 ** 2;

/** Open one for a run; one process is enough for thousands of grades a minute. */
export class CompetitionGrader implements AsyncDisposable {
  readonly #pool: WorkerPool;
  readonly #deadlineMs: number;

  constructor({ deadlineMs = 60_000, ...options }: CompetitionGraderOptions) {
    this.#pool = new WorkerPool(commandOf(options), { processCount: 1, ...options });
    this.#deadlineMs = deadlineMs;
  }

  /** Resolves when a process is up, with the versions that grades depend on. @throws InfrastructureError `worker_start` */
  get ready(): Promise<Hello> {
    return this.#pool.ready;
  }

  /** Numbers for a dashboard. */
  get stats() {
    return this.#pool.stats;
  }

  /** All that can be opened: the prepared ones of mlebench, and the synthetic ones. @throws as {@link grade} */
  async ids(options: { signal?: AbortSignal } = {}): Promise<string[]> {
    return (await this.#ask("ids", {}, this.#patiently(options))) as string[];
  }

  /** Makes or finds a competition's files. @throws as {@link grade}, and if there is none of this id */
  async open(id: string, options: { signal?: AbortSignal } = {}): Promise<Competition> {
    return (await this.#ask("open", { id }, this.#patiently(options))) as Competition;
  }

  /**
   * The report on a submission. An invalid one has a report too; what throws is not the submission's fault.
   * @throws InfrastructureError `grader_failed`, `worker_timeout`, `worker_died`, `worker_start`, `worker_closed`
   */
  async grade(id: string, submission: Buffer, { signal }: { signal?: AbortSignal } = {}): Promise<Grade> {
    const options = { deadlineMs: this.#deadlineMs, ...(signal && { signal }) };
    if (submission.length <= maxInlineBytes) {
      return (await this.#ask("grade", { id, base64: submission.toString("base64") }, options)) as Grade;
    }
    const folder = await mkdtemp(join(tmpdir(), "iterant-submission-"));
    try {
      const path = join(folder, "submission.csv");
      await writeFile(path, submission, { mode: 0o600 });
      return (await this.#ask("grade", { id, path }, options)) as Grade;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** The programs that come with a synthetic competition; nothing for others. @throws as {@link grade} */
  async programs(id: string, options: { signal?: AbortSignal } = {}): Promise<CompetitionPrograms | undefined> {
    const programs = (await this.#ask("programs", { id }, this.#patiently(options))) as Partial<CompetitionPrograms>;
    return programs.baseline === undefined ? undefined : (programs as CompetitionPrograms);
  }

  /** Grades a competition's own gold and sample submission. @throws as {@link open} */
  async check(id: string, options: { signal?: AbortSignal } = {}): Promise<CompetitionCheck> {
    return (await this.#ask("check", { id }, this.#patiently(options))) as CompetitionCheck;
  }

  /** Ends the process. Closing twice is fine. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #patiently({ signal }: { signal?: AbortSignal }): WorkerCallOptions {
    return { deadlineMs: 10 * this.#deadlineMs, ...(signal && { signal }) };
  }

  /** What the helper raises is the grader's failure, told apart from failures of the process. */
  async #ask(method: string, params: object, options: WorkerCallOptions): Promise<unknown> {
    try {
      return await this.#pool.call(method, params, options);
    } catch (error) {
      if (!(error instanceof InfrastructureError) || error.failure.cause !== "worker_error") throw error;
      throw new InfrastructureError("grader_failed", error.failure.message);
    }
  }
}

function commandOf({
  folder,
  mlebenchData,
  sanitize,
  seed = 0,
  salt,
  ...python
}: CompetitionGraderOptions): WorkerCommand {
  const command = pythonWorker("competition-grader", "iterant.workers.competition_grader", python);
  const real = mlebenchData === undefined ? [] : ["--mlebench-data", mlebenchData, ...(sanitize ? ["--sanitize"] : [])];
  const secret: Record<string, string> = salt === undefined ? {} : { ITERANT_COMPETITION_SALT: salt };
  return {
    ...command,
    args: [...command.args, folder, "--seed", String(seed), ...real],
    env: { ...command.env, ...secret },
  };
}
