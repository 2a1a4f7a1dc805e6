// A tool-use task as far as it may be known outside its helper: the requests and the classes, never the answers.
// And how a set of them is divided: by strata, so that both halves hold the same kinds.
import { hashFraction, type Task } from "../task.ts";

export interface ToolTask extends Task {
  /** What the user asks for, one request after another. */
  readonly requests: readonly string[];
  /** The classes whose functions may be called. */
  readonly apis: readonly string[];
  /** Calls of the reference answer, by request: how much there is to do. */
  readonly referenceCallCounts: readonly number[];
  /** Package, data and code that it comes from, with their hashes: `bfcl-eval 2026.3.23, questions 1a21…`. */
  readonly release: string;
  /** What is wrong with its reference, where something is: nobody can be expected to solve it. */
  readonly knownBad?: string;
  /** Set where the tasks come divided already. */
  readonly isHeldOut?: boolean;
}

/**
 * The ids that are held out: half of them, dealt so that each stratum (number of requests, set of classes) is halved as
 * evenly as its size allows. Strata in the order of their names are dealt one by one, and whose turn it is goes on from
 * one stratum to the next, since many hold a single task.
 */
export function stratifiedHalf(tasks: readonly ToolTask[], seed: number): string[] {
  const strata = new Map<string, ToolTask[]>();
  for (const task of tasks) {
    const name = `${task.requests.length} ${[...task.apis].sort().join("+")}`;
    strata.set(name, [...(strata.get(name) ?? []), task]);
  }
  const heldOut: string[] = [];
  let isHeldOut = hashFraction(seed, "first") < 0.5;
  for (const name of [...strata.keys()].sort()) {
    const dealt = strata.get(name)!.map((task) => ({ task, at: hashFraction(seed, task.id) }));
    for (const { task } of dealt.sort((one, other) => one.at - other.at)) {
      if (isHeldOut) heldOut.push(task.id);
      isHeldOut = !isHeldOut;
    }
  }
  return heldOut.sort();
}
