// A suite of tool-use tasks in its helper process: what is in it, and sessions on single tasks.
// A session that lost its process is made anew in the next by the same calls, and nobody notices but the clock.
import { randomUUID } from "node:crypto";
import { contentHash } from "../digest.ts";
import { EnvironmentError, InfrastructureError } from "../errors.ts";
import { SessionWorker, type SessionWorkerOptions } from "../session-worker.ts";
import { type TaskSet, taskSetOf } from "../task.ts";
import { type PythonOptions, pythonWorker } from "../worker.ts";
import { bfclHeldOut } from "./bfcl-split.ts";
import { knownBad } from "./known-bad.ts";
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

/** What an attempt is worth, by whose rules (trainer-py/iterant/workers/tools/score.py). */
export type RewardProfile = "exit" | "bespoke_literal" | "bfcl_official" | "state_only";

export interface ToolSuiteOptions extends PythonOptions, SessionWorkerOptions {
  suite: SuiteName;
  /** Of our own suite: which tasks its generator makes. */
  args?: readonly string[];
  /** Leave out the tasks that are known to be bad. */
  isSound?: boolean;
  /** For one response's calls; 30 000 unless said. A call by itself is cut off after 5 s. */
  deadlineMs?: number;
}

/** One response's calls, made. */
export interface CallResults {
  /** A text for each call, up to the first that failed; or one that says why none could be read. */
  results: string[];
  calls: CallMade[];
  /** False if the last call failed or none could be read. */
  succeeded: boolean;
  digest: string;
}

/** For the record. */
export interface CallMade {
  name: string;
  /** By name, as JSON text: a number keeps the form that the model gave it. */
  arguments: string;
  succeeded: boolean;
}

export interface RequestVerdict {
  isStateSame: boolean;
  areCallsMade: boolean;
  /** Both of these. */
  isFulfilled: boolean;
}

interface Description {
  name: string;
  versions: Record<string, string>;
  docs: Record<string, string[]>;
  tasks: Omit<ToolTask, "hash" | "release" | "knownBad">[];
}

/** Sessions that may be lost with their process so many times in a row before that is a failure. */
const maxLosses = 3;

export class ToolSuite implements AsyncDisposable {
  readonly name: SuiteName;
  readonly #worker: SessionWorker;
  readonly #isSound: boolean;
  readonly #deadlineMs: number;
  readonly #description: Promise<Description>;

  constructor({ suite, args = [], isSound = false, deadlineMs = 30_000, ...options }: ToolSuiteOptions) {
    this.name = suite;
    this.#isSound = isSound;
    this.#deadlineMs = deadlineMs;
    const module = `iterant.workers.tools.${suite}`;
    this.#worker = new SessionWorker(pythonWorker(`tools-${suite}`, module, options, args), options);
    this.#description = this.call("describe", {}) as Promise<Description>;
    this.#description.catch(() => {}); // whoever asks for it hears it
  }

