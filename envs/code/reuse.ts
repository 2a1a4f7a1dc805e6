// Runs no program twice: what came of it is kept and given again. For grammars of few programs, where most of an
// experiment would be the same programs run again and again. Not for figures of time, and only where it is asked for.
import { createHash } from "node:crypto";
import { abortable } from "../abort.ts";
import type { Execution, Executor, Program } from "./executor.ts";

/** Executions kept; the one used longest ago goes first. */
const keptCount = 4096;

/** The same executor with a memory. What failed as infrastructure is run anew. */
export function reusingExecutor(executor: Executor): Executor {
  const kept = new Map<string, Promise<Execution>>();
  return {
    tier: executor.tier,
    run(program, { signal } = {}) {
      const key = keyOf(program);
      const running = kept.get(key) ?? executor.run(program); // not aborted with whoever asked first: others may wait too
      kept.delete(key);
      kept.set(key, running);
      if (kept.size > keptCount) kept.delete(kept.keys().next().value!);
      const forget = () => kept.delete(key);
      running.then(({ end }) => (end === "setup" || end === "sandbox_error") && forget(), forget);
      return abortable([signal], () => running);
    },
    close: () => executor.close(),
    [Symbol.asyncDispose]: () => executor.close(),
  };
}

function keyOf({ text, dataFolder, dataVariable, limits, stdio, transcriptBytes }: Program): string {
  return createHash("sha256")
    .update(JSON.stringify([text, dataFolder, dataVariable, limits, stdio, transcriptBytes]))
    .digest("hex");
}
