// The graph of actors: adding an actor returns its handle, passing the handle is the edge.
// A program is only a plan; launching it on a node brings it to life, there or on the nodes of its cluster.
// Keeps what it launched alive: an actor whose node is lost is started on another, one that is given up ends the program.
import type { ActorClass, ActorDefinition } from "./actor.ts";
import { Reply } from "./caller.ts";
import { ActorError } from "./errors.ts";
import { type Handle, makeHandle } from "./handle.ts";
import type { Node } from "./node.ts";
import type { SpawnOptions } from "./residents.ts";

export interface ProgramOptions extends Omit<SpawnOptions, "node"> {
  /** Its name in the cluster: how it is found, inspected and spoken of. */
  name: string;
  /** Lives on a node that has this label, if there is one; those that share it take turns. On the launching node otherwise. */
  prefers?: string;
}

interface Entry {
  definition: ActorDefinition;
  args: readonly unknown[];
  options: ProgramOptions;
}

export class Program {
  readonly #entries: Entry[] = [];
  #node: Node | undefined;

  /**
   * Adds an actor to the plan. Its handle can be passed to others at once and called after the launch.
   * @throws ActorError `name_taken` if the program has one of this name already
   */
  add<C extends ActorClass>(
    definition: ActorDefinition<C>,
    args: ConstructorParameters<C>,
    options: ProgramOptions,
  ): Handle<InstanceType<C>> {
    if (this.#entries.some((entry) => entry.options.name === options.name)) {
      throw new ActorError(
        "name_taken",
        `the program has an actor called ${options.name} already. Choose another name.`,
      );
    }
    this.#entries.push({ definition, args, options });
    return makeHandle(options.name, {
      call: (target, method, callArgs, callOptions) =>
        this.#node?.caller.call(target, method, callArgs, callOptions) ??
        (Reply.reject(this.#notYet(target, method)) as Reply),
      cast: (target, method, callArgs) => {
        if (!this.#node) throw this.#notYet(target, method);
        this.#node.caller.cast(target, method, callArgs);
      },
    });
  }

  /** The names in the order of their start. */
  get names(): string[] {
    return this.#entries.map(({ options }) => options.name);
  }

  /**
   * Brings the actors to life in the order in which they were added, on this node and on those that it knows.
   * Rejects with the first failure, after stopping what had been started.
   */
  async launch(node: Node): Promise<LiveProgram> {
    this.#node = node;
    const live = new LiveProgram(node, this.#entries);
    await live.start();
    return live;
  }

  #notYet(target: string, method: string): ActorError {
    return new ActorError("bad_option", `${target} does not live yet: launch the program before you call ${method}.`);
  }
}

export class LiveProgram {
  readonly #node: Node;
  readonly #entries: readonly Entry[];
  readonly #turns = new Map<string, number>();
  #isStopping = false;
  #fail!: (error: Error) => void;
  /** Rejects when an actor is given up for good; never resolves. */
  readonly failed: Promise<never>;

  constructor(node: Node, entries: readonly Entry[]) {
    this.#node = node;
    this.#entries = entries;
    this.failed = new Promise<never>((_resolve, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {}); // whoever launched may not be listening yet
  }

  async start(): Promise<void> {
    try {
      for (const entry of this.#entries) await this.#spawn(entry);
    } catch (error) {
      await this.stop("the program could not start");
      throw error;
    }
  }

  /** Stops the actors in reverse order of their start. */
  async stop(reason = "the program was stopped"): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const { options } of [...this.#entries].reverse()) {
      // One that never started, or whose node is lost, has stopped already.
      await this.#node.stopActor(options.name, reason).catch(() => {});
    }
  }

  async #spawn(entry: Entry): Promise<void> {
    const { definition, args, options } = entry;
    const { prefers, ...spawnOptions } = options;
    const node = this.#place(prefers);
    const handle = await this.#node.spawn(definition, args as never, { ...spawnOptions, node });
    void this.#watch(entry, node, handle);
  }

  /** Follows an actor from life to life; the end of its node is the end of a life, not of the actor. */
  async #watch(entry: Entry, node: string, handle: object): Promise<void> {
    const { name } = entry.options;
    for (;;) {
      const down = await this.#node.monitor(handle);
      if (this.#isStopping) return;
      if (down.isRestarting) continue;
      if (!(await this.#isLeaving(node))) {
        this.#fail(
          new ActorError("actor_down", `${down.address} is gone for good: ${down.reason}.`, { actor: down.address }),
        );
        return;
      }
      try {
        await this.#node.departure(node); // its names are free then
        if (this.#isStopping) return;
        await this.#spawn(entry);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.#fail(
          new ActorError("node_down", `${name} was lost with ${node} and could not be started elsewhere: ${why}`),
        );
      }
      return;
    }
  }

  /** True for a node that is gone or going: what ended there did not end for its own reasons. */
  async #isLeaving(node: string): Promise<boolean> {
    if (node === this.#node.name) return false;
    return this.#node
      .control(node)
      .info()
      .then(
        ({ isStopping }) => isStopping,
        () => true,
      );
  }

  #place(label: string | undefined): string {
    if (label === undefined) return this.#node.name;
    const able = this.#node.nodes().filter((node) => node.labels[label] !== undefined);
    if (able.length === 0) return this.#node.name;
    const turn = this.#turns.get(label) ?? 0;
    this.#turns.set(label, turn + 1);
    return able[turn % able.length]!.name;
  }
}
