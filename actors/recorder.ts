// Everything on disk before it is trained on: each finished group with all its tokens, in append-only segments.
// A group is handed to the learner only after `write` has resolved. An index beside the segments, a line an episode,
// is for quick looks and can be made anew from them; what a world shows beside its words lies in blobs. Knows what an
// episode is; `journal` and `blobs` know how to be durable.
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Evidence, Info, Message, Task } from "../envs/index.ts";
import { type Damage, defineActor, Journal, readJournal, readRecord } from "../runtime/index.ts";
import { type BlobRef, BlobWriter, readBlob } from "./blobs.ts";
import type { Draw } from "./exit/index.ts";
import { packRecord, recordTypes, unpackRecord } from "./record.ts";
import type { Rollout, RolloutFailure, RolloutTurn } from "./rollout.ts";
import type { Ticket } from "./rollout-buffer.ts";

/** What a world told of one response, beside its answer. */
export interface StepFacts {
  /** How it read the response. */
  responseKind: string;
  /** Of the world's state after it; null where the step failed. */
  digest: string | null;
  info: Info;
  evidence: Evidence;
}

/** An episode as an environment hands it over. */
export interface EpisodeRecord {
  rollout: Rollout;
  /** One for each response that the world was given. */
  steps: readonly StepFacts[];
  /** The whole conversation, opening included. */
  messages: readonly Message[];
  /** Null where it failed. */
  reward: number | null;
  advantage: number;
  generateMs: number;
  worldMs: number;
}

export interface GroupToWrite {
  ticket: Ticket;
  draw: Draw;
  task: Task;
  /** Whose answers and scores these are; another version may give others. */
  world: WorldName;
  episodes: readonly EpisodeRecord[];
}

export interface WorldName {
  id: string;
  version: string;
}

/** A group as it stands on disk: what its episodes share stands once, prompts under their hash. */
export interface RecordedGroup {
  groupId: string;
  groupIndex: number;
  iteration: number;
  life: number;
  /** Wall clock, milliseconds since 1970. */
  atMs: number;
  draw: Draw;
  task: Task & Record<string, unknown>;
  /** Absent where it was recorded before there was such. */
  world?: WorldName;
  /** Messages before the first response. */
  opening: readonly Message[];
  /** Hash of a prompt → its ids. */
  prompts: Readonly<Record<string, Int32Array>>;
  episodes: readonly RecordedEpisode[];
}

/** A step on disk: its evidence lies in blobs, under the names that the world gave it. */
export type RecordedStep = Omit<StepFacts, "evidence"> & { readonly blobs: Readonly<Record<string, BlobRef>> };

/** One episode on disk. Arrays are [N] over the tokens behind the prompt. */
export interface RecordedEpisode {
  id: string;
  promptHash: string;
  ids: Int32Array;
  mask: Uint8Array;
  logprobs: Float32Array;
  versions: Int32Array;
  text: string;
  turns: readonly RolloutTurn[];
  /** Absent where it was recorded before there were such. */
  steps?: readonly RecordedStep[];
  /** Behind the opening. */
  messages: readonly Message[];
  finish: string | null;
  quality: number | null;
  reward: number | null;
  advantage: number;
  failure: RolloutFailure | null;
  generateMs: number;
  worldMs: number;
}

/** A line of the index. */
export interface EpisodeLine {
  id: string;
  segment: string;
  offset: number;
  /** Which of its group. */
  at: number;
  iteration: number;
  life: number;
  task: string;
  mode: string;
  depth: number;
  reward: number | null;
  finish: string | null;
  failure: string | null;
  tokenCount: number;
  /** Policy versions that sampled it, lowest and highest; -1 where nothing was sampled. */
  versions: [number, number];
}

const journalName = "episodes";
const indexFile = "index.jsonl";
const blobFolder = "blobs";

/** Larger evidence is recorded up to here, and marked as truncated. */
const defaultBlobBytes = 16 * 2 ** 20;

export interface RecorderConfig {
  /** `runs/<name>/episodes`. */
  folder: string;
  life: number;
  /** The most that is kept of one piece of evidence; 16 MiB unless said, 0 keeps none. */
  blobBytes?: number;
}

export class Recorder {
  readonly #config: RecorderConfig;
  readonly #blobs: BlobWriter;
  #journal: Journal | undefined;
  #episodeCount = 0;
  #byteCount = 0;

  constructor(config: RecorderConfig) {
    this.#config = config;
    this.#blobs = new BlobWriter(join(config.folder, blobFolder));
  }

  async start(): Promise<void> {
    await this.#blobs.sweep();
    this.#journal = await Journal.open(this.#config.folder, { name: journalName });
  }

