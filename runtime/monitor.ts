// Monitoring from inside an actor: told once when the present life of another ends.
// The node that the other lives on does the watching; this only asks it.
import { parseAddress, systemNames } from "./envelope.ts";
import { addressOf, makeHandle } from "./handle.ts";
import type { NodeControl } from "./node-control.ts";
import type { Down } from "./supervisor.ts";
import { currentTurn } from "./turn.ts";

/**
 * Resolves once when the present life of the actor ends; also if it never lived, or its node is lost.
 * Call it from an actor's method; outside of actors a node has the same word.
 */
export async function monitor(handle: object): Promise<Down> {
  const { caller, actor } = currentTurn();
  const control = (node: string) =>
    makeHandle<NodeControl>(`${systemNames.node}@${node}`, caller, { deadlineMs: null });
  let address = addressOf(handle);
  try {
    if (parseAddress(address).node === undefined) address = await control(parseAddress(actor).node!).resolve(address);
    return await control(parseAddress(address).node!).awaitDown(address);
  } catch (error) {
    return { address, incarnation: 0, reason: (error as Error).message, isRestarting: false };
  }
}
