// What a run has to say while it goes on: one row a happening, on disk as JSON lines and to whoever follows.
// Knows rows, not what they mean; a follower that is slow gets them late and holds nobody up.
import { appendFile } from "node:fs/promises";
import { defineActor } from "../runtime/index.ts";
import type { Evaluation } from "./evaluator.ts";
import type { LedgerCounts } from "./ledger.ts";
import type { CurriculumReport } from "./task-buffer.ts";

/** One iteration of the learner. Times in seconds; `wall_s` counts from the first row of the run, resumes included. */
export interface IterationRow {
  kind: "iteration";
  iteration: number;
  iterations: number;
  /** Updates applied to the weights. */
  version: number;
  wall_s: number;
  /** Share of this iteration's wall time that the learner waited for episodes, computed, and gave weights out. */
  time: { wait_s: number; update_s: number; publish_s: number; checkpoint_s: number };
  samplesPerSecond: number;
  meanReward: number;
  lag: { mean: number; max: number };
  /** What the learner reports of its update; empty for an iteration without gradient. */
  learner: Readonly<Record<string, number>>;
  trainedCount: number;
  queue: { runningCount: number; waitingCount: number };
  ledger: LedgerCounts;
  curriculum: CurriculumReport;
}

export interface EvaluationRow extends Evaluation {
  kind: "evaluation";
  iteration: number;
  at_s: number;
}

export interface NoticeRow {
  kind: "notice";
  at_s: number;
  text: string;
}

export type LogRow = IterationRow | EvaluationRow | NoticeRow;

export interface RunLogConfig {
  /** `runs/<name>/metrics.jsonl`. */
  file: string;
}

export class RunLog {
  readonly #file: string;
  readonly #rows: LogRow[] = [];
  #waiting: (() => void)[] = [];
  #isClosed = false;
  #written: Promise<unknown> = Promise.resolve();

  constructor({ file }: RunLogConfig) {
    this.#file = file;
  }

  /** Resolves when the row is in the file. */
  async add(row: LogRow): Promise<void> {
    this.#rows.push(row);
    this.#wake();
    this.#written = this.#written.then(() => appendFile(this.#file, `${JSON.stringify(row)}\n`));
    await this.#written;
  }

  /** All rows of this life of the run, from the first, as they come; ends when the log is closed. */
  async *follow(): AsyncGenerator<LogRow, void, void> {
    for (let at = 0; ; at += 1) {
      while (at >= this.#rows.length) {
        if (this.#isClosed) return;
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
      yield this.#rows[at]!;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

export const RunLogActor = defineActor(import.meta.url, RunLog, { concurrency: Number.POSITIVE_INFINITY });
