// One problem in a world, and the set it comes from.
// Knows no file format and no world: a loader makes the tasks, a set only keeps, finds and divides them.
import { contentHash } from "./digest.ts";
import { EnvironmentError } from "./errors.ts";

/** One problem. A world adds its own fields, all of them plain JSON. */
export interface Task {
  /** Unique in its set. */
  readonly id: string;
  /** Content hash: a task with another text, or another gold, is another task whatever its id says. */
  readonly hash: string;
}

/** `train` is what a policy learns on; `heldOut` is what it never sees while it learns. */
export type Split = "train" | "heldOut";

/** Tasks in a fixed order. Immutable, so any number of episodes may read it. */
export interface TaskSet<T extends Task = Task> extends AsyncIterable<T> {
  readonly id: string;
  /** Content hash over the tasks in their order and their split: the checksum to keep with a run. */
  readonly version: string;
  readonly length: number;
  /**
   * A task by its id, or by its index from 0.
   * @throws EnvironmentError `bad_start` if there is none
   */
  get(key: string | number): Promise<T>;
  /** The ids of one split, or of all, in the set's order. */
  ids(split?: Split): Promise<readonly string[]>;
  /** Which side of the split a task is on. @throws EnvironmentError `bad_start` if there is no such task */
  splitOf(id: string): Promise<Split>;
}

/** Tasks that fit in memory, as a set. `heldOut` says which are kept from training; none unless said. */
export function taskSetOf<T extends Task>(
  id: string,
  tasks: readonly T[],
  heldOut: (task: T) => boolean = () => false,
): TaskSet<T> {
  const splits = tasks.map((task): Split => (heldOut(task) ? "heldOut" : "train"));
  const indices = new Map(tasks.map((task, index) => [task.id, index]));
  if (indices.size < tasks.length) {
    const twice = tasks.find((task, index) => indices.get(task.id) !== index)!;
    throw new EnvironmentError("bad_data", `two tasks have the id '${twice.id}' - task set ${id} - make ids unique`);
  }
  const indexOf = (key: string | number): number => {
    const index = typeof key === "number" ? key : indices.get(key);
    if (index !== undefined && tasks[index] !== undefined) return index;
    throw new EnvironmentError(
      "bad_start",
      `no task ${JSON.stringify(key)} - task set ${id}, ${tasks.length} tasks - ask with one of ids(), or an index below the length`,
    );
  };
  return {
    id,
    version: contentHash(tasks.map((task, index) => [task.id, task.hash, splits[index]])),
    length: tasks.length,
    get: async (key) => tasks[indexOf(key)]!,
    ids: async (split) => tasks.filter((_, index) => !split || splits[index] === split).map((task) => task.id),
    splitOf: async (id) => splits[indexOf(id)]!,
    async *[Symbol.asyncIterator]() {
      yield* tasks;
    },
  };
}

/**
 * Where a text falls in [0, 1) for a seed: uniform over texts, the same in every process, and moved by nothing but
 * the text and the seed. A split made with it survives reordering and growing a file, and equal problems stay on
 * one side.
 */
export function hashFraction(seed: number, text: string): number {
  return Number.parseInt(contentHash([seed, text]).slice(0, 13), 16) / 2 ** 52;
}

/** All items in the order that a seed draws for them; the first n are a uniform subset of n. */
export function shuffledByHash<T>(seed: number, items: readonly T[], textOf: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, at: hashFraction(seed, textOf(item)) }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item);
}
