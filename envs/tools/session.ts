// A session on a task of a suite, in the suite's helper process: calls made, requests ended, what it is all worth.
// Knows no message and no response: a world makes these of them (environment.ts).
import type { HostedSession } from "../hosted-session.ts";

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

export class ToolSession {
  readonly #session: HostedSession<string | null>;

  constructor(session: HostedSession<string | null>) {
    this.#session = session;
  }

  /** Opens it and gives the digest of where it begins. */
  async begin(signal: AbortSignal): Promise<string> {
    return ((await this.#session.begin(signal)) as { digest: string }).digest;
  }

  /** Makes the calls of one response; its JSON goes to the helper as it stands. */
  async take(text: string, signal: AbortSignal): Promise<CallResults> {
    const results = await this.#session.ask("call", { text }, signal);
    this.#session.did(text);
    return results as CallResults;
  }

  /** Ends the request that is under way. */
  async endRequest(signal: AbortSignal): Promise<{ verdict: RequestVerdict; digest: string }> {
    const ended = await this.#session.ask("endRequest", {}, signal);
    this.#session.did(null);
    return ended as { verdict: RequestVerdict; digest: string };
  }

  /** A second session that stands where this one does; neither notices the other. */
  async fork(signal: AbortSignal): Promise<ToolSession> {
    return new ToolSession(await this.#session.fork(signal));
  }

  /** What it is worth over the first so many requests; those not ended yet end as they stand. */
  async score(
    profile: RewardProfile,
    requests: number,
    signal: AbortSignal,
  ): Promise<{ quality: number; fulfilled: boolean[] }> {
    const score = await this.#session.ask("score", { profile, requests }, signal);
    return score as { quality: number; fulfilled: boolean[] };
  }

  /** Lets go of it in the helper. */
  close(): Promise<void> {
    return this.#session.close();
  }
}
