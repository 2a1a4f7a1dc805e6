// What the programs of recorded episodes left behind, graded again: no program runs, and the range of scores may be another.
// Where a submission was not kept whole its recorded score stands for it; a recording from before there were such facts is
// played again instead. Knows competitions and no flags.
import {
  type OpenWorld,
  openGrader,
  type RecordedGroup,
  type RecordedStep,
  type RunConfig,
  readEvidence,
  worldConfigOf,
} from "../../actors/index.ts";
import {
  type CompetitionGrader,
  competitionTaskOf,
  qualityOf,
  type ScoreRange,
  type ScoreRanges,
  scoreRangeOf,
  submissionName,
} from "../../envs/index.ts";
import { isActorError } from "../../runtime/index.ts";
import { type Again, playAgain } from "./again.ts";
import { cannotRun, openAgain } from "./walk.ts";

export interface RegraderOptions {
  /** The range that qualities were recorded in. */
  from: ScoreRanges;
  config: RunConfig;
  signal?: AbortSignal | undefined;
}

export class Regrader implements AsyncDisposable {
  readonly #folder: string;
  readonly #options: RegraderOptions;
  readonly #grader: CompetitionGrader;
  /** Task id → hash of the files that are here. */
  readonly #hashes = new Map<string, Promise<string>>();
  #world: Promise<OpenWorld> | undefined;

  private constructor(folder: string, options: RegraderOptions, grader: CompetitionGrader) {
    this.#folder = folder;
    this.#options = options;
    this.#grader = grader;
  }

  /** @throws Failure `machine` if there is no grader here */
  static async open(folder: string, options: RegraderOptions): Promise<Regrader> {
    const grader = openGrader(options.config.problems.train);
    try {
      await grader.ready;
    } catch (error) {
      await grader.close();
      cannotRun(error);
    }
    return new Regrader(folder, options, grader);
  }

  async judge(group: RecordedGroup, at: number): Promise<Again> {
    const { steps } = group.episodes[at]!;
    const { config, from, signal } = this.#options;
    if (steps === undefined) {
      this.#world ??= openAgain(worldConfigOf(config));
      const world = await this.#world;
      return playAgain(group, at, () => world.environment("train"), signal);
    }
    const { id } = group.task;
    const range = scoreRangeOf(id, config.code.scoreRanges);
    const nothing = { quality: null, prevQuality: null, answer: null, rule: null };
    const { prevQuality } = group.draw.instance;
    const before = prevQuality === null ? null : qualityIn(prevQuality, scoreRangeOf(id, from), range);
    if (prevQuality !== null && before === null) return { ...nothing, cause: "unknown score before" };
    const last = steps.at(-1);
    if (last === undefined) return { ...nothing, cause: "unscored" };
    const score = await this.#scoreOf(last, group);
    if (typeof score === "string") return { ...nothing, cause: score };
    const quality = score === null ? 0 : qualityOf(score, range);
    return { quality, prevQuality: before, answer: null, rule: null, cause: null };
  }

  /** Null for nothing that can be graded; a text says why it is not known. */
  async #scoreOf({ info, blobs }: RecordedStep, { task }: RecordedGroup): Promise<number | null | string> {
    const submission = blobs[submissionName];
    if (submission === undefined || submission.truncated !== undefined) {
      return typeof info.score === "number" ? info.score : null;
    }
    this.#hashes.set(task.id, this.#hashes.get(task.id) ?? this.#hashOf(task.id));
    if ((await this.#hashes.get(task.id)) !== task.hash) return "other files of the competition";
    const { signal } = this.#options;
    try {
      const bytes = await readEvidence(this.#folder, submission);
      return (await this.#grader.grade(task.id, bytes, signal ? { signal } : {})).report.score;
    } catch (error) {
      if (!isActorError(error, "protocol_error")) throw error;
      return `damaged evidence ${submission.sha256.slice(0, 12)}`;
    }
  }

  async #hashOf(id: string): Promise<string> {
    return (await competitionTaskOf(this.#grader, id)).hash;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#world)?.close();
    await this.#grader.close();
  }
}

/** A quality in another range of scores; null where it was clipped in the first, so that the score is not known. */
function qualityIn(quality: number, from: ScoreRange, to: ScoreRange): number | null {
  const inOther = qualityOf(from.worst + quality * (from.best - from.worst), to);
  const isClipped = quality === 0 || quality === 1;
  return isClipped && inOther !== quality ? null : inOther; // clipped to the same end by both it is known again
}
