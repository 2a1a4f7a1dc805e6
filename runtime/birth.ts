// One life of an actor brought up: a place on a host, then the actor in it. Bounded in time, and can be called off.
// Leaves nothing behind when it fails: no process, no thread of its own, no actor on a thread that it shares.
import type { Placement } from "./actor.ts";
import type { SpawnSpec } from "./cell.ts";
import type { Clock } from "./clock.ts";
import { ActorError } from "./errors.ts";
import type { HostLink } from "./host-link.ts";
import type { Hosts } from "./hosts.ts";

/** Importing torch takes 1 s on a quick machine and 40 s on a slow one. */
export const defaultStartDeadlineMs = 300_000;

export interface Birth {
  placement: Placement;
  spec: SpawnSpec;
  deadlineMs: number;
  /** Aborted when nobody wants this life any more; the reason is what `bringUp` rejects with. */
  calledOff: AbortSignal;
}

/** Resolves with the host on which the actor takes messages. */
export async function bringUp(hosts: Hosts, clock: Clock, birth: Birth): Promise<HostLink> {
  const { placement, spec, deadlineMs, calledOff } = birth;
  const limit = new AbortController();
  const forget = clock.after(deadlineMs, () => limit.abort(tooLate(spec, deadlineMs)));
  const signal = AbortSignal.any([calledOff, limit.signal]);
  try {
    const host = await hosts.provide(placement, spec.name, signal);
    const spawning = host.control.spawnActor(spec);
    try {
      await orAborted(spawning, signal);
    } catch (error) {
      if (signal.aborted) await abandon(hosts, host, spec, spawning);
      else await hosts.release(host);
      throw error;
    }
    return host;
  } finally {
    forget();
  }
}

/** The host is still at it. One of the actor's own is killed; on a shared one this start is called off. */
async function abandon(hosts: Hosts, host: HostLink, spec: SpawnSpec, spawning: Promise<void>): Promise<void> {
  if (!hosts.isShared(host)) {
    await hosts.discard(host, `${spec.address} was given up while it started`);
    return;
  }
  void host.control.callOff(spec.birth, "it started too late").catch(() => {}); // its thread is gone, and it with it
  void spawning
    .catch(() => {}) // called off, or it failed by itself: either way it does not live
    .finally(() => hosts.release(host));
  await hosts.endIfHung(host, `${spec.address} never yielded while it started`);
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {}); // whoever waits hears of it here, or of the abort
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function tooLate({ address, className }: SpawnSpec, deadlineMs: number): ActorError {
  const what = `${address} (${className}) did not start within ${deadlineMs} ms.`;
  return new ActorError(
    "start_failed",
    `${what} See what its constructor and start hook wait for, or give it more startDeadlineMs.`,
    { actor: address, elapsedMs: deadlineMs },
  );
}
