// Calls that were called off and have not ended: each has a grace period, and then costs its actor something.
// Knows neither who would kill nor what; a call that ends in time is forgotten.
import type { Channel } from "./channel.ts";
import type { Clock } from "./clock.ts";

export interface CalledOffCall {
  target: string;
  method: string;
  /** Why it was called off. */
  reason: string;
  /** The host that runs it. */
  to: Channel;
  graceMs: number;
}

export interface CalledOffOptions {
  clock: Clock;
  /** How long a call of this target may run on; null for as long as it likes. */
  graceMs: (target: string) => number | null;
  /** Once a call, from a timer, when its grace is over. */
  onIgnored: (call: CalledOffCall) => void;
}

export class CalledOff {
  readonly #options: CalledOffOptions;
  readonly #calls = new Map<number, { to: Channel; forget: () => void }>();

  constructor(options: CalledOffOptions) {
    this.#options = options;
  }

  add(id: number, call: Omit<CalledOffCall, "graceMs">): void {
    const { clock, onIgnored } = this.#options;
    const graceMs = this.#options.graceMs(call.target);
    if (graceMs === null) return;
    const forget = clock.after(graceMs, () => {
      this.#calls.delete(id);
      onIgnored({ ...call, graceMs });
    });
    this.#calls.set(id, { to: call.to, forget });
  }

  /** It ran out or never ran: nothing is held against its actor. */
  ended(id: number): void {
    this.#calls.get(id)?.forget();
    this.#calls.delete(id);
  }

  /** The host is gone, and with it what ran there. */
  hostEnded(to: Channel): void {
    for (const [id, call] of this.#calls) if (call.to === to) this.ended(id);
  }
}
