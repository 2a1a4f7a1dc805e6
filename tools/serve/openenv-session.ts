// One client's session with a served world: resets, steps, state, in OpenEnv's words.
// Knows messages as values and no socket. What went wrong is an answer, so that the client may reset and go on; a failure
// of infrastructure is one of them and never a reward.
import { randomUUID } from "node:crypto";
import { type Environment, EnvironmentError, isOver, type Task } from "../../envs/index.ts";

/** Tasks as a client may ask for them. */
export interface ServedTasks {
  readonly train: readonly Task[];
  readonly test: readonly Task[];
}

export type Reply = { type: "observation" | "state" | "error"; data: Record<string, unknown> };
export type ErrorCode =
  | "INVALID_JSON"
  | "UNKNOWN_TYPE"
  | "VALIDATION_ERROR"
  | "EXECUTION_ERROR"
  | "CAPACITY_REACHED"
  | "SESSION_ERROR";

export class OpenEnvSession implements AsyncDisposable {
  readonly #environment: Environment;
  readonly #tasks: ServedTasks;
  /** The number of the task where a reset asks for none: it goes on from session to session. */
  readonly #next: () => number;
  readonly #closing = new AbortController();
  #episode: string | null = null;
  #task: string | null = null;
  #stepCount = 0;

  constructor(environment: Environment, tasks: ServedTasks, next: () => number) {
    this.#environment = environment;
    this.#tasks = tasks;
    this.#next = next;
  }

  /** Answers one message; null if it ends the session. Messages come one after another. */
  async answer(text: string): Promise<Reply | null> {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch (error) {
      return refusal("INVALID_JSON", `Invalid JSON: ${(error as Error).message}`);
    }
    const { type, data = {} } = (isObject(message) ? message : {}) as { type?: unknown; data?: unknown };
    switch (type) {
      case "reset":
        return isObject(data) ? this.#reset(data) : invalid("data", "an object is expected");
      case "step":
        return this.#step(data);
      case "state":
        return { type: "state", data: this.state };
      case "close":
        return null;
      default:
        return refusal("UNKNOWN_TYPE", `Unknown message type: ${String(type)}`);
    }
  }

  get state(): Record<string, unknown> {
    return { episode_id: this.#episode, step_count: this.#stepCount, task: this.#task };
  }

  async #reset(data: Record<string, unknown>): Promise<Reply> {
    const chosen = this.#choose(data);
    if ("type" in chosen) return chosen;
    const { task, seed } = chosen;
    return this.#guarded(async (signal) => {
      const start = { task, seed, prefix: [], mode: "base" } as const;
      const { messages, failed } = await this.#environment.reset(start, { signal });
      if (failed) return refusal("EXECUTION_ERROR", `${failed.cause}: ${failed.message}`);
      this.#episode = typeof data.episode_id === "string" ? data.episode_id : randomUUID();
      this.#task = task.id;
      this.#stepCount = 0;
      return observed(messages, null, false, { task: task.id });
    });
  }

  async #step(data: unknown): Promise<Reply> {
    if (!isObject(data)) return invalid("data", "an object is expected");
    const { response, metadata: _, ...others } = data;
    if (typeof response !== "string") return invalid("response", "a text is expected");
    const [extra] = Object.keys(others);
    if (extra !== undefined) return invalid(extra, "there is no such field");
    return this.#guarded(async (signal) => {
      const step = await this.#environment.step(response, { signal });
      if (step.failed) return refusal("EXECUTION_ERROR", `${step.failed.cause}: ${step.failed.message}`);
      this.#stepCount += 1;
      const isLast = isOver(step);
      return observed(step.messages, step.reward ?? null, isLast, {
        response_kind: step.responseKind,
        ...(step.truncated === undefined ? {} : { truncated: step.truncated }),
        ...(isLast ? { quality: this.#environment.quality() } : {}),
      });
    });
  }

  /** By id; by place in a split; by a seed, over all; else the next in turn. */
  #choose({ seed, split, index, task: id }: Record<string, unknown>): { task: Task; seed: number } | Reply {
    if (seed !== undefined && seed !== null && !isCount(seed)) return invalid("seed", "a whole number is expected");
    const all = [...this.#tasks.train, ...this.#tasks.test];
    const draw = isCount(seed) ? seed : 0;
    if (id !== undefined) {
      const task = all.find((one) => one.id === id);
      return task ? { task, seed: draw } : invalid("task", `there is no task ${JSON.stringify(id)}`);
    }
    if (split !== undefined || index !== undefined) {
      if (split !== "train" && split !== "test") return invalid("split", "train or test is expected");
      const tasks = this.#tasks[split];
      const task = isCount(index) ? tasks[index] : undefined;
      return task ? { task, seed: draw } : invalid("index", `a number below ${tasks.length} is expected`);
    }
    const number = isCount(seed) ? seed : this.#next();
    return { task: all[number % all.length]!, seed: draw };
  }

  async #guarded(work: (signal: AbortSignal) => Promise<Reply>): Promise<Reply> {
    try {
      return await work(this.#closing.signal);
    } catch (error) {
      if (error instanceof EnvironmentError) return refusal("EXECUTION_ERROR", error.message);
      throw error;
    }
  }

  /** Breaks a call off and lets go of the world. Twice is fine. */
  async close(): Promise<void> {
    this.#closing.abort(new EnvironmentError("closed", "the client is gone"));
    await this.#environment.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** An error as OpenEnv words it. */
export function refusal(code: ErrorCode, message: string, more: object = {}): Reply {
  return { type: "error", data: { message, code, ...more } };
}

function invalid(field: string, what: string): Reply {
  return refusal("VALIDATION_ERROR", "Invalid message", { errors: [{ type: "value_error", loc: [field], msg: what }] });
}

/** Metadata stands in the observation for typed clients, and beside it for generic ones, as upstream's servers do. */
function observed(messages: readonly object[], reward: number | null, done: boolean, metadata: object): Reply {
  return { type: "observation", data: { observation: { messages, metadata }, reward, done, metadata } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
