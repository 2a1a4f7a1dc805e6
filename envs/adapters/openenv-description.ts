// What an OpenEnv server says of itself over HTTP, its tasks among it, and whether its environment replays.
// Knows no world: what it finds out, openenv.ts makes one of.
import { canonicalJson, contentHash } from "../digest.ts";
import { InfrastructureError } from "../errors.ts";
import type { Task } from "../task.ts";
import { drawnAction, type Schema } from "./openenv-action.ts";
import {
  beginSession,
  jsonOf,
  type OpenEnvRefusal,
  type OpenEnvResult,
  type OpenEnvServer,
  serverError,
} from "./openenv-connection.ts";

/** What a reset gets: `{seed: 3}`, or a place in a split. */
export interface OpenEnvTask extends Task {
  readonly reset: Readonly<Record<string, unknown>>;
}

export interface OpenEnvDescription {
  name: string;
  description: string;
  version: string | null;
  /** Of its actions. */
  schema: Schema;
  /** Null where it lists none. */
  tasks: readonly OpenEnvTask[] | null;
  /** Ids of those that are not for training. */
  heldOut: ReadonlySet<string>;
  /** What a probe found that does not replay; null if all did. */
  difference: string | null;
}

const probeSeeds = [0, 1];
const probeSteps = 25;

/**
 * Asks a server what it is and plays it twice.
 * @throws InfrastructureError `server_unreachable`, `server_timeout`, `server_error`, `server_busy`
 */
export async function describeServer(server: OpenEnvServer): Promise<OpenEnvDescription> {
  const { action: schema } = (await getJson(server, "/schema")) as { action: Schema };
  const about = (await getJson(server, "/metadata")) as { name: string; description?: string; version?: string | null };
  const { name, description = "", version = null } = about;
  const listed = await tasksOf(server);
  return { name, description, version, schema, ...listed, difference: await differenceOf(server, schema) };
}

/** A task by what its reset gets. */
export function openEnvTask(id: string, reset: Readonly<Record<string, unknown>>): OpenEnvTask {
  return { id, hash: contentHash([id, reset]), reset };
}

/** What two plays of the same must agree in; metadata may hold times and names of episodes. */
export function comparable(result: OpenEnvResult | OpenEnvRefusal): object {
  if ("code" in result) return { code: result.code };
  const { metadata: _, ...observation } = result.observation;
  return { observation, reward: result.reward, done: result.done };
}

/** What the first difference is between two sessions of one seed that are played alike; null if there is none. */
async function differenceOf(server: OpenEnvServer, schema: Schema): Promise<string | null> {
  for (const seed of probeSeeds) {
    const one = await probe(server, schema, seed);
    const other = await probe(server, schema, seed);
    const at = one.findIndex((result, index) => result !== other[index]);
    if (at === 0) return `two resets with seed ${seed} show different observations`;
    if (at > 0) return `step ${at} after two resets with seed ${seed} differs`;
  }
  return null;
}

async function probe(server: OpenEnvServer, schema: Schema, seed: number): Promise<string[]> {
  const { signal } = new AbortController();
  const { connection, result } = await beginSession(server, { seed }, signal);
  const results: (OpenEnvResult | OpenEnvRefusal)[] = [result];
  try {
    for (let at = 0; at < probeSteps && !isDone(results.at(-1)!); at += 1) {
      results.push(await connection.ask("step", drawnAction(schema, `${seed}.${at}`), signal));
    }
    return results.map((one) => canonicalJson(comparable(one)));
  } finally {
    connection.close();
  }
}

function isDone(result: OpenEnvResult | OpenEnvRefusal): boolean {
  return "done" in result && result.done;
}

/** The tasks that a server lists; null where it lists none. */
async function tasksOf(server: OpenEnvServer): Promise<Pick<OpenEnvDescription, "tasks" | "heldOut">> {
  const [name] = ((await getJson(server, "/list_environments", [404])) ?? []) as string[];
  const splits = name === undefined ? null : await getJson(server, `/${encodeURIComponent(name)}/splits`, [404, 501]);
  if (splits === null) return { tasks: null, heldOut: new Set() };
  const all: OpenEnvTask[] = [];
  const heldOut = new Set<string>();
  for (const { name: split, type } of splits as { name: string; type: string }[]) {
    const counted = await getJson(server, `/${encodeURIComponent(name!)}/num_tasks`, [], { split });
    for (let index = 0; index < (counted as { num_tasks: number }).num_tasks; index += 1) {
      const task = openEnvTask(`${split}#${index}`, { split, index, seed: index });
      all.push(task);
      if (type !== "train") heldOut.add(task.id);
    }
  }
  return { tasks: all, heldOut };
}

/** Null for a status among `absent`. */
async function getJson(server: OpenEnvServer, path: string, absent: number[] = [], body?: object): Promise<unknown> {
  const { url, deadlineMs = 60_000 } = server;
  const request = body
    ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }
    : {};
  const at = `${url.replace(/^ws/, "http").replace(/\/+$/, "")}${path}`;
  let response: Response;
  try {
    response = await fetch(at, { ...request, signal: AbortSignal.timeout(deadlineMs) });
  } catch (error) {
    const cause = (error as Error).name === "TimeoutError" ? "server_timeout" : "server_unreachable";
    const { message } = ((error as Error).cause ?? error) as Error;
    throw new InfrastructureError(cause, `${message} - OpenEnv server ${at} - start it, or name another`);
  }
  if (absent.includes(response.status)) return null;
  if (!response.ok) throw serverError(at, `it answered with status ${response.status}`);
  const said = jsonOf(await response.text());
  if (said === null) throw serverError(at, "its answer is no JSON");
  return said;
}