  /** Resolves when the group is on the disk. Rejects when the disk is full or gone: then the run cannot go on. */
  async write(group: GroupToWrite): Promise<void> {
    const steps = await Promise.all(group.episodes.map((episode) => this.#stepsOf(episode)));
    const recorded = toRecord(group, steps, this.#config.life);
    const payload = packRecord(recorded);
    const place = this.#journal!.append(recordTypes.group, payload);
    await this.#journal!.sync();
    this.#episodeCount += recorded.episodes.length;
    this.#byteCount += payload.length;
    await appendFile(join(this.#config.folder, indexFile), textOf(linesOf(recorded, place)));
  }

  /** Blobs first: a record never names one that is not there. */
  #stepsOf({ steps }: EpisodeRecord): Promise<RecordedStep[]> {
    const { blobBytes = defaultBlobBytes } = this.#config;
    return Promise.all(
      steps.map(async ({ evidence, ...facts }) => {
        const named = blobBytes === 0 ? [] : Object.entries(evidence);
        const refs = named.map(async ([name, bytes]) => [name, await this.#blobs.write(bytes, blobBytes)] as const);
        return { ...facts, blobs: Object.fromEntries(await Promise.all(refs)) };
      }),
    );
  }

  report(): { episodeCount: number; byteCount: number } {
    return { episodeCount: this.#episodeCount, byteCount: this.#byteCount };
  }

  async stop(): Promise<void> {
    await this.#journal?.close();
  }
}

export const RecorderActor = defineActor(import.meta.url, Recorder, { concurrency: Number.POSITIVE_INFINITY });

function toRecord(
  { ticket, draw, task, world, episodes }: GroupToWrite,
  steps: readonly (readonly RecordedStep[])[],
  life: number,
): RecordedGroup {
  const opening = openingOf(episodes);
  return {
    groupId: ticket.groupId,
    groupIndex: ticket.groupIndex,
    iteration: draw.iteration,
    life,
    atMs: Date.now(),
    draw,
    task: task as RecordedGroup["task"],
    world,
    opening,
    prompts: Object.fromEntries(episodes.map(({ rollout }) => [rollout.promptHash, rollout.promptIds])),
    episodes: episodes.map(({ rollout, messages, steps: _, ...rest }, at) => {
      const behind = rollout.promptIds.length;
      return {
        id: rollout.id,
        promptHash: rollout.promptHash,
        ids: rollout.ids.slice(behind),
        mask: rollout.mask.slice(behind),
        logprobs: rollout.logprobs.slice(behind),
        versions: rollout.versions.slice(behind),
        text: rollout.text,
        turns: rollout.turns,
        steps: steps[at]!,
        messages: messages.slice(opening.length),
        finish: rollout.finish,
        quality: rollout.quality,
        failure: rollout.failure ?? null,
        ...rest,
      };
    }),
  };
}

/** What every episode of the group was shown before it spoke. */
function openingOf(episodes: readonly EpisodeRecord[]): readonly Message[] {
  const { messages } = episodes[0]!;
  const spoken = messages.findLastIndex(({ role }) => role !== "assistant") + 1;
  const turnCount = episodes[0]!.rollout.turns.length;
  return turnCount <= 1 ? messages.slice(0, spoken) : messages.slice(0, messages.length - 2 * turnCount + 1);
}

/** A group's lines of the index, where it stands at `place`. */
export function linesOf(
  { episodes, draw, task, iteration, life }: RecordedGroup,
  place: Pick<EpisodeLine, "segment" | "offset">,
): EpisodeLine[] {
  return episodes.map((episode, at) => {
    const sampled = [...episode.versions].filter((version) => version >= 0);
    return {
      id: episode.id,
      ...place,
      at,
      iteration,
      life,
      task: task.id,
      mode: draw.mode,
      depth: draw.mode === "base" ? 0 : draw.instance.depth + 1,
      reward: episode.reward,
      finish: episode.finish,
      failure: episode.failure?.cause ?? null,
      tokenCount: sampled.length,
      versions: sampled.length === 0 ? [-1, -1] : [Math.min(...sampled), Math.max(...sampled)],
    };
  });
}

function textOf(lines: readonly EpisodeLine[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

// --- reading ----------------------------------------------------------------------------------------------------

/** Every group of a recording, oldest first, also while it is being written. */
export async function* readGroups(folder: string, onDamage?: (damage: Damage) => void): AsyncGenerator<RecordedGroup> {
  for await (const { type, payload } of readJournal(folder, journalName, onDamage)) {
    if (type === recordTypes.group) yield unpackRecord(payload) as RecordedGroup;
  }
}

/** The group that stands there. @throws ActorError `protocol_error` if none does */
export async function readGroup(
  folder: string,
  { segment, offset }: Pick<EpisodeLine, "segment" | "offset">,
): Promise<RecordedGroup> {
  return unpackRecord((await readRecord(folder, segment, offset)).payload) as RecordedGroup;
}

/** A piece of evidence that a record names. @throws ActorError `protocol_error` naming the file if it is missing or damaged */
export function readEvidence(folder: string, ref: BlobRef): Promise<Buffer> {
  return readBlob(evidencePlace(folder), ref);
}

/** Where the evidence of a recording lies, each piece under its hash. */
export function evidencePlace(folder: string): string {
  return join(folder, blobFolder);
}

/** The index of a recording; made anew from the segments where it is missing or ends in the middle. */
export async function readIndex(folder: string): Promise<EpisodeLine[]> {
  const text = await readFile(join(folder, indexFile), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  const lines = text === null ? null : parseLines(text);
  return lines ?? rebuildIndex(folder);
}

function parseLines(text: string): EpisodeLine[] | null {
  if (text !== "" && !text.endsWith("\n")) return null;
  try {
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as EpisodeLine);
  } catch {
    return null; // torn by a crash: the segments know better
  }
}

async function rebuildIndex(folder: string): Promise<EpisodeLine[]> {
  const lines: EpisodeLine[] = [];
  for await (const { type, payload, segment, offset } of readJournal(folder, journalName)) {
    if (type !== recordTypes.group) continue;
    lines.push(...linesOf(unpackRecord(payload) as RecordedGroup, { segment, offset }));
  }
  return lines;
}