  /** Packages, data and code that answers depend on. @throws InfrastructureError `worker_start` */
  async versions(): Promise<Record<string, string>> {
    return (await this.#description).versions;
  }

  /** The helper process that is up. */
  async pid(): Promise<number> {
    return (await this.#worker.ready()).pid;
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
    return (await this.call("unwinnable", { profile, requests })) as string[];
  }

  /** A task's own answer: for each request its calls, a JSON text each. For tests and benches, never for a policy. */
  async reference({ id }: ToolTask): Promise<string[][]> {
    return (await this.call("reference", { task: id })) as string[][];
  }

  /**
   * A session on a task; it costs nothing until its first call.
   * @param done what was done before it begins: texts of calls, and null where a request ended
   */
  session(task: ToolTask, done: readonly (string | null)[] = []): ToolSession {
    return new ToolSession(this, task, done);
  }

  /** For sessions. @throws InfrastructureError */
  call(method: string, params: object, options: { life?: number; signal?: AbortSignal } = {}): Promise<unknown> {
    return this.#worker.call(method, params, { deadlineMs: this.#deadlineMs, ...options });
  }

  get life(): number {
    return this.#worker.life;
  }

  close(): Promise<void> {
    return this.#worker.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export class ToolSession {
  readonly #suite: ToolSuite;
  readonly #task: ToolTask;
  readonly #id = randomUUID();
  /** What makes it anew: the texts of its calls, and null where a request ended. */
  readonly #done: (string | null)[];
  /** The process it lives in; null before it is opened. */
  #life: number | null = null;

  constructor(suite: ToolSuite, task: ToolTask, done: readonly (string | null)[]) {
    this.#suite = suite;
    this.#task = task;
    this.#done = [...done];
  }

  /** Opens it and gives the digest of where it begins. */
  async begin(signal: AbortSignal): Promise<string> {
    return (await this.#within(signal, async () => this.#open(signal))) as string;
  }

  /** Makes the calls of one response; its JSON goes to the helper as it stands. */
  async take(text: string, signal: AbortSignal): Promise<CallResults> {
    const results = await this.#call("call", { text }, signal);
    this.#done.push(text);
    return results as CallResults;
  }

  /** Ends the request that is under way. */
  async endRequest(signal: AbortSignal): Promise<{ verdict: RequestVerdict; digest: string }> {
    const ended = await this.#call("endRequest", {}, signal);
    this.#done.push(null);
    return ended as { verdict: RequestVerdict; digest: string };
  }

  /** A second session that stands where this one does; neither notices the other. */
  async fork(signal: AbortSignal): Promise<ToolSession> {
    const fork = new ToolSession(this.#suite, this.#task, this.#done);
    try {
      await this.#within(signal, (life) => {
        fork.#life = life;
        return this.#suite.call("fork", { session: this.#id, into: fork.#id }, { life, signal });
      });
    } catch (error) {
      await fork.close();
      throw error;
    }
    return fork;
  }

  /** What it is worth over the first so many requests; those not ended yet end as they stand. */
  async score(
    profile: RewardProfile,
    requests: number,
    signal: AbortSignal,
  ): Promise<{ quality: number; fulfilled: boolean[] }> {
    const score = await this.#call("score", { profile, requests }, signal);
    return score as { quality: number; fulfilled: boolean[] };
  }

  /** Lets go of it in the helper; a helper that is gone has let go already. */
  async close(): Promise<void> {
    if (this.#life === null || this.#life !== this.#suite.life) return;
    await this.#suite.call("close", { session: this.#id }, { life: this.#life }).catch((error: unknown) => {
      if (!(error instanceof InfrastructureError)) throw error;
    });
  }

  #call(method: string, params: object, signal: AbortSignal): Promise<unknown> {
    return this.#within(signal, (life) => this.#suite.call(method, { session: this.#id, ...params }, { life, signal }));
  }

  /** Work that needs the session to be there; where it was lost through no fault of its own, it is made anew first. */
  async #within(signal: AbortSignal, work: (life: number) => Promise<unknown>): Promise<unknown> {
    for (let losses = 0; ; losses += 1) {
      try {
        if (this.#life === null || this.#life !== this.#suite.life) await this.#open(signal);
        return await work(this.#life!);
      } catch (error) {
        const isLost = error instanceof InfrastructureError && error.failure.cause === "worker_lost";
        if (!isLost || losses >= maxLosses) throw error;
        this.#life = null;
      }
    }
  }

  /** Opens it in the process that is up, and makes again what was made. */
  async #open(signal: AbortSignal): Promise<string> {
    const { id: task } = this.#task;
    await this.#suite.versions(); // a process is up
    const life = this.#suite.life;
    const params = { session: this.#id, task, done: this.#done };
    this.#life = life; // from here on there is something to close, even if an abort is ahead of the answer
    const { digest } = (await this.#suite.call("open", params, { life, signal })) as { digest: string };
    return digest;
  }
}
