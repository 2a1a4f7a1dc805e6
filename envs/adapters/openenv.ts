// OpenEnv's environments as worlds: a server is asked what its actions are, and every session is a connection to it.
// An observation with `messages` is a conversation and goes to the policy as it stands; any other is worded as JSON.
// All that an environment draws comes from its task: what its reset gets, a seed or a place in a split.
import { canonicalJson, contentHash } from "../digest.ts";
import type { Environment, Limits } from "../environment.ts";
import type { Message } from "../episode.ts";
import { visibleText } from "../reasoning.ts";
import { createEnvironment, type SessionOptions } from "../session.ts";
import { type TaskSet, taskSetOf } from "../task.ts";
import type { Reply, World } from "../world.ts";
import { actionStops } from "./action.ts";
import { howToAct, readAction, soleText } from "./openenv-action.ts";
import {
  beginSession,
  type OpenEnvConnection,
  type OpenEnvResult,
  type OpenEnvServer,
  serverError,
} from "./openenv-connection.ts";
import {
  comparable,
  describeServer,
  type OpenEnvDescription,
  type OpenEnvTask,
  openEnvTask,
} from "./openenv-description.ts";
import { qualityOfReturn, type ReturnQuality } from "./return-quality.ts";

export interface OpenEnvOptions extends OpenEnvServer {
  /** What the sum of rewards is worth; itself, cut off at 0 and 1, unless said. */
  quality?: ReturnQuality;
}

interface OpenEnvState {
  connection: OpenEnvConnection;
  opening: Message[];
  /** All messages so far that came from the server or went there, where observations are conversations. */
  conversation: Message[];
  last: OpenEnvResult;
  /** Null until anything was rewarded. */
  total: number | null;
  stepCount: number;
}

/** Responses in an episode, unless a limit is given; a server tells none. */
const fallbackMaxTurns = 1_000;

/** One server. It holds nothing here but what it said of itself; sessions close with their environments. */
export class OpenEnv {
  /** False if a probe found that the same actions lead elsewhere; {@link difference} says what it found. */
  readonly replayable: boolean;
  readonly difference: string | null;
  readonly name: string;
  readonly version: string | null;
  readonly #options: OpenEnvOptions;
  readonly #description: OpenEnvDescription;

  /**
   * Asks a server what it is and plays it twice.
   * @throws InfrastructureError `server_unreachable`, `server_timeout`, `server_error`, `server_busy`
   */
  static async open(options: OpenEnvOptions): Promise<OpenEnv> {
    return new OpenEnv(options, await describeServer(options));
  }

  private constructor(options: OpenEnvOptions, description: OpenEnvDescription) {
    this.#options = options;
    this.#description = description;
    this.name = description.name;
    this.version = description.version;
    this.difference = description.difference;
    this.replayable = description.difference === null;
  }

  /** The server's tasks where it lists them, `train` apart from the rest; else the seeds from 0, every fifth held out. */
  tasks(count = 100): TaskSet<OpenEnvTask> {
    const { name, tasks, heldOut } = this.#description;
    const seeds = Array.from({ length: count }, (_, seed) => openEnvTask(`${name}#${seed}`, { seed }));
    if (tasks === null) return taskSetOf(`openenv:${name}`, seeds, ({ reset }) => Number(reset.seed) % 5 === 4);
    return taskSetOf(`openenv:${name}`, tasks, ({ id }) => heldOut.has(id));
  }

  environment(options: SessionOptions<OpenEnvTask>): Environment<OpenEnvTask> {
    const limits: Limits = { maxTurns: fallbackMaxTurns, ...options.limits };
    return createEnvironment(this.world(), { ...options, limits });
  }

  /** The rules alone. */
  world(): World<OpenEnvTask, OpenEnvState> {
    const { name, description, version, schema } = this.#description;
    const { quality = { kind: "range", min: 0, max: 1 }, reset = {} } = this.#options;
    const isText = soleText(schema) !== null;
    const how = isText ? "Your response is your action." : howToAct(schema);
    return {
      id: `openenv:${name}`,
      version: `1-${contentHash([version, schema, quality, reset]).slice(0, 12)}`,
      replayable: this.replayable,
      stopStrings: isText ? [] : actionStops,
      open: async (task, _seed, { signal }) => {
        const { connection, result } = await beginSession(this.#options, task.reset, signal);
        const chat = chatOf(result.observation);
        const parts = [`You act in ${name}.`, description, how, wordsOf(result)];
        const worded = { role: "user" as const, content: parts.filter((part) => part !== "").join("\n\n") };
        const opening = chat && chat.length > 0 ? chat : [worded];
        return {
          connection,
          opening,
          conversation: [...opening],
          last: result,
          total: result.reward,
          stepCount: 0,
        };
      },
      opening: ({ opening }) => opening,
      respond: async (state, response, { signal }) => {
        if (state.last.done) return { messages: [], terminated: true, responseKind: "unread" }; // over when it began
        const read = readAction(schema, response);
        if ("problem" in read) return refusal(read.problem, how);
        const result = await state.connection.ask("step", read.action, signal);
        if ("code" in result) {
          const { code, message } = result;
          if (code !== "VALIDATION_ERROR") {
            throw serverError(this.#options.url, `its environment failed: ${code}: ${message}`);
          }
          return refusal(`The action was not taken: ${result.message}.`, how);
        }
        state.last = result;
        state.stepCount += 1;
        if (result.reward !== null) state.total = (state.total ?? 0) + result.reward;
        const { reward, done } = result;
        return {
          messages: followUp(state, visibleText(response)),
          terminated: done,
          responseKind: "action",
          info: { action: read.action, reward },
        };
      },
      quality: ({ total, stepCount }) => ({
        quality: total === null ? null : qualityOfReturn(quality, total),
        metrics: { steps: stepCount, ...(total === null ? {} : { return: total }) },
      }),
      digest: ({ last, total, stepCount }) => ({ last: comparable(last), total, stepCount }),
      close: ({ connection }) => connection.close(),
    };
  }
}

/** Messages of an observation, those that are new: a server may send the conversation whole or only what follows. */
function followUp(state: OpenEnvState, said: string): Message[] {
  const chat = chatOf(state.last.observation);
  if (!chat) return [{ role: "tool", content: `${wordsOf(state.last)}\nReward: ${state.last.reward}` }];
  const before = [...state.conversation, { role: "assistant" as const, content: said }];
  const isWhole = chat.length >= before.length && canonicalJson(chat.slice(0, before.length)) === canonicalJson(before);
  const fresh = isWhole ? chat.slice(before.length) : chat;
  state.conversation = [...before, ...fresh];
  return fresh;
}

/** The messages of an observation that is a conversation. */
function chatOf({ messages }: Record<string, unknown>): Message[] | null {
  if (!Array.isArray(messages)) return null;
  const roles = ["system", "user", "assistant", "tool"];
  const isChat = messages.every((one) => roles.includes(one?.role) && typeof one?.content === "string");
  return isChat ? messages.map(({ role, content }) => ({ role, content })) : null;
}

function wordsOf({ observation: { metadata: _, ...observation } }: OpenEnvResult): string {
  const [only, ...others] = Object.values(observation);
  return `Observation: ${typeof only === "string" && others.length === 0 ? only : JSON.stringify(observation)}`;
}

function refusal(problem: string, how: string): Reply {
  const content = `${problem} ${how}`;
  return { messages: [{ role: "tool", content }], terminated: false, responseKind: "none", feedback: content };
}
