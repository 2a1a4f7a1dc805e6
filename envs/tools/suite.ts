// A suite of tool-use tasks in its helper processes: what is in it, how it is divided, sessions on single tasks.
// Knows no call: what a session does is its own affair (session.ts).
import { contentHash } from "../digest.ts";
import { EnvironmentError } from "../errors.ts";
import { HostedSession } from "../hosted-session.ts";
import { SessionWorker, type SessionWorkerOptions } from "../session-worker.ts";
import { type TaskSet, taskSetOf } from "../task.ts";
import { type PythonOptions, pythonWorker } from "../worker.ts";
import { bfclHeldOut } from "./bfcl-split.ts";
import { knownBad } from "./known-bad.ts";
import { type RewardProfile, ToolSession } from "./session.ts";
import { stratifiedHalf, type ToolTask } from "./task.ts";

/** Whose tasks: upstream's from the installed `bfcl-eval`, or ours, which need nothing. */
export type SuiteName = "bfcl" | "office";

/**
 * The suite that a source names: `bfcl`; `bfcl:sound`, without those known to be bad; or `office` with a level and a
 * number of tasks, `office:tiny:600`. Null for any other source.
 * @throws EnvironmentError `bad_data` for a level that there is not
 */
export function suiteOf(source: string): Pick<ToolSuiteOptions, "suite" | "args" | "isSound"> | null {
  if (source === "bfcl") return { suite: "bfcl" };
  if (source === "bfcl:sound") return { suite: "bfcl", isSound: true };
  const [name, level = "easy", count = "400", ...rest] = source.split(":");
  if (name !== "office") return null;
  if (!["tiny", "easy", "full"].includes(level) || !/^[1-9]\d*$/.test(count) || rest.length > 0) {
    const advice = "write office, office:easy or office:tiny:600; levels are tiny, easy and full";
    throw new EnvironmentError("bad_data", `no such tasks - ${source} - ${advice}`);
  }
  return { suite: "office", args: ["--level", level, "--count", count] };
}

export interface ToolSuiteOptions extends PythonOptions, SessionWorkerOptions {
  suite: SuiteName;
  /** Of our own suite: which tasks its generator makes. */
  args?: readonly string[];
  /** Leave out the tasks that are known to be bad. */
  isSound?: boolean;
  /** Helper processes, which the sessions are dealt to; 1 unless said. */
  processCount?: number;
  /** For one response's calls; 30 000 unless said. A call by itself is cut off after 5 s. */
  deadlineMs?: number;
}

interface Description {
  name: string;
  versions: Record<string, string>;
  docs: Record<string, string[]>;
  tasks: Omit<ToolTask, "hash" | "release" | "knownBad">[];
}

export class ToolSuite implements AsyncDisposable {
  readonly name: SuiteName;
  readonly #workers: readonly SessionWorker[];
  #sessionCount = 0;
  readonly #isSound: boolean;
  readonly #deadlineMs: number;
  readonly #description: Promise<Description>;

  constructor(options: ToolSuiteOptions) {
    const { suite, args = [], isSound = false, processCount = 1, deadlineMs = 30_000 } = options;
    this.name = suite;
    this.#isSound = isSound;
    this.#deadlineMs = deadlineMs;
    const command = pythonWorker(`tools-${suite}`, `iterant.workers.tools.${suite}`, options, args);
    this.#workers = Array.from({ length: processCount }, () => new SessionWorker(command, options));
    this.#description = this.#call("describe", {}) as Promise<Description>;
    this.#description.catch(() => {}); // whoever asks for it hears it
  }

  /** Packages, data and code that answers depend on. @throws InfrastructureError `worker_start` */
  async versions(): Promise<Record<string, string>> {
    return (await this.#description).versions;
  }

  /** The helper processes, all of them up. */
  async pids(): Promise<number[]> {
    return Promise.all(this.#workers.map(async (worker) => (await worker.ready()).pid));
  }

  /** The published descriptions of the functions of these classes, a JSON text each. */
  async docs(apis: readonly string[]): Promise<string[]> {
    const { docs } = await this.#description;
    return apis.flatMap((api) => docs[api] ?? []);
  }

  /**
   * All tasks: BFCL's divided by the list that is shipped, others as they come divided, or in halves by the seed's draw.
   * Their hashes change with any of data and code.
   */
  async tasks(seed = 0): Promise<TaskSet<ToolTask>> {
    const { name, versions, tasks } = await this.#description;
    const hash = contentHash(versions);
    const release = Object.entries(versions).map(([what, version]) => `${what} ${version}`);
    const bad = this.name === "bfcl" ? knownBad : {};
    const all = tasks
      .filter(({ id }) => !(this.#isSound && id in bad))
      .map((task) => ({
        ...task,
        hash: contentHash([hash, task.id]),
        release: release.join(", "),
        ...(task.id in bad ? { knownBad: bad[task.id]! } : {}),
      }));
    const half = new Set(this.name === "bfcl" ? bfclHeldOut : stratifiedHalf(all, seed));
    return taskSetOf(name, all, ({ id, isHeldOut }) => isHeldOut ?? half.has(id));
  }

  /** Tasks that nobody can win under a profile: their own answers score 0. */
  async unwinnable(profile: RewardProfile, requests: number | null = null): Promise<string[]> {
    return (await this.#call("unwinnable", { profile, requests })) as string[];
  }

  /** A task's own answer: for each request its calls, a JSON text each. For tests and benches, never for a policy. */
  async reference({ id }: ToolTask): Promise<string[][]> {
    return (await this.#call("reference", { task: id })) as string[][];
  }

  /**
   * A session on a task; it costs nothing until its first call.
   * @param done what was done before it begins: texts of calls, and null where a request ended
   */
  session(task: ToolTask, done: readonly (string | null)[] = []): ToolSession {
    const worker = this.#workers[this.#sessionCount % this.#workers.length]!;
    this.#sessionCount += 1;
    const opening = { task: task.id };
    return new ToolSession(new HostedSession(worker, { opening, done, deadlineMs: this.#deadlineMs }));
  }

  /** Ends the processes; calls under way fail with `worker_closed`. Twice is fine. */
  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #call(method: string, params: object): Promise<unknown> {
    return this.#workers[0]!.call(method, params, { deadlineMs: this.#deadlineMs });
  }
}
