// A suite of tool-use tasks in its helper process: what is in it, and sessions on single tasks.
// A session that lost its process is made anew in the next by the same calls, and nobody notices but the clock.
import { randomUUID } from "node:crypto";
import { contentHash } from "../digest.ts";
import { EnvironmentError, InfrastructureError } from "../errors.ts";
import { SessionWorker, type SessionWorkerOptions } from "../session-worker.ts";
import { type TaskSet, taskSetOf } from "../task.ts";
import { type PythonOptions, pythonWorker } from "../worker.ts";
import { stratifiedHalf, type ToolTask } from "./task.ts";

/** Whose tasks: upstream's from the installed `bfcl-eval`, or ours, which need nothing. */
export type SuiteName = "bfcl" | "office";

/**
 * The suite that a source names: `bfcl`, or `office` with a level and a number of tasks, `office:tiny:600`. Null for any
 * other source.
 * @throws EnvironmentError `bad_data` for a level that there is not
 */
export function suiteOf(source: string): { suite: SuiteName; args: string[] } | null {
  if (source === "bfcl") return { suite: "bfcl", args: [] };
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
  /** For one response's calls; 30 000 unless said. A call by itself is cut off after 5 s. */
  deadlineMs?: number;
}

/** One response's calls, made. */
export interface CallResults {
  /** A text for each call, up to the first that failed; or one that says why none could be read. */
  results: string[];
  succeeded: boolean;
  digest: string;
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
  tasks: Omit<ToolTask, "hash">[];
}

/** Sessions that may be lost with their process so many times in a row before that is a failure. */
const maxLosses = 3;

export class ToolSuite implements AsyncDisposable {
  readonly name: SuiteName;
  readonly #worker: SessionWorker;
  readonly #deadlineMs: number;
  readonly #description: Promise<Description>;

  constructor({ suite, args = [], deadlineMs = 30_000, ...options }: ToolSuiteOptions) {
    this.name = suite;
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

  /** All tasks, divided as they come or in halves by the seed's draw. Its version changes with any of data and code. */
  async tasks(seed = 0): Promise<TaskSet<ToolTask>> {
    const { name, versions, tasks } = await this.#description;
    const release = contentHash(versions);
    const all = tasks.map((task) => ({ ...task, hash: contentHash([release, task.id]) }));
    const half = new Set(stratifiedHalf(all, seed));
    return taskSetOf(name, all, ({ id, isHeldOut }) => isHeldOut ?? half.has(id));
  }

  /** Tasks that nobody can win under a profile: their own answers score 0. */
  async unwinnable(profile: RewardProfile, requests: number | null = null): Promise<string[]> {
    return (await this.call("unwinnable", { profile, requests })) as string[];
  }

  /** A session on a task; it costs nothing until its first call. */
  session(task: ToolTask): ToolSession {
    return new ToolSession(this, task);
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

type Action = { method: "call"; params: { text: string } } | { method: "endRequest"; params: object };

export class ToolSession {
  readonly #suite: ToolSuite;
  readonly #task: ToolTask;
  readonly #id = randomUUID();
  readonly #done: Action[] = [];
  /** The process it lives in; null before it is opened. */
  #life: number | null = null;

  constructor(suite: ToolSuite, task: ToolTask) {
    this.#suite = suite;
    this.#task = task;
  }

  /** Opens it and gives the digest of where it begins. */
  async begin(signal: AbortSignal): Promise<string> {
    return (await this.#within(signal, async () => this.#open(signal))) as string;
  }

  /** Makes the calls of one response; its JSON goes to the helper as it stands. */
  async take(text: string, signal: AbortSignal): Promise<CallResults> {
    return (await this.#do({ method: "call", params: { text } }, signal)) as CallResults;
  }

  /** Ends the request that is under way. */
  async endRequest(signal: AbortSignal): Promise<{ verdict: RequestVerdict; digest: string }> {
    return (await this.#do({ method: "endRequest", params: {} }, signal)) as {
      verdict: RequestVerdict;
      digest: string;
    };
  }

  /** What it is worth over the first so many requests; those not ended yet end as they stand. */
  async score(
    profile: RewardProfile,
    requests: number,
    signal: AbortSignal,
  ): Promise<{ quality: number; fulfilled: boolean[] }> {
    const params = { session: this.#id, profile, requests };
    return (await this.#within(signal, (life) => this.#suite.call("score", params, { life, signal }))) as {
      quality: number;
      fulfilled: boolean[];
    };
  }

  /** Lets go of it in the helper; a helper that is gone has let go already. */
  async close(): Promise<void> {
    if (this.#life === null || this.#life !== this.#suite.life) return;
    await this.#suite.call("close", { session: this.#id }, { life: this.#life }).catch((error: unknown) => {
      if (!(error instanceof InfrastructureError)) throw error;
    });
  }

  async #do({ method, params }: Action, signal: AbortSignal): Promise<unknown> {
    const result = await this.#within(signal, (life) =>
      this.#suite.call(method, { session: this.#id, ...params }, { life, signal }),
    );
    this.#done.push({ method, params } as Action);
    return result;
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
    let { digest } = (await this.#suite.call("open", { session: this.#id, task }, { signal })) as { digest: string };
    const life = this.#suite.life;
    for (const { method, params } of this.#done) {
      const result = await this.#suite.call(method, { session: this.#id, ...params }, { life, signal });
      digest = (result as { digest: string }).digest;
    }
    this.#life = life;
    return digest;
  }
}
