// A rollout: one episode as the policy lived it, token by token.
// Knows ids, masks, log-probabilities and policy versions; knows neither rewards' meaning nor the engine.
// Written once by an environment, turn by turn; read by group and batch, and recorded as it is.
import { createHash } from "node:crypto";
import type { EpisodeTurn } from "./exit/index.ts";

/** What ended the last response: its own end or a terminator, a limit on tokens, a limit on turns. */
export type Finish = "stop" | "length" | "turns";

/** Why an episode came to nothing. An error of infrastructure is never a reward. */
export interface RolloutFailure {
  /** The boundary that failed, in one word: engine, env, reward, deadline, cancelled. Failures are counted by it. */
  readonly cause: string;
  readonly message: string;
}

/** A turn of the episode, and where its sampled tokens stand in `ids`: from `start` up to but without `end`. */
export interface RolloutTurn extends EpisodeTurn {
  readonly start: number;
  readonly end: number;
}

/** Version of tokens no policy sampled. */
export const NO_VERSION = -1;

/** One rollout. All arrays but `promptIds` are [T], over the whole sequence: prompt, responses, observations. */
export interface Rollout {
  readonly id: string;
  /** [P] int32, P >= 1: everything that was there when the episode began, resumed turns included (D10). */
  readonly promptIds: Int32Array;
  /** `hashPrompt(promptIds)`. */
  readonly promptHash: string;
  /** The turns played in this episode, in order. */
  readonly turns: readonly RolloutTurn[];
  /** [T] int32; begins with `promptIds`. Only ever appended to: never tokenised a second time. */
  readonly ids: Int32Array;
  /** [T] 1 where the policy sampled the token, else 0. */
  readonly mask: Uint8Array;
  /** [T] float32: log-probability under the policy that sampled; 0 where mask is 0. */
  readonly logprobs: Float32Array;
  /** [T] int32: version of the policy that sampled; `NO_VERSION` where mask is 0. */
  readonly versions: Int32Array;
  /** The solution: what is embedded for the diversity bonus and shown to people. */
  readonly text: string;
  /** Null where the episode failed before its end. */
  readonly finish: Finish | null;
  /** What the world measured, in [0, 1]; the reward is made of it in `group`. Null if it was not measured. */
  readonly quality: number | null;
  readonly failure?: RolloutFailure;
  /** [E] float32 embedding of `text`. */
  readonly embedding?: Float32Array;
}

/** 32 hex digits: the head of SHA-256 over the ids as little-endian int32. */
export function hashPrompt(promptIds: Int32Array): string {
  const bytes = Buffer.alloc(promptIds.length * 4);
  promptIds.forEach((id, index) => {
    bytes.writeInt32LE(id, index * 4);
  });
  return createHash("sha256").update(bytes).digest("hex").slice(0, 32);
}

/** What an engine gives back for one turn. */
export interface SampledTokens {
  /** [n] int32, stop token included where there is one. */
  readonly ids: Int32Array;
  /** [n] float32 */
  readonly logprobs: Float32Array;
  /** Which policy version sampled which tokens: `[start, end, version]`, end excluded, covering 0 .. n in order. */
  readonly versionSpans: readonly (readonly [start: number, end: number, version: number])[];
}

/** A rollout in the making: sampled and observed tokens are appended in turn, and nothing is ever taken back. */
export class RolloutDraft {
  readonly id: string;
  readonly #promptIds: Int32Array;
  readonly #turns: RolloutTurn[] = [];
  #ids: Int32Array;
  #mask: Uint8Array;
  #logprobs: Float32Array;
  #versions: Int32Array;

  /** @throws RangeError if the prompt is empty: the first sampled token would have no log-probability */
  constructor(id: string, promptIds: Int32Array) {
    if (promptIds.length === 0) throw broken(id, "its prompt has no token", "give the engine at least one token");
    this.id = id;
    this.#promptIds = promptIds;
    this.#ids = promptIds;
    this.#mask = new Uint8Array(promptIds.length);
    this.#logprobs = new Float32Array(promptIds.length);
    this.#versions = new Int32Array(promptIds.length).fill(NO_VERSION);
  }

  /** [T] what the policy sees when it speaks next. */
  get ids(): Int32Array {
    return this.#ids;
  }

  /**
   * Appends what the policy sampled, as a turn.
   * @throws RangeError if the tokens' arrays disagree in length or the version spans leave a gap
   */
  appendSampled(response: string, { ids, logprobs, versionSpans }: SampledTokens): void {
    const start = this.#ids.length;
    const versions = new Int32Array(ids.length);
    let covered = 0;
    for (const [from, to, version] of versionSpans) {
      if (from !== covered || to < from) covered = Number.NaN;
      else covered = to;
      versions.fill(version, from, to);
    }
    if (logprobs.length !== ids.length || covered !== ids.length) {
      throw broken(
        this.id,
        `${ids.length} sampled ids came with ${logprobs.length} logprobs and versions for ${JSON.stringify(versionSpans)}`,
        "have the engine report one logprob a token and version spans that cover them all in order",
      );
    }
    this.#append(ids, 1, logprobs, versions);
    this.#turns.push({ response, start, end: this.#ids.length });
  }

