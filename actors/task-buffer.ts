// The autocurriculum as an actor: says what is attempted next and takes in what came of it.
// All of its mathematics is `exit/curriculum.ts`; this gives it a name, the tasks themselves, a checkpoint and a face.
import type { Task } from "../envs/index.ts";
import { defineActor } from "../runtime/index.ts";
import {
  type BufferDynamics,
  type Completion,
  Curriculum,
  type CurriculumState,
  type Draw,
  type DrawDynamics,
  describeBuffer,
  describeDraws,
  type ExitOptions,
  type GroupOutcome,
} from "./exit/index.ts";
import { RandomStream } from "./random.ts";

export interface TaskBufferConfig<T extends Task = Task> {
  /** The set M of base tasks, all different. */
  tasks: readonly T[];
  options: ExitOptions;
  seed: number;
  state?: CurriculumState;
}

/** One prompt to attempt, with the task it is about. */
export interface Assignment<T extends Task = Task> {
  readonly draw: Draw;
  readonly task: T;
}

/** Where episodes started since this was last asked for, and what the buffer holds. */
export interface CurriculumReport {
  readonly draws: DrawDynamics;
  readonly buffer: BufferDynamics;
  /** Instances that entered, replaced another, or were turned away since. */
  readonly insertions: Readonly<Record<string, number>>;
}

export class TaskBuffer<T extends Task = Task> {
  readonly #tasks: ReadonlyMap<string, T>;
  readonly #options: ExitOptions;
  readonly #curriculum: Curriculum;
  #draws: Draw[] = [];
  #insertions = new Map<string, number>();

  constructor({ tasks, options, seed, state }: TaskBufferConfig<T>) {
    this.#tasks = new Map(tasks.map((task) => [task.id, task]));
    this.#options = options;
    const ids = [...this.#tasks.keys()];
    const random = RandomStream.seeded(seed).fork("curriculum");
    this.#curriculum = state ? Curriculum.restore(ids, options, state) : Curriculum.begin(ids, options, random);
  }

  next(): Assignment<T> {
    const draw = this.#curriculum.next();
    this.#draws.push(draw);
    return { draw, task: this.#tasks.get(draw.instance.baseId)! };
  }

  /** Hands a finished group in; the ledger sees to it that each is handed in once. */
  complete(draw: Draw, outcome: GroupOutcome): Completion {
    const completion = this.#curriculum.complete(draw, outcome);
    for (const { kind } of completion.insertions) this.#insertions.set(kind, (this.#insertions.get(kind) ?? 0) + 1);
    return completion;
  }

  advanceTo(iteration: number): void {
    this.#curriculum.advanceTo(iteration);
  }

  report(): CurriculumReport {
    const draws = describeDraws(this.#draws.splice(0));
    const insertions = Object.fromEntries(this.#insertions);
    this.#insertions.clear();
    return { draws, buffer: describeBuffer(this.#curriculum.instances(), this.#options.kappa), insertions };
  }

  save(): CurriculumState {
    return this.#curriculum.save();
  }
}

export const TaskBufferActor = defineActor(import.meta.url, TaskBuffer);
