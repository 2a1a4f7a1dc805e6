// Gymnasium's environments as worlds: observations are worded, actions are read from responses, returns become qualities.
// Sessions live in a helper process with the package installed (trainer-py/iterant/workers/gymnasium), which knows spaces.
// All that an environment draws comes from its task's seed and nothing from the episode's, so that a history fits its
// task wherever it is played on.
import { contentHash } from "../digest.ts";
import type { Environment, Limits } from "../environment.ts";
import { EnvironmentError } from "../errors.ts";
import { HostedSession } from "../hosted-session.ts";
import { createEnvironment, type SessionOptions } from "../session.ts";
import { SessionWorker, type SessionWorkerOptions } from "../session-worker.ts";
import { type Task, type TaskSet, taskSetOf } from "../task.ts";
import { type PythonOptions, pythonWorker } from "../worker.ts";
import type { Reply, World } from "../world.ts";
import { actionOf, actionStops } from "./action.ts";
import { qualityOfReturn, type ReturnQuality } from "./return-quality.ts";

export interface GymnasiumOptions extends PythonOptions, SessionWorkerOptions {
  /** A registered id, `FrozenLake-v1`; with the module that registers it where that is not Gymnasium, `lakes:Deep-v0`. */
  environment: string;
  /** What its constructor gets; plain JSON. */
  arguments?: Readonly<Record<string, unknown>>;
  /** What a return is worth; whether it reaches the threshold that the id is registered with, unless said. */
  quality?: ReturnQuality;
  /** What the policy is told besides the form of an action; the player's part of the class's documentation unless said. */
  rules?: string;
  /** For one step or the opening of a session, in milliseconds; 30 000 unless said. */
  deadlineMs?: number;
}

/** One episode's draws. */
export interface GymnasiumTask extends Task {
  readonly seed: number;
}

interface Description {
  documentation: string;
  /** What an action and an observation look like, in words. */
  action: string;
  observation: string;
  /** Whether an action is a text that stands for itself. */
  isText: boolean;
  rewardThreshold: number | null;
  maxSteps: number | null;
  /** Why it does not replay; null if it does. */
  difference: string | null;
}

interface Stepped {
  observation: string;
  reward: number;
  terminated: boolean;
  truncated: boolean;
  total: number;
  digest: string;
}

interface GymnasiumState {
  session: HostedSession<string>;
  /** What was observed at the beginning. */
  observation: string;
  /** Of what the helper holds, as it said last. */
  digest: string;
  total: number;
  stepCount: number;
}

/** Responses in an episode of an environment that is registered without a limit. */
const fallbackMaxTurns = 1_000;

/** One kind of environment with its helper process. */
export class Gymnasium implements AsyncDisposable {
  /** False if a probe found that the same actions lead elsewhere; {@link difference} says what it found. */
  readonly replayable: boolean;
  readonly difference: string | null;
  /** Packages that answers depend on. */
  readonly versions: Readonly<Record<string, string>>;
  readonly #options: GymnasiumOptions;
  readonly #worker: SessionWorker;
  readonly #description: Description;
  readonly #quality: ReturnQuality;

  /**
   * Resolves when the helper is up and the environment was probed.
   * @throws EnvironmentError `bad_data` for an id, arguments or spaces that cannot be had
   * @throws InfrastructureError `worker_start`, and what a call may meet
   */
  static async open(options: GymnasiumOptions): Promise<Gymnasium> {
    const { environment, arguments: given = {}, deadlineMs = 30_000 } = options;
    const args = [environment, JSON.stringify(given)];
    const worker = new SessionWorker(
      pythonWorker("gymnasium", "iterant.workers.gymnasium.host", options, args),
      options,
    );
    try {
      const { versions } = await worker.ready();
      const described = await worker.call("describe", {}, { deadlineMs });
      return new Gymnasium(options, worker, versions, described as Description & { refused?: string });
    } catch (error) {
      await worker.close();
      throw error;
    }
  }

