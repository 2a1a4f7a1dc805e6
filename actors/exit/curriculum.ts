// The autocurriculum as one state machine: draw a prompt, hand in its finished group, draw again (4.10, 4.11).
// Knows no actors, no clock and no disk. Any number of draws may be out at once, and groups may finish in any order:
// a draw carries its instance, so nothing has to be remembered about it here.
// The task-buffer actor wraps this and gives it a name, a checkpoint and a face.
import { type RandomState, RandomStream } from "../random.ts";
import { BaseTasks, type BaseTasksState } from "./base-tasks.ts";
import { type Insertion, InstanceBuffer, type ScoredInstance } from "./buffer.ts";
import {
  baseInstance,
  type EpisodeTurn,
  expand,
  type Mode,
  prefixInstances,
  startTurn,
  type TaskInstance,
} from "./instance.ts";
import { checkOptions, type ExitOptions } from "./options.ts";
import { visibleResponse } from "./prompts.ts";
import { drawMode, effectiveSampleSize, isReplayDrawn, softmax } from "./selection.ts";

/** One prompt to be attempted by a group of rollouts. Plain JSON. */
export interface Draw {
  /** Counts the draws of the run from 0. */
  readonly drawIndex: number;
  readonly iteration: number;
  /** The instance as it stood when it was drawn. */
  readonly instance: TaskInstance;
  readonly mode: Mode;
  /** Drawn from the buffer; otherwise a base task from M. */
  readonly isReplay: boolean;
  readonly bufferSize: number;
  readonly bufferRevision: number;
  /** 1 / sum P^2 over the buffer at a replay (D1); null for a base task. */
  readonly effectiveSampleSize: number | null;
}

/** A finished group, as far as the curriculum is concerned. Failed rollouts are left out. */
export interface GroupOutcome {
  /** S of the group; null if the group failed, which leaves the buffer as it is. */
  readonly score: number | null;
  readonly episodes: readonly FinishedEpisode[];
}

/** One scored rollout: what was said in this episode, from the start turn on. */
export interface FinishedEpisode {
  readonly rolloutId: string;
  readonly turns: readonly EpisodeTurn[];
  /** Normalised quality in [0, 1]; null where the world measures none. */
  readonly quality: number | null;
}

/** What a finished group changed, for the record. */
export interface Completion {
  readonly drawIndex: number;
  readonly iteration: number;
  /** m', if it still was in the buffer. */
  readonly refreshed: { readonly key: string; readonly scoreBefore: number; readonly scoreAfter: number } | null;
  /** The rollouts whose prefixes were offered (D2). */
  readonly rolloutIds: readonly string[];
  readonly insertions: readonly Insertion[];
}

/** The whole curriculum at rest, as plain JSON; options and base tasks are the run's to repeat. */
export interface CurriculumState {
  readonly iteration: number;
  readonly drawCount: number;
  readonly random: RandomState;
  readonly selection: RandomState;
  readonly baseTasks: BaseTasksState;
  readonly bufferRevision: number;
  readonly instances: readonly ScoredInstance[];
}

/** Chooses what is attempted next, and learns from each finished group what is worth attempting again. */
export class Curriculum {
  readonly #options: ExitOptions;
  readonly #random: RandomStream;
  readonly #selection: RandomStream;
  readonly #baseTasks: BaseTasks;
  readonly #buffer: InstanceBuffer;
  #iteration: number;
  #drawCount: number;

  private constructor(baseIds: readonly string[], options: ExitOptions, random: RandomStream, state?: CurriculumState) {
    this.#options = checkOptions(options);
    this.#random = random;
    this.#selection = state ? RandomStream.restored(state.selection) : random.fork("selection");
    this.#baseTasks = new BaseTasks(baseIds, options.baseOrder, random.fork("base tasks"));
    if (state) this.#baseTasks.restore(state.baseTasks);
    this.#buffer = new InstanceBuffer(options, state?.instances, state?.bufferRevision);
    this.#iteration = state?.iteration ?? 0;
    this.#drawCount = state?.drawCount ?? 0;
  }

  /**
   * A curriculum at its beginning: iteration 0, an empty buffer.
   * @param baseIds the set M, all different
   * @param random gives all its choices; only forked, never moved
   * @throws RangeError for options or ids that cannot run
   */
  static begin(baseIds: readonly string[], options: ExitOptions, random: RandomStream): Curriculum {
    return new Curriculum(baseIds, options, random);
  }

  /** The curriculum as `save` left it: it draws and keeps exactly what the saved one would have. */
  static restore(baseIds: readonly string[], options: ExitOptions, state: CurriculumState): Curriculum {
    return new Curriculum(baseIds, options, RandomStream.restored(state.random), state);
  }

  save(): CurriculumState {
    return {
      iteration: this.#iteration,
      drawCount: this.#drawCount,
      random: this.#random.save(),
      selection: this.#selection.save(),
      baseTasks: this.#baseTasks.save(),
      bufferRevision: this.#buffer.revision,
      instances: this.#buffer.instances(),
    };
  }

