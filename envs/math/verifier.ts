// Is the answer in this response the gold answer? math-verify, in helper processes with a kill timer.
// Knows neither tasks nor rewards. A verdict says what happened; only `wrong` and `unparsed_response` mean a bad answer.
import { createHash } from "node:crypto";
import { InfrastructureError } from "../errors.ts";
import { type Hello, type PythonOptions, pythonWorker } from "../worker.ts";
import { WorkerPool, type WorkerPoolOptions } from "../worker-pool.ts";
import { decidingBox } from "./box.ts";

export type VerdictKind = "correct" | "wrong" | "unparsed_gold" | "unparsed_response" | "timeout" | "error";

/** Where the answer stood, best first; null if nothing could be parsed. */
export type ExtractionRule = "final_answer" | "box" | "answer_colon" | "answer" | "anywhere";

/** What the verifier says, for the record: the extracted text lets people audit false positives. */
export type Verdict = {
  readonly kind: VerdictKind;
  readonly rule: ExtractionRule | null;
  /** The text taken for the answer, at most 200 characters; null if there was none. */
  readonly extracted: string | null;
  /** Time in the helper process; 0 where the cache answered. */
  readonly wallMs: number;
};

export type GoldVerdict = { kind: "correct" | "unparsed_gold" | "timeout"; extracted: string | null };

export interface MathVerifierOptions extends PythonOptions, WorkerPoolOptions {
  /**
   * After this a verification ends as `timeout` and its process is killed; 20 000 unless said. math-verify's own
   * alarms end each of its three steps after 5 s, so only what ignores alarms gets here.
   */
  deadlineMs?: number;
  /** Verdicts kept; 65 536 unless said, 0 for none. */
  cacheSize?: number;
}

/** Verifies with math-verify. Open one for a run: its processes take seconds to start. */
export class MathVerifier implements AsyncDisposable {
  readonly #pool: WorkerPool;
  readonly #deadlineMs: number;
  readonly #cacheSize: number;
  /** Least recently used first. */
  readonly #cache = new Map<string, Verdict>();
  #hitCount = 0;

  constructor({ deadlineMs = 20_000, cacheSize = 65_536, ...options }: MathVerifierOptions) {
    this.#pool = new WorkerPool(pythonWorker("math-verifier", "iterant.workers.math_verifier", options), options);
    this.#deadlineMs = deadlineMs;
    this.#cacheSize = cacheSize;
  }

  /** Resolves when a process is up, with the versions that verdicts depend on. @throws InfrastructureError `worker_start` */
  get ready(): Promise<Hello> {
    return this.#pool.ready;
  }

  /** Numbers for a dashboard. */
  get stats() {
    return { ...this.#pool.stats, cachedCount: this.#cache.size, hitCount: this.#hitCount };
  }

  /**
   * The verdict on one response. Timeouts are verdicts; a process that dies is not.
   * @throws InfrastructureError `worker_died`, `worker_error`, `worker_start`, `worker_closed`
   */
  async verify(gold: string, response: string, options: { signal?: AbortSignal } = {}): Promise<Verdict> {
    const box = decidingBox(response);
    const whole = keyOf("whole", gold, response);
    const known = (box !== null && this.#recall(keyOf("box", gold, box))) || this.#recall(whole);
    if (known) return { ...known, wallMs: 0 };
    const verdict = await this.#ask("verify", { gold, response }, options.signal);
    const { kind, rule, extracted, wallMs } = verdict;
    if (kind !== "timeout" && kind !== "error") {
      this.#keep(box !== null && rule === "box" ? keyOf("box", gold, box) : whole, { kind, rule, extracted, wallMs });
    }
    return verdict;
  }

  /**
   * The verdicts on many responses, in their order.
   * @throws InfrastructureError as {@link verify}, the first one met
   */
  verifyAll(
    pairs: readonly { gold: string; response: string }[],
    options: { signal?: AbortSignal } = {},
  ): Promise<Verdict[]> {
    return Promise.all(pairs.map(({ gold, response }) => this.verify(gold, response, options)));
  }

  /** Whether a gold can be compared with: to be asked before a run rather than in it. @throws as {@link verify} */
  async checkGold(gold: string, options: { signal?: AbortSignal } = {}): Promise<GoldVerdict> {
    const { kind, extracted } = await this.#ask("check_gold", { gold }, options.signal);
    return { kind: kind as GoldVerdict["kind"], extracted };
  }

  /** Ends the processes. Closing twice is fine. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #ask(method: string, params: object, signal: AbortSignal | undefined): Promise<Verdict> {
    const options = { deadlineMs: this.#deadlineMs, ...(signal && { signal }) };
    try {
      const answer = (await this.#pool.call(method, params, options)) as HelperVerdict;
      const { verdict, rule = null, extracted, ms = 0 } = answer;
      return { kind: verdict, rule, extracted, wallMs: ms };
    } catch (error) {
      const isTimeout = error instanceof InfrastructureError && error.failure.cause === "worker_timeout";
      if (!isTimeout) throw error;
      return { kind: "timeout", rule: null, extracted: null, wallMs: this.#deadlineMs };
    }
  }

  #recall(key: string): Verdict | undefined {
    const verdict = this.#cache.get(key);
    if (verdict) {
      this.#hitCount += 1;
      this.#cache.delete(key);
      this.#cache.set(key, verdict);
    }
    return verdict;
  }

  #keep(key: string, verdict: Verdict): void {
    this.#cache.set(key, verdict);
    if (this.#cache.size > this.#cacheSize) this.#cache.delete(this.#cache.keys().next().value!);
  }
}

/** A line of `iterant.workers.math_verifier`. */
type HelperVerdict = { verdict: VerdictKind; rule?: ExtractionRule | null; extracted: string | null; ms?: number };

/** UTF-16 is hashed as it stands, so that two lone surrogates are two texts. */
function keyOf(kind: "box" | "whole", gold: string, text: string): string {
  return createHash("sha256").update(`${kind}\n${gold.length}\n${gold}${text}`, "utf16le").digest("base64");
}
