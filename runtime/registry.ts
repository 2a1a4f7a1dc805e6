// Names and nodes of a cluster: who is a member, and on which node a name lives.
// Pure bookkeeping for the head; a node's life moves only forward by its incarnation, and a name has one owner.
import { ActorError } from "./errors.ts";
import type { Endpoints } from "./socket.ts";

export interface NodeInfo {
  name: string;
  incarnation: string;
  /** Where other nodes reach it; null for a node that only dials. */
  endpoints: Endpoints | null;
  publicKey: string | null;
  labels: Record<string, string>;
}

export class Registry {
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #names = new Map<string, string>();

  /** A node that comes back under its name has begun a new life: the names of the old one are gone. */
  join(node: NodeInfo): void {
    if (this.#nodes.has(node.name)) this.leave(node.name);
    this.#nodes.set(node.name, node);
  }

  /** Forgets a node and every name that lived on it; gives those names. */
  leave(nodeName: string): string[] {
    this.#nodes.delete(nodeName);
    const lost = [...this.#names].filter(([, node]) => node === nodeName).map(([name]) => name);
    for (const name of lost) this.#names.delete(name);
    return lost;
  }

  node(name: string): NodeInfo | undefined {
    return this.#nodes.get(name);
  }

  nodes(): NodeInfo[] {
    return [...this.#nodes.values()];
  }

  /** @throws ActorError `name_taken`, saying where the other one lives */
  claim(name: string, nodeName: string): void {
    const owner = this.#names.get(name);
    if (owner !== undefined) {
      throw new ActorError(
        "name_taken",
        `the name ${name} is taken by ${name}@${owner}. Choose another, or look that one up.`,
      );
    }
    this.#names.set(name, nodeName);
  }

  /** Only the owner can let a name go. */
  release(name: string, nodeName: string): void {
    if (this.#names.get(name) === nodeName) this.#names.delete(name);
  }

  /** The node on which the name lives. */
  resolve(name: string): string | undefined {
    return this.#names.get(name);
  }
}
