// One process full of actors: routes calls, starts and supervises what lives here, answers for it.
// Its main thread runs no actor of yours; a program that embeds a node shares that thread and should not block it.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { type ActorClass, type ActorDefinition, moduleBeingLoaded } from "./actor.ts";
import { CalledOff } from "./called-off.ts";
import type { Caller } from "./caller.ts";
import { type Channel, openLocalChannel } from "./channel.ts";
import { type Clock, realClock } from "./clock.ts";
import { type Call, type Envelope, kinds, parseAddress, systemNames } from "./envelope.ts";
import { ActorError } from "./errors.ts";
import { Exchange, refuse } from "./exchange.ts";
import { addressOf, type Handle, makeHandle } from "./handle.ts";
import { Host, type HostControl } from "./host.ts";
import { Hosts } from "./hosts.ts";
import type { Heartbeat, Link } from "./link.ts";
import { Network } from "./network.ts";
import { type HeadControl, makeHeadControl, makeNodeControl, type NodeControl } from "./node-control.ts";
import type { PythonOptions } from "./python.ts";
import { type NodeInfo, Registry } from "./registry.ts";
import { Residents, type SpawnOptions, type SpawnRequest } from "./residents.ts";
import type { KeyPair } from "./security.ts";
import { type Endpoints, makeKeys } from "./socket.ts";
import type { Down } from "./supervisor.ts";

export interface NodeOptions {
  /** Unique in its cluster; no @ and no /. */
  name?: string;
  /** Threads for `shared` actors; one unless said, or fewer than the machine has cores. */
  sharedThreads?: number;
  labels?: Record<string, string>;
  python?: PythonOptions;
  clock?: Clock;
  heartbeat?: Partial<Heartbeat>;
  /** This node's CURVE keys; needed with `listen` and `head`. */
  keys?: KeyPair;
  /** Listens for other nodes: `tcp://127.0.0.1:*` takes a free port a lane, `tcp://127.0.0.1:7000` takes 7000 and 7001. */
  listen?: string;
  /** The node that keeps names and membership; without it this node does. */
  head?: { name: string; endpoints: Endpoints; publicKey: string };
  /** What actors' processes print, and what the node itself has to say. */
  onLine?: (source: string, line: string) => void;
  /** A member lost its head for good: it cannot go on. */
  onHeadLost?: (reason: string) => void;
}

export class Node {
  readonly name: string;
  readonly token = randomBytes(24).toString("base64url");
  readonly #options: NodeOptions;
  readonly #clock: Clock;
  readonly #calledOff: CalledOff;
  readonly #exchange: Exchange;
  readonly #network: Network;
  readonly #hosts: Hosts;
  readonly #residents: Residents;
  readonly #system: Host;
  readonly #systemChannel: Channel;
  readonly #registry = new Registry();
  readonly #folder: string;
  readonly #greeted = new Map<string, (link: Link) => void>();
  /** Names of the cluster whose node is known here. */
  readonly #resolved = new Map<string, string>();
  readonly #nodeWatchers = new Set<(node: string, reason: string) => void>();
  #local: Promise<Endpoints> | undefined;
  #public: Endpoints | null = null;
  #isStopping = false;

