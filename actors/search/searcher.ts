// Searches as an actor: several on every task, side by side, each node on disk before anybody hears of it.
// Goes on where the journal ends, after any crash. The policy's version is pinned by whoever asks.
import type { Task } from "../../envs/index.ts";
import { defineActor, type Handle, Journal, readJournal } from "../../runtime/index.ts";
import { evaluationSeed } from "../evaluator.ts";
import type { InferenceProxy, Sampling } from "../inference-proxy.ts";
import { packRecord, recordTypes, unpackRecord } from "../record.ts";
import { type OpenWorld, openWorld, type WorldConfig } from "../worlds.ts";
import type { SearchNode } from "./node.ts";
import type { SearchOptions } from "./options.ts";
import { type Answer, search } from "./search.ts";

export interface SearcherConfig {
  world: WorldConfig;
  tasks: readonly Task[];
  options: SearchOptions;
  /** Searches on each task. */
  samples: number;
  sampling: Sampling;
  seed: number;
  /** Where the journal lies. */
  folder: string;
}

/** A node and the search that made it. */
export interface Finding {
  readonly task: string;
  readonly sample: number;
  readonly node: SearchNode;
}

const journalName = "search";

export class Searcher {
  readonly #config: SearcherConfig;
  readonly #inference: Handle<InferenceProxy>;
  #world: OpenWorld | undefined;
  #journal: Journal | undefined;
  /** Nodes by search, those of an earlier life first. */
  readonly #nodes = new Map<string, SearchNode[]>();

  constructor(config: SearcherConfig, inference: Handle<InferenceProxy>) {
    this.#config = config;
    this.#inference = inference.with({ deadlineMs: null });
  }

  async start(): Promise<void> {
    this.#world = await openWorld(this.#config.world);
    for await (const { task, sample, node } of readFindings(this.#config.folder)) {
      this.#nodesOf(task, sample).push(node);
    }
    this.#journal = await Journal.open(this.#config.folder, { name: journalName });
  }

  async stop(): Promise<void> {
    await this.#journal?.close();
    await this.#world?.close();
  }

  /** Every node of every search, first those that were there, then the others as they come. */
  async *run(version: number): AsyncGenerator<Finding> {
    const { tasks, samples } = this.#config;
    const found: Finding[] = [];
    let wake = () => {};
    const tell = (finding: Finding) => {
      found.push(finding);
      wake();
    };
    for (const task of tasks) {
      for (let sample = 0; sample < samples; sample += 1) {
        for (const node of this.#nodesOf(task.id, sample)) found.push({ task: task.id, sample, node });
      }
    }
    let failure: unknown;
    let isDone = false;
    const all = Promise.all(tasks.map((task) => this.#searchTask(task, version, tell))).then(
      () => {},
      (error: unknown) => {
        failure = error;
      },
    );
    void all.then(() => {
      isDone = true;
      wake();
    });
    for (;;) {
      const next = found.shift();
      if (next) yield next;
      else if (isDone) break;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    if (failure !== undefined) throw failure;
  }

  /** What costs nothing earns on each task, in [0, 1], where the world has such a thing. */
  async sampleScores(): Promise<Record<string, number>> {
    if (this.#world!.protocol !== "search") return {};
    const checks = await Promise.all(this.#config.tasks.map((task) => this.#world!.check(task)));
    return Object.fromEntries(checks.flatMap(({ task, sample }) => (sample === null ? [] : [[task, sample]])));
  }

  /** First drafts are samples of one prompt, as an evaluation takes them; then every search goes its own way. */
  async #searchTask(task: Task, version: number, tell: (finding: Finding) => void): Promise<void> {
    const { samples, options, seed } = this.#config;
    let drafts: Promise<Answer[]> | undefined;
    await Promise.all(
      Array.from({ length: samples }, async (_, sample) => {
        const nodes = this.#nodesOf(task.id, sample);
        const parts = {
          task,
          sample,
          seed,
          options,
          environment: () => this.#world!.environment("evaluate"),
          answer: async (messages: Parameters<InferenceProxy["generate"]>[0]["messages"], step: number) => {
            if (step > 0) return (await this.#answers(messages, 1, `${task.id} ${sample} ${step}`, version))[0]!;
            drafts ??= this.#answers(messages, samples, `${task.id} 0`, version);
            return (await drafts)[sample]!;
          },
        };
        for await (const node of search(parts, [...nodes])) {
          nodes.push(node);
          this.#journal!.append(recordTypes.searchNode, packRecord({ task: task.id, sample, node }));
          await this.#journal!.sync();
          tell({ task: task.id, sample, node });
        }
      }),
    );
  }

  async #answers(
    messages: Parameters<InferenceProxy["generate"]>[0]["messages"],
    n: number,
    label: string,
    version: number,
  ): Promise<Answer[]> {
    const { sampling, seed: runSeed } = this.#config;
    const seed = evaluationSeed(runSeed, label);
    const beganMs = performance.now();
    const { stopStrings } = this.#world!.environment("evaluate");
    const { completions } = await this.#inference.generate({
      messages,
      n,
      sampling,
      seed,
      version,
      lane: "eval",
      stop: stopStrings,
    });
    const generateMs = performance.now() - beganMs;
    return completions.map(({ text, ids }) => ({ text, tokenCount: ids.length, generateMs }));
  }

  #nodesOf(task: string, sample: number): SearchNode[] {
    const key = `${sample} ${task}`;
    const nodes = this.#nodes.get(key) ?? [];
    this.#nodes.set(key, nodes);
    return nodes;
  }
}

export const SearcherActor = defineActor(import.meta.url, Searcher);

/** Every node that a journal holds, in the order in which they came about. */
export async function* readFindings(folder: string): AsyncGenerator<Finding> {
  for await (const { type, payload } of readJournal(folder, journalName)) {
    if (type === recordTypes.searchNode) yield unpackRecord(payload) as Finding;
  }
}