  private constructor(
    options: GymnasiumOptions,
    worker: SessionWorker,
    versions: Record<string, string>,
    description: Description & { refused?: string },
  ) {
    const { environment, quality } = options;
    if (description.refused !== undefined) {
      const advice = "name a registered id with arguments that it takes, in a Python that has its packages";
      throw new EnvironmentError("bad_data", `${description.refused} - gymnasium:${environment} - ${advice}`);
    }
    const { rewardThreshold, difference } = description;
    const rule =
      quality ?? (rewardThreshold === null ? undefined : { kind: "threshold" as const, at: rewardThreshold });
    if (rule === undefined) {
      const what = "it is registered without a threshold of success, so its returns have no quality";
      throw new EnvironmentError("bad_data", `${what} - gymnasium:${environment} - say return=MIN..MAX or return=AT`);
    }
    this.#options = options;
    this.#worker = worker;
    this.versions = versions;
    this.#description = description;
    this.#quality = rule;
    this.difference = difference;
    this.replayable = difference === null;
  }

  /** The helper process. */
  async pid(): Promise<number> {
    return (await this.#worker.ready()).pid;
  }

  /** Tasks of the seeds from 0; every fifth is held out. */
  tasks(count = 100): TaskSet<GymnasiumTask> {
    const { environment, arguments: given = {} } = this.#options;
    const tasks = Array.from({ length: count }, (_, seed) => {
      const hash = contentHash([environment, given, seed]);
      return { id: `${environment.split(":").at(-1)}#${seed}`, hash, seed };
    });
    return taskSetOf(`gymnasium:${environment}`, tasks, ({ seed }) => seed % 5 === 4);
  }

  /** An environment; as many responses as the id is registered with steps end it, unless a limit is given. */
  environment(options: SessionOptions<GymnasiumTask>): Environment<GymnasiumTask> {
    const limits: Limits = { maxTurns: this.#description.maxSteps ?? fallbackMaxTurns, ...options.limits };
    return createEnvironment(this.world(), { ...options, limits });
  }

  /** The rules alone. */
  world(): World<GymnasiumTask, GymnasiumState> {
    const { environment, arguments: given = {}, deadlineMs = 30_000 } = this.#options;
    const quality = this.#quality;
    const howToAct = this.#howToAct();
    const rules = this.#options.rules ?? this.#description.documentation;
    return {
      id: `gymnasium:${environment}`,
      version: `1-${contentHash([this.versions, given, quality, rules]).slice(0, 12)}`,
      replayable: this.replayable,
      stopStrings: actionStops,
      open: async ({ seed }, _seed, { signal }) => {
        const session = new HostedSession<string>(this.#worker, {
          opening: { seed },
          deadlineMs,
          replayable: this.replayable,
        });
        try {
          const opened = (await session.begin(signal)) as { observation: string; digest: string };
          return { session, ...opened, total: 0, stepCount: 0 };
        } catch (error) {
          await session.close();
          throw error;
        }
      },
      opening({ observation }) {
        const parts = [`You act in ${environment}.`, rules, howToAct, `Observation: ${observation}`];
        return [{ role: "user", content: parts.filter((part) => part !== "").join("\n\n") }];
      },
      async respond(state, response, { signal }) {
        const text = actionOf(response);
        if (text === null) return refusal("No <action>…</action> was found in the response.", howToAct);
        const stepped = (await state.session.ask("act", { text }, signal)) as Stepped | { problem: string };
        if ("problem" in stepped) return refusal(`The action was not taken: ${stepped.problem}.`, howToAct);
        state.session.did(text);
        const { observation, reward, terminated, truncated, total, digest } = stepped;
        state.total = total;
        state.digest = digest;
        state.stepCount += 1;
        return {
          messages: [{ role: "tool", content: `Observation: ${observation}\nReward: ${reward}` }],
          terminated: terminated || truncated,
          responseKind: "action",
          info: { action: text, reward, digest, ...(truncated ? { truncated } : {}) },
        };
      },
      quality: ({ total, stepCount }) => ({
        quality: qualityOfReturn(quality, total),
        metrics: { return: total, steps: stepCount },
      }),
      digest: ({ digest, stepCount }) => ({ digest, stepCount }),
      close: ({ session }) => session.close(),
    };
  }

  /** Ends the process; calls under way fail with `worker_closed`. Twice is fine. */
  close(): Promise<void> {
    return this.#worker.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #howToAct(): string {
    const { action, isText } = this.#description;
    const form = isText ? `the text itself: ${action}` : `JSON: ${action}`;
    return `End your response with one action as <action>…</action>. An action is ${form}.`;
  }
}

function refusal(problem: string, howToAct: string): Reply {
  const content = `${problem} ${howToAct}`;
  return { messages: [{ role: "tool", content }], terminated: false, responseKind: "none", feedback: content };
}
