// The hosts of a node: threads that many actors share, threads and processes of one actor's own.
// Finds a place for an actor and gives it back; knows nothing of calls.
import type { Placement } from "./actor.ts";
import type { Channel } from "./channel.ts";
import type { Envelope } from "./envelope.ts";
import type { Handle } from "./handle.ts";
import type { HostControl } from "./host.ts";
import type { HostLink } from "./host-link.ts";
import type { Link } from "./link.ts";
import { ThreadPool } from "./pool.ts";
import type { PythonOptions } from "./python.ts";
import { startRemoteHost } from "./remote-host.ts";
import type { Endpoints } from "./socket.ts";

export interface HostsOptions {
  node: string;
  /** Threads that `shared` actors are spread over. */
  sharedThreads: number;
  python: PythonOptions;
  token: string;
  /** Where this node listens for its own processes. */
  endpoints: () => Promise<Endpoints>;
  receive: (envelope: Envelope, from: Channel) => void;
  /** Resolves when the peer of this name has said HELLO. */
  linkUp: (peer: string) => Promise<Link>;
  control: (link: Link) => Handle<HostControl>;
  /** Once a host, however it ended. */
  onEnded: (host: HostLink, reason: string) => void;
  /** A line that a host's process printed. */
  onLine: (source: string, line: string) => void;
}

/** A host has this long to answer before it counts as hung. */
const hungAfterMs = 2000;

export class Hosts {
  readonly #options: HostsOptions;
  readonly #pool = new ThreadPool();
  /** Shared threads and how many actors each holds. */
  readonly #shared = new Map<HostLink, number>();
  readonly #own = new Set<HostLink>();
  readonly #buried = new WeakSet<HostLink>();
  #threadCount = 0;

  constructor(options: HostsOptions) {
    this.#options = options;
  }

  /** A host for one more actor; a shared thread with the fewest actors, or a host of its own. */
  async provide(placement: Placement, actor: string, signal: AbortSignal): Promise<HostLink> {
    if (placement === "shared") return this.#provideShared();
    const host = placement === "thread" ? this.#startThread() : await this.#startProcess(placement, actor, signal);
    this.#own.add(host);
    return host;
  }

  /** The actor has left its host; a host of its own ends with it. */
  async release(host: HostLink): Promise<void> {
    const count = this.#shared.get(host);
    if (count !== undefined) this.#shared.set(host, count - 1);
    else if (this.#own.delete(host)) await host.close();
  }

  isShared(host: HostLink): boolean {
    return this.#shared.has(host);
  }

  /** Kills a host of one actor's own; resolves when it is gone. */
  async discard(host: HostLink, reason: string): Promise<void> {
    this.#own.delete(host);
    host.kill(reason);
    await host.ended;
  }

  /** Kills a host that does not answer: whatever blocks its event loop, all that live there are blocked with it. */
  async endIfHung(host: HostLink, reason: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), hungAfterMs);
    });
    const answer = host.control.reports().then(
      () => false,
      () => false, // it is gone already
    );
    const isHung = await Promise.race([answer, late]);
    clearTimeout(timer);
    if (isHung) host.kill(reason);
  }

  /** The link to a host's process is lost: what can no longer be reached has ended, and must not live on unseen. */
  linkLost(link: Channel, reason: string): void {
    for (const host of this.#own) {
      if (host.channel !== link) continue;
      host.kill(reason);
      this.#bury(host, reason);
    }
  }

  async close(): Promise<void> {
    const hosts = [...this.#shared.keys(), ...this.#own];
    this.#shared.clear();
    this.#own.clear();
    await Promise.all(hosts.map((host) => host.close()));
    await this.#pool.close();
  }

  #provideShared(): HostLink {
    const [fewest] = [...this.#shared].sort(([, a], [, b]) => a - b);
    const host =
      fewest && (fewest[1] === 0 || this.#shared.size >= this.#options.sharedThreads) ? fewest[0] : this.#startThread();
    this.#shared.set(host, (this.#shared.get(host) ?? 0) + 1);
    return host;
  }

  #startThread(): HostLink {
    this.#threadCount += 1;
    const label = `thread ${this.#threadCount} of ${this.#options.node}`;
    const host: HostLink = this.#pool.start(label, `${label}`, (envelope) =>
      this.#options.receive(envelope, host.channel),
    );
    return this.#watch(host);
  }

  async #startProcess(placement: "process" | "python", actor: string, signal: AbortSignal): Promise<HostLink> {
    const { node, token, python } = this.#options;
    const peer = `${node}/${actor}`;
    const host = await startRemoteHost({
      placement,
      boot: { peer, parent: node, endpoints: await this.#options.endpoints(), token },
      python,
      linkUp: this.#options.linkUp(peer),
      control: this.#options.control,
      signal,
      onLine: (line) => this.#options.onLine(actor, line),
    });
    return this.#watch(host);
  }

  #watch(host: HostLink): HostLink {
    void host.ended.then((reason) => this.#bury(host, reason));
    return host;
  }

  #bury(host: HostLink, reason: string): void {
    if (this.#buried.has(host)) return;
    this.#buried.add(host);
    this.#shared.delete(host);
    this.#own.delete(host);
    this.#options.onEnded(host, reason);
  }
}