  private constructor(options: NodeOptions) {
    this.#options = options;
    this.name = options.name ?? "node-a";
    if (/[@/$\s]/.test(this.name) || this.name === "") {
      throw new ActorError("bad_option", `'${this.name}' is no name for a node: leave out @, /, $ and blanks.`);
    }
    this.#clock = options.clock ?? realClock;
    this.#folder = mkdtempSync(join(tmpdir(), "iterant-"));
    this.#calledOff = new CalledOff({
      clock: this.#clock,
      graceMs: (target) => this.#residents.cancelGraceMs(target),
      onIgnored: (call) => this.#residents.ignored(call),
    });
    this.#exchange = new Exchange(this.#clock, this.#calledOff);
    this.#systemChannel = openLocalChannel("driver", (envelope) => this.#system.deliver(envelope));
    this.#system = new Host({
      name: `driver@${this.name}`,
      clock: this.#clock,
      send: (envelope) => this.#receive(envelope, this.#systemChannel),
    });
    this.#network = new Network({
      name: this.name,
      role: "node",
      clock: this.#clock,
      token: this.token,
      ...(options.keys ? { keys: options.keys } : {}),
      ...(options.heartbeat ? { heartbeat: options.heartbeat } : {}),
      receive: (envelope, link) => this.#receive(envelope, link),
      onUp: (link) => {
        this.#greeted.get(link.peer)?.(link);
        this.#greeted.delete(link.peer);
      },
      onDown: (link, reason) => this.#linkDown(link, reason),
      onComplaint: (line) => this.#say(line),
    });
    this.#hosts = new Hosts({
      node: this.name,
      sharedThreads: options.sharedThreads ?? Math.max(1, availableParallelism() - 1),
      python: options.python ?? {},
      token: this.token,
      endpoints: () => this.localEndpoints(),
      receive: (envelope, from) => this.#receive(envelope, from),
      linkUp: (peer) => new Promise((resolve) => this.#greeted.set(peer, resolve)),
      control: (link) => makeHandle<HostControl>(`${systemNames.host}@${link.peer}`, this.caller),
      onEnded: (host, reason) => {
        if (host.placement === "process" || host.placement === "python") this.#network.drop(host.channel.label);
        this.#channelLost(host.channel, `its host ended: ${reason}`);
        this.#residents.hostEnded(host, reason);
      },
      onLine: (source, line) => options.onLine?.(source, line),
    });
    this.#residents = new Residents({
      node: this.name,
      clock: this.#clock,
      hosts: this.#hosts,
      exchange: this.#exchange,
      claim: (name) => this.head.claim(name, this.name),
      release: (name) => this.head.release(name, this.name),
      say: (line) => this.#say(line),
    });
  }

  /** Brings a node up: in this process, with its threads started as they are needed. */
  static async start(options: NodeOptions = {}): Promise<Node> {
    const module = moduleBeingLoaded();
    if (module !== undefined) {
      throw new ActorError(
        "bad_option",
        `${module} starts a node while it is loaded for an actor. Give the actor's class a file of its own.`,
      );
    }
    const node = new Node(options);
    try {
      await node.#open();
    } catch (error) {
      await node.stop("it could not start");
      throw error;
    }
    return node;
  }

  /** Calls of the program that embeds this node go out through here. */
  get caller(): Caller {
    return this.#system.caller;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  get isHead(): boolean {
    return this.#options.head === undefined;
  }

  /** The keeper of names and membership, here or elsewhere. */
  get head(): Handle<HeadControl> {
    return makeHandle(`${systemNames.head}@${this.#options.head?.name ?? this.name}`, this.caller);
  }

  /** Where other nodes reach this one; null if it does not listen. */
  get endpoints(): Endpoints | null {
    return this.#public;
  }

  /** Lets a peer with this key connect over tcp. */
  allow(publicKey: string): void {
    this.#network.allowed.add(publicKey);
  }

  /** The ipc sockets for this machine: own processes, and people who attach. Opened when first asked for. */
  localEndpoints(): Promise<Endpoints> {
    this.#local ??= this.#network.listen({ ctl: `ipc://${this.#folder}/ctl`, dat: `ipc://${this.#folder}/dat` });
    return this.#local;
  }

  /**
   * Brings an actor to life, here or on `options.node`, and resolves with its handle once it takes messages.
   * @throws ActorError `start_failed` with what its constructor threw; `name_taken`; `no_such_node`
   */
  async spawn<C extends ActorClass>(
    definition: ActorDefinition<C>,
    args: ConstructorParameters<C>,
    options: SpawnOptions = {},
  ): Promise<Handle<InstanceType<C>>> {
    const { node, ...rest } = options;
    const { module, className } = definition;
    const request: SpawnRequest = { module, className, args, ...definition.options, ...rest };
    const address =
      node === undefined || node === this.name
        ? await this.#residents.spawn(request)
        : await this.#control(node).with({ deadlineMs: null }).spawn(request);
    return makeHandle(address, this.caller);
  }

  /** Ends an actor for good, in order: what runs gets `graceMs`, what waits is refused. */
  async stopActor(actor: object | string, reason = "it was asked to", graceMs = 5000): Promise<void> {
    const address = await this.#fullAddress(actor);
    await this.#control(parseAddress(address).node!).with({ deadlineMs: null }).stopActor(address, reason, graceMs);
  }

  /**
   * The handle of a named actor anywhere in the cluster.
   * @throws ActorError `no_such_actor`
   */
  async lookup<T extends object>(name: string): Promise<Handle<T>> {
    return makeHandle(await this.#fullAddress(name), this.caller);
  }

  /** Resolves once when the present life of the actor ends; also if it never lived, or its node is lost. */
  async monitor(actor: object | string): Promise<Down> {
    const address = typeof actor === "string" ? actor : addressOf(actor);
    try {
      const full = await this.#fullAddress(address);
      return await this.#control(parseAddress(full).node!).with({ deadlineMs: null }).awaitDown(full);
    } catch (error) {
      return { address, incarnation: 0, reason: (error as Error).message, isRestarting: false };
    }
  }

  /** What a node says of itself and of its actors. */
  control(node = this.name): Handle<NodeControl> {
    return this.#control(node);
  }

  /** The nodes of the cluster that this node can see: itself, and as head all members. */
  nodes(): NodeInfo[] {
    return this.#registry.nodes();
  }

  /** Resolves when a node of this name has joined (as head). */
  async member(name: string): Promise<NodeInfo> {
    const known = this.#registry.node(name);
    if (known) return known;
    return new Promise((resolve) => {
      this.#onJoin.push((info) => info.name === name && resolve(info));
    });
  }
  readonly #onJoin: ((info: NodeInfo) => void)[] = [];

  /** Called once for each node that is lost, until the returned function is called. */
  onNodeDown(callback: (node: string, reason: string) => void): () => void {
    this.#nodeWatchers.add(callback);
    return () => this.#nodeWatchers.delete(callback);
  }

  /** Treats a node as lost: for whoever knows that it is gone before its silence tells. One that is gone is fine. */
  giveUp(name: string, reason: string): void {
    this.#network.link(name)?.fail(reason);
  }

  /** Resolves when a node of this name is no member any more (as head). */
  async departure(name: string): Promise<void> {
    if (!this.#registry.node(name)) return;
    await new Promise<void>((resolve) => {
      const forget = this.onNodeDown((node) => {
        if (node !== name) return;
        forget();
        resolve();
      });
    });
  }

  /** Stops every actor in reverse order of its start, then hosts, links and sockets. Twice is fine. */
  async stop(reason = "the node was stopped"): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await this.#residents.stopAll(reason);
    await this.#hosts.close();
    await this.#network.close(reason);
    const gone = (target: string, method: string) =>
      new ActorError("stopped", `${target} gave no answer to ${method}: ${this.name} was stopped.`, {
        actor: target,
        method,
      });
    this.caller.failAll(gone);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #open(): Promise<void> {
    const { listen, head, keys = undefined, labels = {} } = this.#options;
    if ((listen || head) && !keys) {
      throw new ActorError(
        "bad_option",
        `${this.name} shall speak over tcp and has no keys. Give it a pair: makeKeys().`,
      );
    }
    if (listen) this.#public = await this.#network.listen(endpointsOf(listen));
    this.#system.serve(
      systemNames.node,
      this.name,
      makeNodeControl({
        node: this,
        residents: this.#residents,
        exchange: this.#exchange,
        clock: this.#clock,
        resolve: (name) => this.#resolve(name),
      }),
    );
    const { name } = this;
    const info = {
      name,
      incarnation: this.#network.incarnation,
      endpoints: this.#public,
      publicKey: keys?.publicKey ?? null,
      labels,
    };
    if (!head) {
      this.#system.serve(
        systemNames.head,
        this.name,
        makeHeadControl(this.#registry, (joined) => {
          for (const callback of this.#onJoin) callback(joined);
        }),
      );
      this.#registry.join(info);
      return;
    }
    this.#network.dial(head.name, head.endpoints, head.publicKey);
    await this.head.join(info);
  }

  #receive(envelope: Envelope, from: Channel): void {
    switch (envelope.kind) {
      case kinds.call:
        this.#route(envelope, from);
        break;
      case kinds.result:
      case kinds.items:
      case kinds.end:
        this.#exchange.back(envelope);
        break;
      case kinds.cancel:
        if (!this.#exchange.ahead(envelope, from)) this.#residents.cancel(envelope.id, from);
        break;
      case kinds.credit:
        this.#exchange.ahead(envelope, from);
        break;
      default:
        break; // greetings and signs of life end at the link
    }
  }

  #route(call: Call, from: Channel): void {
    if (isObserver(from) && !observerMayCall(call)) {
      const error = new ActorError(
        "unauthorised",
        `${from.label} only looks on: it may not call ${call.method} of ${call.target}.`,
      );
      refuse(from, call.id, error);
      return;
    }
    const { name, node } = parseAddress(call.target);
    if (node === undefined) this.#routeByName(call, name, from);
    else if (node !== this.name) this.#routeAway(call, node, from);
    else if (name === systemNames.node || name === systemNames.head)
      this.#exchange.forward(call, from, this.#systemChannel);
    else this.#residents.deliver(call, name, from);
  }

  #routeByName(call: Call, name: string, from: Channel): void {
    if (this.#residents.has(name)) {
      this.#residents.deliver(call, name, from);
      return;
    }
    const known = this.#resolved.get(name);
    if (known !== undefined) {
      this.#routeAway({ ...call, target: `${name}@${known}` }, known, from);
      return;
    }
    this.#resolve(name).then(
      (address) => this.#route({ ...call, target: address }, from),
      (error) => refuse(from, call.id, error),
    );
  }

  #routeAway(call: Call, node: string, from: Channel): void {
    const link = this.#network.link(node);
    if (link) {
      this.#exchange.forward(call, from, link);
      return;
    }
    this.#dialMember(node).then(
      (dialled) => this.#exchange.forward(call, from, dialled),
      (error) => refuse(from, call.id, error),
    );
  }

  /** Asks the head where the node listens and opens a link to it. */
  async #dialMember(node: string): Promise<Link> {
    const isHead = node === this.#options.head?.name; // its link is gone, or it would have been found
    const info = node.includes("/") || isHead ? null : await this.head.node(node);
    if (!info?.endpoints) {
      const known = this.isHead
        ? `Known here: ${this.#registry
            .nodes()
            .map((other) => other.name)
            .join(", ")}.`
        : "";
      throw new ActorError("no_such_node", `there is no way to a node ${node} from ${this.name}. ${known}`, { node });
    }
    return this.#network.dial(node, info.endpoints, info.publicKey ?? undefined);
  }

  async #resolve(name: string): Promise<string> {
    if (this.#residents.has(name)) return `${name}@${this.name}`;
    const node = await this.head.resolve(name);
    if (node === null) {
      throw new ActorError(
        "no_such_actor",
        `nobody in the cluster is called ${name}. Spawn it first, or check the name.`,
        { actor: name },
      );
    }
    this.#resolved.set(name, node);
    return `${name}@${node}`;
  }

  async #fullAddress(actor: object | string): Promise<string> {
    const address = typeof actor === "string" ? actor : addressOf(actor);
    return parseAddress(address).node === undefined ? this.#resolve(address) : address;
  }

  #control(node: string): Handle<NodeControl> {
    return makeHandle(`${systemNames.node}@${node}`, this.caller);
  }

  #linkDown(link: Link, reason: string): void {
    this.#channelLost(link, reason);
    if (link.role === "host") this.#hosts.linkLost(link, reason);
    if (link.role !== "node") return;
    for (const [name, node] of this.#resolved) if (node === link.peer) this.#resolved.delete(name);
    // A head keeps a list of members: one that it had given up before is lost once, however often its link comes and goes.
    const isLoss = !this.isHead || this.#registry.node(link.peer) !== undefined;
    this.#registry.leave(link.peer);
    if (isLoss) for (const callback of this.#nodeWatchers) callback(link.peer, reason);
    if (link.peer === this.#options.head?.name) this.#options.onHeadLost?.(reason);
  }

  /** Whoever waited for an answer through this channel gets an error; whoever asked through it is forgotten. */
  #channelLost(channel: Channel, reason: string): void {
    const code = channel instanceof Object && "role" in channel && channel.role === "node" ? "node_down" : "actor_down";
    this.#exchange.fail(
      (passage) => passage.to === channel,
      (target, method) =>
        new ActorError(
          code,
          `${target} was lost before it answered ${method} (it may or may not have run): ${reason}.`,
          {
            actor: target,
            method,
          },
        ),
    );
    this.#exchange.forget(channel);
    this.#calledOff.hostEnded(channel);
  }

  #say(line: string): void {
    this.#options.onLine?.(this.name, line);
  }
}

/** A fixed port is that of control; data has the next. */
function endpointsOf(listen: string): Endpoints {
  const dat = listen.replace(/:(\d+)$/, (_match, port: string) => `:${Number(port) + 1}`);
  return { ctl: listen, dat };
}

/** What a person who attaches may do: look at everything, evaluate; the control decides about writing. */
const observerMethods = new Set([
  "info",
  "nodes",
  "actors",
  "inFlight",
  "recent",
  "describe",
  "evaluate",
  "stack",
  "resolve",
]);

function isObserver(channel: Channel): boolean {
  return "role" in channel && channel.role === "observer";
}

function observerMayCall(call: Call): boolean {
  return parseAddress(call.target).name === systemNames.node && observerMethods.has(call.method);
}

export { makeKeys };
