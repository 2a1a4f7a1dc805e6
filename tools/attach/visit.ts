// A visit to a live run: its actors on all nodes, one of them by name, and what can be asked of it.
// Every question has a deadline; an actor that does not answer in time is reported with what it was asked before.
import {
  type ActorReport,
  type ActorShape,
  type CallInFlight,
  type Evaluation,
  type FlightRecord,
  isActorError,
  type NodeInfo,
  type NodeReport,
  Observer,
} from "../../runtime/index.ts";
import { nearest } from "../config/nearest.ts";
import { exitCodes, Failure } from "../failure.ts";
import { type Door, isAlive, readDoor } from "./door.ts";
import { formatSpan, printable } from "./render.ts";

/** How long an actor may take to answer; reading takes a millisecond, so a longer silence means something. */
export const defaultWaitMs = 5000;
/** The host stops an expression this much before we stop waiting, so that its own word arrives. */
const answerMarginMs = 500;
const connectDeadlineMs = 10_000;
const pidEveryMs = 1000;
const shownFrames = 6;

export interface Census {
  actors: ActorReport[];
  /** Nodes that gave no answer, with why. */
  silent: { node: string; reason: string }[];
}

export class Visit {
  readonly folder: string;
  /** Resolves with why once the run has ended before we have left. */
  readonly ended: Promise<string>;
  readonly #observer: Observer;
  readonly #waitMs: number;
  #isLeaving = false;
  #watch: NodeJS.Timeout | undefined;

