// Somebody who looks on: connects to a node of a live cluster, asks it and its members, and leaves without a trace.
// Holds no actors, can only be answered; what an observer may ask is decided by the node (`observerMayCall`).
import { randomBytes } from "node:crypto";
import { Caller } from "./caller.ts";
import { type Clock, realClock } from "./clock.ts";
import type { ValueHooks } from "./codec.ts";
import { type Envelope, kinds, systemNames } from "./envelope.ts";
import { ActorError } from "./errors.ts";
import { addressIfHandle, type Handle, makeHandle } from "./handle.ts";
import type { Heartbeat, Link } from "./link.ts";
import { Network } from "./network.ts";
import type { NodeControl } from "./node-control.ts";
import type { Endpoints } from "./socket.ts";

export interface ObserverOptions {
  /** The node to connect to, where it listens for its own machine, and the token that lets in. */
  node: string;
  endpoints: Endpoints;
  token: string;
  /** Unique among those who look on; made up unless given. */
  name?: string;
  /** How long to try; 5000 unless said. */
  deadlineMs?: number;
  heartbeat?: Partial<Heartbeat>;
  clock?: Clock;
}

const defaultDeadlineMs = 5000;

export class Observer {
  readonly name: string;
  /** The node that we are connected to. */
  readonly node: string;
  /** Resolves once, with why: the node has stopped, is silent for too long, or we have closed. */
  readonly ended: Promise<string>;
  readonly #network: Network;
  readonly #caller: Caller;
  #up!: (link: Link) => void;
  #end!: (reason: string) => void;

  private constructor(options: ObserverOptions) {
    const clock = options.clock ?? realClock;
    this.name = options.name ?? `observer-${randomBytes(6).toString("hex")}`;
    this.node = options.node;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#network = new Network({
      name: this.name,
      role: "observer",
      clock,
      token: options.token,
      ...(options.heartbeat ? { heartbeat: options.heartbeat } : {}),
      receive: (envelope) => this.#receive(envelope),
      onUp: (link) => this.#up(link),
      onDown: (_link, reason) => this.#lost(reason),
      onComplaint: (line) => this.#lost(line),
    });
    const hooks: ValueHooks = {
      addressOf: addressIfHandle,
      makeHandle: (address) => makeHandle(address, this.#caller),
    };
    this.#caller = new Caller({
      name: this.name,
      clock,
      send: (envelope) => this.#send(envelope),
      hooks: () => hooks,
    });
  }

  /**
   * Resolves once the node has let us in.
   * @throws ActorError `unauthorised` for a wrong token; `node_down` if nobody answers in time
   */
  static async connect(options: ObserverOptions): Promise<Observer> {
    const observer = new Observer(options);
    try {
      await observer.#open(options);
      return observer;
    } catch (error) {
      await observer.close();
      throw error;
    }
  }

  /** What a node says of itself and of its actors; members of the cluster are asked through the node we know. */
  control(node = this.node): Handle<NodeControl> {
    return makeHandle(`${systemNames.node}@${node}`, this.#caller);
  }

  /** Leaves: the node is told and calls off what it still did for us. Twice is fine. */
  async close(): Promise<void> {
    await this.#network.close(`${this.name} has left`);
    this.#lost(`${this.name} has left`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #open({ endpoints, deadlineMs = defaultDeadlineMs, clock = realClock }: ObserverOptions): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const cancel = clock.after(deadlineMs, () => {
        const what = `${this.node} gave no sign of life at ${endpoints.ctl} within ${deadlineMs} ms.`;
        reject(new ActorError("node_down", `${what} It is gone, or its main thread is blocked: try again, or end it.`));
      });
      const link = this.#network.dial(this.node, endpoints);
      this.#up = () => {
        cancel();
        resolve();
      };
      void this.ended.then((reason) => {
        cancel();
        const code = link.isRefused ? "unauthorised" : "node_down";
        reject(new ActorError(code, `${reason}. Read the run's address and token anew.`, { node: this.node }));
      });
    });
  }

  #receive(envelope: Envelope): void {
    switch (envelope.kind) {
      case kinds.result:
      case kinds.items:
      case kinds.end:
        this.#caller.deliver(envelope);
        break;
      default:
        break; // nobody has anything to ask of us
    }
  }

  #send(envelope: Envelope): void {
    const link = this.#network.link(this.node);
    if (link) link.send(envelope);
    else void this.ended.then((reason) => this.#failAll(reason));
  }

  #lost(reason: string): void {
    this.#end(reason);
    this.#failAll(reason);
  }

  #failAll(reason: string): void {
    this.#caller.failAll(
      (target, method) =>
        new ActorError("node_down", `${target} was lost before it answered ${method}: ${reason}.`, { method }),
    );
  }
}