  /**
   * Appends tokens the policy did not sample: what the world answered, and the frame of the next turn.
   * @param said the answer and feedback as text, kept with the last turn
   */
  appendObserved(ids: Int32Array, said: Pick<EpisodeTurn, "observation" | "feedback"> = {}): void {
    this.#append(ids, 0, new Float32Array(ids.length), new Int32Array(ids.length).fill(NO_VERSION));
    const last = this.#turns.pop();
    if (last !== undefined) this.#turns.push({ ...last, ...said });
  }

  /** The finished rollout. */
  finish(end: Pick<Rollout, "text" | "finish" | "quality" | "embedding">): Rollout {
    return { ...this.#tokens(), ...end };
  }

  /** The rollout as far as it came, marked as failed. */
  fail(failure: RolloutFailure): Rollout {
    return { ...this.#tokens(), text: "", finish: null, quality: null, failure };
  }

  #append(ids: Int32Array, mask: 0 | 1, logprobs: Float32Array, versions: Int32Array): void {
    this.#ids = join(this.#ids, ids);
    this.#mask = join(this.#mask, new Uint8Array(ids.length).fill(mask));
    this.#logprobs = join(this.#logprobs, logprobs);
    this.#versions = join(this.#versions, versions);
  }

  #tokens() {
    return {
      id: this.id,
      promptIds: this.#promptIds,
      promptHash: hashPrompt(this.#promptIds),
      turns: [...this.#turns],
      ids: this.#ids,
      mask: this.#mask,
      logprobs: this.#logprobs,
      versions: this.#versions,
    };
  }
}

function join<Tokens extends Int32Array | Uint8Array | Float32Array>(head: Tokens, tail: Tokens): Tokens {
  const joined = new (head.constructor as new (length: number) => Tokens)(head.length + tail.length);
  joined.set(head);
  joined.set(tail, head.length);
  return joined;
}

/**
 * Checks a rollout that is not failed, at the door between environment and learning.
 * @throws RangeError naming the rollout and the first thing that cannot be
 */
export function checkRollout(rollout: Rollout): void {
  const { id, ids, mask, logprobs, versions, promptIds, turns, quality } = rollout;
  const length = ids.length;
  const need = (isRight: boolean, what: () => string, cure: string) => {
    if (!isRight) throw broken(id, what(), cure);
  };
  need(
    mask.length === length && logprobs.length === length && versions.length === length,
    () => `${length} ids come with ${mask.length} mask, ${logprobs.length} logprobs, ${versions.length} versions`,
    "give every token one of each",
  );
  need(
    promptIds.length > 0 && promptIds.length <= length && promptIds.every((token, index) => token === ids[index]),
    () => "its ids do not begin with its prompt",
    "append to the ids that were sent to the engine, never tokenise again",
  );
  need(
    rollout.promptHash === hashPrompt(promptIds),
    () => `its prompt hash ${rollout.promptHash} is not its prompt's`,
    "make the hash with hashPrompt",
  );
  need(turns.length > 0, () => "it has no turn", "mark an episode without a response as failed");
  need(
    quality === null || (quality >= 0 && quality <= 1),
    () => `its quality ${quality} lies outside 0 .. 1`,
    "normalise quality in the world",
  );
  checkTokens(rollout, sampledByTurns(rollout));
}

/** [T] 1 where the turns say that the policy sampled. */
function sampledByTurns({ ids, turns }: Rollout): Uint8Array {
  const sampled = new Uint8Array(ids.length);
  for (const { start, end } of turns) sampled.fill(1, start, end);
  return sampled;
}

/** Log-probabilities are at most 0; an engine's arithmetic may miss it by this much. */
const LOGPROB_SLACK = 1e-3;

function checkTokens({ id, ids, mask, logprobs, versions, promptIds }: Rollout, sampled: Uint8Array): void {
  for (let index = 0; index < ids.length; index += 1) {
    const isSampled = sampled[index] === 1 && index >= promptIds.length;
    if (mask[index] !== (isSampled ? 1 : 0)) {
      throw broken(
        id,
        `token ${index} has mask ${mask[index]} but was ${isSampled ? "" : "not "}sampled in a turn`,
        "mask exactly what the policy sampled",
      );
    }
    if (isSampled && !(Number.isFinite(logprobs[index]) && logprobs[index]! <= LOGPROB_SLACK)) {
      throw broken(id, `token ${index} was sampled with logprob ${logprobs[index]}`, "have the engine report it");
    }
    if (isSampled && versions[index]! < 0) {
      throw broken(
        id,
        `token ${index} was sampled by version ${versions[index]}`,
        "have the engine report its version",
      );
    }
  }
}

function broken(id: string, what: string, cure: string): RangeError {
  return new RangeError(`${what} — rollout ${id} — ${cure}.`);
}
