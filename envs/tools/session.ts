// A session on a task of a suite, in the suite's helper process: calls made, requests ended, what it is all worth.
// One that lost its process is made anew in the next by the same calls, and nobody notices but the clock. Knows no
// message and no response: a world makes these of them (environment.ts).
import { randomUUID } from "node:crypto";
import { InfrastructureError } from "../errors.ts";
import type { SessionWorker } from "../session-worker.ts";
import type { ToolTask } from "./task.ts";

/** What an attempt is worth, by whose rules (trainer-py/iterant/workers/tools/score.py). */
export type RewardProfile = "exit" | "bespoke_literal" | "bfcl_official" | "state_only";

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

export interface ToolSessionOptions {
  task: ToolTask;
  /** What was done before it begins: texts of calls, and null where a request ended. */
  done: readonly (string | null)[];
  /** For one response's calls. */
  deadlineMs: number;
}

/** Sessions that may be lost with their process so many times in a row before that is a failure. */
const maxLosses = 3;

export class ToolSession {
  readonly #worker: SessionWorker;
  readonly #options: ToolSessionOptions;
  readonly #id = randomUUID();
  /** What makes it anew: the texts of its calls, and null where a request ended. */
  readonly #done: (string | null)[];
  /** Digest of where it stood when it was opened. */
  #opening = "";
  /** The process it lives in; null before it is opened. */
  #life: number | null = null;

  constructor(worker: SessionWorker, options: ToolSessionOptions) {
    this.#worker = worker;
    this.#options = options;
    this.#done = [...options.done];
  }

  /** Opens it and gives the digest of where it begins. */
  async begin(signal: AbortSignal): Promise<string> {
    return (await this.#within(signal, async () => this.#opening)) as string;
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
    const fork = new ToolSession(this.#worker, { ...this.#options, done: this.#done });
    try {
      await this.#within(signal, (life) => {
        fork.#life = life;
        return this.#ask("fork", { into: fork.#id }, life, signal);
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
    if (this.#life === null || this.#life !== this.#worker.life) return;
    await this.#ask("close", {}, this.#life).catch((error: unknown) => {
      if (!(error instanceof InfrastructureError)) throw error;
    });
  }

  #call(method: string, params: object, signal: AbortSignal): Promise<unknown> {
    return this.#within(signal, (life) => this.#ask(method, params, life, signal));
  }

  #ask(method: string, params: object, life: number, signal?: AbortSignal): Promise<unknown> {
    const options = { deadlineMs: this.#options.deadlineMs, life, ...(signal ? { signal } : {}) };
    return this.#worker.call(method, { session: this.#id, ...params }, options);
  }

  /** Work that needs the session to be there; where it was lost through no fault of its own, it is made anew first. */
  async #within(signal: AbortSignal, work: (life: number) => Promise<unknown>): Promise<unknown> {
    for (let losses = 0; ; losses += 1) {
      try {
        if (this.#life === null || this.#life !== this.#worker.life) await this.#open(signal);
        return await work(this.#life!);
      } catch (error) {
        const isLost = error instanceof InfrastructureError && error.failure.cause === "worker_lost";
        if (!isLost || losses >= maxLosses) throw error;
        this.#life = null;
      }
    }
  }

  /** Opens it in the process that is up, and makes again what was made. */
  async #open(signal: AbortSignal): Promise<void> {
    await this.#worker.ready();
    const life = this.#worker.life;
    this.#life = life; // from here on there is something to close, even if an abort is ahead of the answer
    const params = { task: this.#options.task.id, done: this.#done };
    const { digest } = (await this.#ask("open", params, life, signal)) as { digest: string };
    this.#opening = digest;
  }
}
