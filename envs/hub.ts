// Data sets from the Hugging Face hub, as the parquet files that it keeps of every set; fetched once and kept.
// Knows no field of any set. Obeys the hub's own variables: HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE.
import { createWriteStream, existsSync, readdirSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { EnvironmentError } from "./errors.ts";

/** One split of a data set. */
export interface HubSplit {
  /** `HuggingFaceH4/MATH-500` */
  readonly id: string;
  readonly config: string;
  readonly split: string;
}

export interface HubOptions {
  /** Where files are kept; `datasets` in Iterant's cache folder unless said. */
  folder?: string;
  /** What is read instead of the process's own environment. */
  env?: Readonly<Record<string, string | undefined>>;
  signal?: AbortSignal;
  /** Told before a file is fetched. */
  onFetch?(url: string): void;
}

/**
 * The parquet files of a split, in order, on this machine.
 * A folder is there whole or not at all: files are fetched into one beside it, which then takes its name.
 * @throws EnvironmentError `bad_data` if the hub cannot be reached, has no such split, or wants a token
 */
export async function hubFiles({ id, config, split }: HubSplit, options: HubOptions = {}): Promise<string[]> {
  const { env = process.env, signal, onFetch } = options;
  const folder = join(options.folder ?? join(cacheFolder(env), "datasets"), ...id.split("/"), config, split);
  if (existsSync(folder)) return filesIn(folder);
  const who = `${id}, ${config}, ${split}`;
  const byHand = "fetch the file yourself and name it: NAME=FILE";
  if (env.HF_HUB_OFFLINE === "1") {
    throw new EnvironmentError("bad_data", `not on this machine, and HF_HUB_OFFLINE is 1 - ${who} - ${byHand}`);
  }
  const endpoint = (env.HF_ENDPOINT ?? "https://huggingface.co").replace(/\/$/, "");
  const headers: Record<string, string> = env.HF_TOKEN ? { authorization: `Bearer ${env.HF_TOKEN}` } : {};
  const ask = async (url: string): Promise<Response> => {
    const response = await fetch(url, { headers, signal: signal ?? null }).catch((error: Error) => {
      signal?.throwIfAborted();
      const why = error.cause instanceof Error ? error.cause.message : error.message;
      throw new EnvironmentError("bad_data", `the hub cannot be reached: ${why} - ${url} - ${byHand}`);
    });
    if (response.ok) return response;
    const cure = response.status === 401 || response.status === 403 ? "set HF_TOKEN, accept its terms, or " : "";
    throw new EnvironmentError("bad_data", `the hub answered ${response.status} - ${who}, ${url} - ${cure}${byHand}`);
  };
  const listing = `${endpoint}/api/datasets/${id}/parquet/${encodeURIComponent(config)}/${encodeURIComponent(split)}`;
  const urls = (await (await ask(listing)).json()) as unknown;
  if (!Array.isArray(urls) || urls.length === 0 || !urls.every((url) => typeof url === "string")) {
    throw new EnvironmentError("bad_data", `the hub names no parquet file - ${who}, ${listing} - ${byHand}`);
  }
  const draft = `${folder}.${process.pid}`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  try {
    for (const [index, url] of (urls as string[]).entries()) {
      onFetch?.(url);
      const { body } = await ask(url);
      const file = join(draft, `${String(index).padStart(4, "0")}.parquet`);
      await pipeline(Readable.fromWeb(body as never), createWriteStream(file), signal ? { signal } : {});
    }
    await rename(draft, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error; // another process was first
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return filesIn(folder);
}

/** Iterant's own cache: `ITERANT_CACHE`, or `iterant` in the user's. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env.ITERANT_CACHE ?? join(env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "iterant");
}

function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
}
