// One person's conversation with one actor: asks, records what may change, says why there was no answer.
// Knows no terminal; the REPL and --eval both speak through it.
import { type ActorReport, type ActorShape, type Evaluation, isActorError } from "../../runtime/index.ts";
import type { Audit } from "./audit.ts";
import { namesExpression } from "./complete.ts";
import type { Language } from "./input.ts";
import { nameOf, type Visit } from "./visit.ts";

export class Session {
  readonly visit: Visit;
  readonly actor: ActorReport;
  /** Set if expressions may change the actor. */
  readonly #audit: Audit | undefined;
  #shape: ActorShape | undefined;

  constructor(visit: Visit, actor: ActorReport, audit: Audit | undefined) {
    this.visit = visit;
    this.actor = actor;
    this.#audit = audit;
  }

  get name(): string {
    return nameOf(this.actor.address);
  }

  get language(): Language {
    return this.actor.placement === "python" ? "python" : "typescript";
  }

  get canWrite(): boolean {
    return this.#audit !== undefined;
  }

  /**
   * Evaluates with `self` bound to the actor. No answer is an Evaluation too, with what keeps the actor busy.
   * @throws ActorError `cancelled` when the signal aborts, `node_down` when the run is gone
   */
  async evaluate(expression: string, signal?: AbortSignal): Promise<Evaluation> {
    const { address } = this.actor;
    this.#audit?.write(address, expression, "begun");
    try {
      const evaluation = await this.visit.evaluate(address, expression, {
        canWrite: this.canWrite,
        ...(signal ? { signal } : {}),
      });
      this.#audit?.write(address, expression, evaluation.isError ? "error" : "ok", evaluation.text);
      return evaluation;
    } catch (error) {
      this.#audit?.write(address, expression, "unanswered", (error as Error).message);
      if (isActorError(error, "cancelled", "node_down")) throw error;
      return { text: await this.visit.explain(error, this.actor), json: null, isError: true };
    }
  }

  /** Fields and methods for completion; those known from before while the actor does not answer. */
  async shape(): Promise<ActorShape> {
    try {
      this.#shape = await this.visit.describe(this.actor.address);
    } catch (error) {
      if (!isActorError(error)) throw error;
    }
    return this.#shape ?? { className: this.actor.className, methods: [], fields: [] };
  }

  /** Names below a path for completion, read without side effects; none of a Python object. */
  async namesBelow(path: string): Promise<string[]> {
    if (this.language === "python") return [];
    try {
      const { json } = await this.visit.evaluate(this.actor.address, namesExpression(path), { canWrite: false });
      return json === null ? [] : (JSON.parse(json) as string[]);
    } catch (error) {
      if (!isActorError(error)) throw error;
      return []; // Tab offers nothing while the actor does not answer
    }
  }
}
