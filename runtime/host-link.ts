// A node's view of an actor host, wherever it runs: a way for envelopes, a control surface, and its end.
import type { Placement } from "./actor.ts";
import type { Channel } from "./channel.ts";
import type { HostControl } from "./host.ts";

export interface HostLink {
  /** For messages to people: `thread 2`, `python learner (pid 4711)`. */
  readonly label: string;
  readonly placement: Placement;
  readonly channel: Channel;
  readonly control: HostControl;
  /** Resolves once, with why, when the host is gone, however it went. */
  readonly ended: Promise<string>;
  /** At once and without asking it; `ended` then says `reason`. */
  kill(reason: string): void;
  /** After its actors were stopped: lets it end by itself. */
  close(): Promise<void>;
}