  /** The current training iteration: the number that instances are dated with. */
  get iteration(): number {
    return this.#iteration;
  }

  /** What the buffer holds, in a stable order. */
  instances(): ScoredInstance[] {
    return this.#buffer.instances();
  }

  /** @throws RangeError if time would run backwards */
  advanceTo(iteration: number): void {
    if (!(iteration >= this.#iteration)) {
      throw new RangeError(
        `the curriculum cannot go from iteration ${this.#iteration} to ${iteration} — in Curriculum.advanceTo — ` +
          "restore the state that was saved at that iteration instead.",
      );
    }
    this.#iteration = iteration;
  }

  /** Selection (4.3, 4.11): the next prompt, from the buffer or from M, with its mode. */
  next(): Draw {
    const { mechanisms } = this.#options;
    const drawIndex = this.#drawCount;
    this.#drawCount += 1;
    const bufferSize = this.#buffer.size;
    const isReplay = mechanisms.selection && isReplayDrawn(bufferSize, this.#options, this.#selection);
    const { instance, spread } = isReplay ? this.#drawFromBuffer() : this.#drawBaseTask();
    return {
      drawIndex,
      iteration: this.#iteration,
      instance,
      mode: drawMode(isReplay, startTurn(instance), mechanisms, this.#options, this.#selection),
      isReplay,
      bufferSize,
      bufferRevision: this.#buffer.revision,
      effectiveSampleSize: spread,
    };
  }

  /**
   * Takes in a finished group (4.7, 4.11): first m' is refreshed with the S just measured, if it is still there, then
   * the prefixes of the chosen rollouts are offered with the same S, also if m' was evicted meanwhile.
   * A failed group, and every group where selection is off, changes nothing.
   */
  complete(draw: Draw, outcome: GroupOutcome): Completion {
    const { drawIndex, instance } = draw;
    const iteration = this.#iteration;
    const { score } = outcome;
    if (score === null || !this.#options.mechanisms.selection) {
      return { drawIndex, iteration, refreshed: null, rolloutIds: [], insertions: [] };
    }
    const scoreBefore = this.#buffer.refresh(instance.key, score, iteration);
    const chosen = this.#choose(draw, outcome.episodes);
    const offered = chosen.flatMap((episode) => this.#childrenOf(draw, episode, score));
    if (this.#options.bufferBase && startTurn(instance) === 0 && scoreBefore === null) {
      offered.unshift({ ...instance, score, createdIteration: iteration, lastScoredIteration: iteration });
    }
    return {
      drawIndex,
      iteration,
      refreshed: scoreBefore === null ? null : { key: instance.key, scoreBefore, scoreAfter: score },
      rolloutIds: chosen.map(({ rolloutId }) => rolloutId),
      insertions: offered.map((child) => this.#buffer.insert(child)),
    };
  }

  #drawFromBuffer(): { instance: TaskInstance; spread: number } {
    const instances = this.#buffer.instances();
    const scores = Float64Array.from(instances, ({ score }) => score);
    const probabilities = softmax(scores, this.#options.kappa);
    const instance = instances[this.#selection.categorical(probabilities)]!;
    this.#buffer.visit(instance.key);
    return { instance, spread: effectiveSampleSize(probabilities) };
  }

  #drawBaseTask(): { instance: TaskInstance; spread: null } {
    return { instance: baseInstance(this.#baseTasks.next(), this.#iteration), spread: null };
  }

  /** D2. The choice belongs to the draw, not to the moment: it is the same in whatever order groups finish. */
  #choose({ drawIndex }: Draw, episodes: readonly FinishedEpisode[]): readonly FinishedEpisode[] {
    const { insertPerGroup } = this.#options;
    if (insertPerGroup === "all" || episodes.length === 0) return episodes;
    const best = Math.max(...episodes.map(({ quality }) => quality ?? 0));
    const candidates = insertPerGroup === "best" ? episodes.filter(({ quality }) => (quality ?? 0) === best) : episodes;
    return [candidates[this.#random.fork(`choice ${drawIndex}`).below(candidates.length)]!];
  }

  /** Expansion (4.4) and its prefixes (4.3). */
  #childrenOf({ instance, mode }: Draw, episode: FinishedEpisode, score: number): ScoredInstance[] {
    const { mechanisms, keepReasoning } = this.#options;
    const played = episode.turns.map((turn) =>
      keepReasoning ? turn : { ...turn, response: visibleResponse(turn.response) },
    );
    const prefixes = prefixInstances(expand(instance, mode, played), {
      parent: instance,
      mode,
      quality: episode.quality,
      score,
      iteration: this.#iteration,
      variant: mechanisms.expansion ? "iterates" : "curriculum",
    });
    return (mechanisms.prefixReset ? prefixes : prefixes.slice(0, 1)).map((prefix) => ({ ...prefix, score }));
  }
}