  private constructor(folder: string, door: Door, observer: Observer, waitMs: number) {
    this.folder = folder;
    this.#observer = observer;
    this.#waitMs = waitMs;
    // A process that was killed says no goodbye; its link would be given up after 15 s of silence only.
    const died = new Promise<string>((resolve) => {
      this.#watch = setInterval(() => {
        if (!isAlive(door.pid)) resolve(`its process ${door.pid} is gone`);
      }, pidEveryMs).unref();
    });
    this.ended = new Promise((resolve) => {
      void Promise.race([observer.ended, died]).then((reason) => this.#isLeaving || resolve(reason));
    });
  }

  /** @throws Failure `usage` for a run that does not live, `failed` for one that does not let us in */
  static async open(folder: string, options: { waitMs?: number } = {}): Promise<Visit> {
    const door = readDoor(folder);
    const { node, endpoints, token } = door;
    const deadlineMs = Math.min(connectDeadlineMs, 2 * (options.waitMs ?? defaultWaitMs));
    try {
      const observer = await Observer.connect({ node, endpoints, token, deadlineMs });
      return new Visit(folder, door, observer, options.waitMs ?? defaultWaitMs);
    } catch (error) {
      if (!isActorError(error)) throw error;
      throw new Failure(exitCodes.failed, `${folder} (process ${door.pid}): ${error.message}`, { cause: error });
    }
  }

  /** All actors, in the order in which each node brought them up; brief ones are not asked how they are. */
  async actors(options: { isBrief?: boolean } = {}): Promise<Census> {
    const nodes = await this.#control().nodes();
    const census: Census = { actors: [], silent: [] };
    const answers = await Promise.allSettled(nodes.map(({ name }) => this.#control(name).actors(options)));
    for (const [at, answer] of answers.entries()) {
      if (answer.status === "fulfilled") census.actors.push(...answer.value);
      else census.silent.push({ node: nodes[at]!.name, reason: (answer.reason as Error).message });
    }
    return census;
  }

  /** The nodes that there are, and what each says of itself; null for one that gives no answer. */
  async nodes(): Promise<{ info: NodeInfo; report: NodeReport | null }[]> {
    const nodes = await this.#control().nodes();
    return Promise.all(
      nodes.map(async (info) => {
        const report = await this.#control(info.name)
          .info()
          .catch((error: unknown) => {
            if (!isActorError(error)) throw error;
            return null;
          });
        return { info, report };
      }),
    );
  }

  /** How the actor is at this moment. */
  async report({ address }: ActorReport): Promise<ActorReport> {
    const { actors } = await this.actors();
    return actors.find((other) => other.address === address) ?? this.find(address);
  }

  /**
   * The actor of this name, or of this address where two nodes know the same name.
   * @throws Failure `usage`, with the nearest name there is
   */
  async find(name: string): Promise<ActorReport> {
    const { actors } = await this.actors({ isBrief: true });
    const found = actors.filter(({ address }) => address === name || nameOf(address) === name);
    if (found.length === 1) return found[0]!;
    if (found.length > 1) {
      const addresses = found.map(({ address }) => address).join(", ");
      throw new Failure(exitCodes.usage, `${found.length} actors are called ${name}: say which, of ${addresses}.`);
    }
    const names = actors.map(({ address }) => nameOf(address));
    const near = nearest(name, names) ?? names.find((other) => other.startsWith(name));
    const hint = near ? `Did you mean ${near}?` : `There are: ${names.join(", ") || "none"}.`;
    throw new Failure(exitCodes.usage, `${this.folder} has no actor ${name}. ${hint}`);
  }

  describe(address: string): Promise<ActorShape> {
    return this.#askOf(address).describe(address);
  }

  /** The flight recorder, newest last. */
  recent(address: string): Promise<FlightRecord[]> {
    return this.#askOf(address).recent(address);
  }

  /** What its host runs at this moment, innermost first. */
  stack(address: string): Promise<string[]> {
    return this.#control(nodeOf(address)).stack(address);
  }

  /** Of this the node itself keeps count. */
  inFlight(address: string): Promise<CallInFlight[]> {
    return this.#control(nodeOf(address)).inFlight(address);
  }

  /** Evaluates inside the actor. @throws ActorError `call_timeout`, `no_such_actor`, `node_down`, `cancelled` */
  evaluate(
    address: string,
    expression: string,
    options: { canWrite: boolean; signal?: AbortSignal },
  ): Promise<Evaluation> {
    const { canWrite, signal } = options;
    const timeoutMs = Math.max(this.#waitMs / 2, this.#waitMs - answerMarginMs);
    return this.#control(nodeOf(address))
      .with({ deadlineMs: this.#waitMs, ...(signal ? { signal } : {}) })
      .evaluate(address, expression, { canWrite, timeoutMs });
  }

  /** For people: why a question was not answered. */
  async explain(error: unknown, actor: ActorReport): Promise<string> {
    if (!isActorError(error)) throw error;
    if (error.code !== "call_timeout") return error.message;
    try {
      return await this.#explainSilence(actor);
    } catch (another) {
      if (!isActorError(another)) throw another;
      return `${actor.address} gave no answer, and neither did its node: ${another.message}`;
    }
  }

  /** Leaves; the run does not notice. Twice is fine. */
  async close(): Promise<void> {
    this.#isLeaving = true;
    clearInterval(this.#watch);
    await this.#observer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A host runs one thing at a time: what keeps it busy may have been asked of another actor that lives there. */
  async #explainSilence({ address, host }: ActorReport): Promise<string> {
    const { actors } = await this.actors({ isBrief: true });
    const neighbours = actors.filter((other) => other.host === host && other.address !== address);
    const asked = await this.#listInFlight([address, ...neighbours.map((other) => other.address)]);
    const doing =
      asked.length === 0
        ? ["  nothing that it was asked is unanswered: a cast, a timer or native code keeps its host busy"]
        : ["  asked and not answered, the oldest first:", ...asked.map((line) => `    ${line}`)];
    return [
      `${address} gave no answer within ${formatSpan(this.#waitMs)}: its host, ${host}, is busy.`,
      ...doing,
      ...(await this.#explainStack(address)),
      "  It goes on by itself: ask again later, or wait longer with --wait.",
    ].join("\n");
  }

  /** A process of Node's cannot tell while it is busy, and whoever has ended has no stack. */
  async #explainStack(address: string): Promise<string[]> {
    try {
      const frames = await this.stack(address);
      const shown = frames.slice(0, shownFrames).map((line) => `    ${printable(line)}`);
      return frames.length === 0 ? [] : ["  it runs, innermost first:", ...shown];
    } catch (error) {
      if (!isActorError(error)) throw error;
      return [];
    }
  }

  async #listInFlight(addresses: string[]): Promise<string[]> {
    const lists = await Promise.all(
      addresses.map(async (address) => (await this.inFlight(address)).map((call) => ({ ...call, address }))),
    );
    return lists
      .flat()
      .sort((one, other) => other.sinceMs - one.sinceMs)
      .slice(0, 8)
      .map(({ address, method, from, sinceMs }) => `${address} ${method}, by ${from}, ${formatSpan(sinceMs)} ago`);
  }

  #askOf(address: string) {
    return this.#control(nodeOf(address)).with({ deadlineMs: this.#waitMs });
  }

  #control(node?: string) {
    return this.#observer.control(node).with({ deadlineMs: Math.max(defaultWaitMs, this.#waitMs) });
  }
}

export function nameOf(address: string): string {
  return address.slice(0, address.lastIndexOf("@"));
}

function nodeOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1);
}
