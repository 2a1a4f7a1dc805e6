// An actor host in a thread: the thread's entry, and the control surface by which the node commands it.
// Calls between actors run over a bare port beside it, because comlink is for control and not for the hot path.
// A thread holds no socket: one with a pending receive would take the whole process down when the thread dies.
import type { MessagePort } from "node:worker_threads";
import { expose, type Remote, transferHandlers, wrap } from "comlink";
import { openPortChannel } from "./channel.ts";
import { realClock } from "./clock.ts";
import { ActorError, fromErrorRecord, toErrorRecord } from "./errors.ts";
import { Host, type HostControl } from "./host.ts";
import { labelThread, stackOfThread } from "./stack.ts";

/** What a thread is given when it starts. */
export interface ThreadTask {
  /** Who calls when no actor does. */
  name: string;
  calls: MessagePort;
  control: MessagePort;
}

/** The life of a thread host: ends when the node closes the control port or kills the thread. */
export default async function hostThread(task: ThreadTask): Promise<void> {
  labelThread(task.name);
  const channel = openPortChannel("node", task.calls, (envelope) => host.deliver(envelope));
  const host = new Host({ name: task.name, clock: realClock, send: (envelope) => channel.send(envelope) });
  expose(host.control(), task.control as never);
  await new Promise((resolve) => task.control.once("close", resolve));
  channel.close();
}

/**
 * The node's end of the control surface.
 * comlink never settles a call whose far thread has died; `ended` does it for every call made here.
 */
export function controlThread(label: string, port: MessagePort, ended: Promise<string>): HostControl {
  const remote: Remote<HostControl> = wrap<HostControl>(port as never);
  const orDeath = async <T>(answer: Promise<T>): Promise<T> => {
    const death = ended.then((reason) => {
      throw new ActorError("actor_down", `the thread ended before it answered: ${reason}.`);
    });
    return Promise.race([answer, death]);
  };
  return {
    spawnActor: (spec) => orDeath(remote.spawnActor(spec)),
    stopActor: (name, reason, graceMs) =>
      Promise.race([orDeath(remote.stopActor(name, reason, graceMs)), lateAfter(graceMs + stopHookMs, name)]),
    callOff: (birth, reason) => orDeath(remote.callOff(birth, reason)),
    reports: () => orDeath(remote.reports()),
    recent: (name) => orDeath(remote.recent(name)),
    describe: (name) => orDeath(remote.describe(name)),
    evaluate: (name, expression, how) => orDeath(remote.evaluate(name, expression, how)),
    stack: () => stackOfThread(label), // not asked of the thread, which may never answer
  };
}

/** Time for an actor's `stop` hook, as long as a process gets. */
const stopHookMs = 10_000;

/** A thread that never yields cannot be asked to stop; whoever waits goes on, and the thread is killed with its node. */
function lateAfter(limitMs: number, actor: string): Promise<never> {
  return new Promise((_resolve, reject) => {
    const late = () =>
      reject(new ActorError("call_timeout", `${actor} did not stop within ${limitMs} ms.`, { actor, method: "stop" }));
    setTimeout(late, limitMs).unref();
  });
}

/** Errors cross with code, fields and causes; comlink's own handler would leave name, message and stack. */
const thrown = transferHandlers.get("throw")!;
transferHandlers.set("throw", {
  canHandle: thrown.canHandle,
  serialize: (value) => [toErrorRecord((value as { value: unknown }).value), []],
  deserialize: (record) => {
    throw fromErrorRecord(record as never);
  },
});
