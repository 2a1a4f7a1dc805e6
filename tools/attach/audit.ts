// The record of changes made from outside: every expression of a session with --write, before it runs and after.
// Only ever appended to; without a line in it nothing is evaluated.
import { appendFileSync, mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { exitCodes, Failure } from "../failure.ts";
import { runFiles } from "../run-folder.ts";

export interface AuditLine {
  /** ISO 8601, UTC. */
  time: string;
  user: string;
  actor: string;
  expression: string;
  /** `begun` before it runs; then a second line says how it ended. `unanswered`: it may or may not have run. */
  outcome: "begun" | "ok" | "error" | "unanswered";
  /** What it gave, cut at 500 characters. */
  text?: string;
}

const maxText = 500;

export class Audit {
  readonly file: string;
  readonly #user = userName();

  constructor(folder: string) {
    this.file = join(folder, runFiles.logs, "audit.jsonl");
    mkdirSync(join(folder, runFiles.logs), { recursive: true });
  }

  /** @throws Failure `failed` if the line cannot be written: then nothing may run */
  write(actor: string, expression: string, outcome: AuditLine["outcome"], text?: string): void {
    const cut = text === undefined || text.length <= maxText ? text : `${text.slice(0, maxText)}…`;
    const line: AuditLine = {
      time: new Date().toISOString(),
      user: this.#user,
      actor,
      expression,
      outcome,
      ...(cut === undefined ? {} : { text: cut }),
    };
    try {
      appendFileSync(this.file, `${JSON.stringify(line)}\n`, { mode: 0o600 });
    } catch (error) {
      const what = `${this.file} cannot be written: ${(error as Error).message}`;
      throw new Failure(exitCodes.failed, `${what}. Nothing is changed without a record.`, { cause: error });
    }
  }
}

/** A container may run us under a number without a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}
