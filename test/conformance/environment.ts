// The contract of an environment as checks that any world runs: hand in a constructor and one game that ends.
// `environmentSuite` registers them as tests; `environmentChecks` is the bare list, for a test that wants to see them fail.
import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  canonicalJson,
  type Environment,
  type EpisodeMode,
  type EpisodeStart,
  isOver,
  type Limits,
  prefixesOf,
  replay,
  type SelfIterationPrompts,
  type Snapshot,
  type Step,
  type Task,
  type Turn,
} from "../../envs/index.ts";

/** What an environment is made with; a subject passes all of it on. */
export interface CreateOptions {
  prompts: SelfIterationPrompts;
  limits?: Limits;
  timeout?: (ms: number) => AbortSignal;
}

/** What the suite needs to know of a world. */
export interface EnvironmentSubject<T extends Task = any> {
  name: string;
  /** A new environment; called many times, every one is closed by the suite. */
  create(options: CreateOptions): Environment<T>;
  task: T;
  seed: number;
  /** Responses that end the task with the last one, not before. Two or more make the checks of prefixes worth having. */
  play: readonly string[];
  /** For worlds with helper processes: a response that keeps one busy for long, and how to kill the busy one. */
  helper?: { busyResponse: string; kill(): void };
}

export interface Check {
  title: string;
  run(): Promise<void>;
}

/** Registers every check as a test. */
export function environmentSuite(subject: EnvironmentSubject): void {
  describe(`the environment ${subject.name}`, () => {
    for (const { title, run } of environmentChecks(subject)) test(title, run);
  });
}

/** Every check, in the order in which a reader learns the contract. */
export function environmentChecks(subject: EnvironmentSubject): Check[] {
  const checks: Check[] = [
    check(subject, "reset shows a conversation that ends with what the policy is to answer", showsConversation),
    check(
      subject,
      "played twice, an episode says the same and has the same digest at every turn boundary",
      isDeterministic,
    ),
    check(subject, "quality and reward come with the end, and quality is in [0, 1]", scoresAtTheEnd),
    check(subject, "after the end come no steps, and before the first reset nothing", refusesMisuse),
    check(subject, "a start from any prefix stands where the episode stood, and goes on like it", startsFromPrefixes),
    check(subject, "a second attempt replays the turns before it and shows the response it replaces", triesAgain),
    check(subject, "a start that makes no sense is refused", refusesBadStarts),
    check(subject, "a snapshot at any turn boundary is JSON and becomes the same episode elsewhere", restoresSnapshots),
    check(subject, "two episodes side by side never touch", keepsSessionsApart),
    check(subject, "what an environment hands out can be changed without changing it", handsOutCopies),
    check(subject, "a fork stands where the episode stands, and neither notices the other", forks),
    check(subject, "the limit of turns ends an episode as truncated", endsAtTurnLimit),
    check(subject, "the limit of turns for a request ends an episode as truncated", endsAtRequestLimit),
    check(subject, "the limit of time ends an episode as truncated", endsAtWallLimit),
    check(subject, "an abort rejects in every state with the signal's reason, and reset begins anew", abortsAnywhere),
    check(subject, "calls that overlap are refused", refusesOverlap),
    check(subject, "closing twice is fine, and a call under way ends with it", closesTwice),
  ];
  if (subject.play.length > 1) {
    checks.push(check(subject, "a prefix that is answered otherwise than recorded fails the episode", failsOnMismatch));
  }
  if (subject.helper) {
    checks.push(check(subject, "a helper process that dies fails the episode it served, and no other", survivesHelper));
  }
  return checks;
}

/** What a check gets: a way to make environments that are closed behind it, and the game. */
interface Bench extends EnvironmentSubject {
  open(options?: Partial<CreateOptions>): Environment<any>;
  start(prefix?: readonly Turn[], mode?: EpisodeMode): EpisodeStart<any>;
}

/** Prompts whose every part can be seen in the text: a mark that no world says stands between them. */
const mark = "\u241e";
const prompts: SelfIterationPrompts = {
  improve: (parts) => ["improve", parts.instruction, parts.previousResponse, parts.feedback ?? ""].join(mark),
  diverge: (parts) => ["diverge", parts.instruction, parts.previousResponse, parts.feedback ?? ""].join(mark),
};

function check(subject: EnvironmentSubject, title: string, body: (bench: Bench) => Promise<void>): Check {
  const run = async () => {
    const opened: Environment[] = [];
    const open = (options: Partial<CreateOptions> = {}) => {
      const environment = subject.create({ prompts, ...options });
      opened.push(environment);
      return environment;
    };
    const start = (prefix: readonly Turn[] = [], mode: EpisodeMode = "base") => {
      return { task: subject.task, seed: subject.seed, prefix, mode };
    };
    try {
      await body({ ...subject, open, start });
    } finally {
      await Promise.all(opened.map((environment) => environment.close()));
    }
  };
  return { title, run };
}

/** Plays on with these responses; every digest and conversation on the way. */
async function play(environment: Environment, responses: readonly string[]) {
  const steps: Step[] = [];
  const digests = [environment.digest()];
  const conversations = [environment.messages()];
  for (const response of responses) {
    steps.push(await environment.step(response));
    digests.push(environment.digest());
    conversations.push(environment.messages());
  }
  return { steps, digests, conversations };
}

/** A whole game in an environment of its own. */
async function playWhole(bench: Bench) {
  const environment = bench.open();
  await environment.reset(bench.start());
  return { environment, ...(await play(environment, bench.play)) };
}

async function showsConversation({ open, start }: Bench): Promise<void> {
  const environment = open();
  const { messages, failed } = await environment.reset(start());
  expect(failed).toBeUndefined();
  expect(messages.at(-1)?.role, "the last message is the one to answer").toMatch(/^(user|tool)$/);
  expect(messages.every(({ content }) => typeof content === "string")).toBe(true);
  expect(environment.messages()).toEqual(messages);
  expect(environment.turns()).toEqual([]);
  expect(environment.outcome()).toEqual({ kind: "running" });
}

async function isDeterministic(bench: Bench): Promise<void> {
  const first = await playWhole(bench);
  const second = await playWhole(bench);
  expect(second.digests).toEqual(first.digests);
  expect(second.conversations).toEqual(first.conversations);
  expect(second.steps.map(withoutInfo)).toEqual(first.steps.map(withoutInfo));
  await second.environment.reset(bench.start());
  expect((await play(second.environment, bench.play)).digests).toEqual(first.digests);
}

async function scoresAtTheEnd(bench: Bench): Promise<void> {
  const environment = bench.open();
  await environment.reset(bench.start());
  for (const [index, response] of bench.play.entries()) {
    expect(environment.quality(), "a running episode has no quality").toBeNull();
    const step = await environment.step(response);
    expect(isOver(step), `over after response ${index + 1} of ${bench.play.length}`).toBe(
      index === bench.play.length - 1,
    );
    const { evidence = {}, ...plain } = step;
    expect(() => canonicalJson(plain), "a step without its evidence is plain JSON").not.toThrow();
    for (const [name, bytes] of Object.entries(evidence)) expect(bytes, `evidence ${name}`).toBeInstanceOf(Uint8Array);
    if (!isOver(step)) expect(step, "a reward comes with the end").not.toHaveProperty("reward");
  }
  const quality = environment.quality();
  if (quality !== null) expect(quality >= 0 && quality <= 1, `a quality of ${quality}`).toBe(true);
  expect(environment.outcome()).toMatchObject({ kind: "terminated", quality });
  expect(environment.turns().map(({ response }) => response)).toEqual(bench.play);
  expect(environment.episode()).toMatchObject({ turns: environment.turns(), quality });
  expect(environment.maxImprovement(0)).toBeGreaterThan(0);
  expect(environment.maxImprovement(1)).toBe(0);
  expect(typeof environment.solutionText(environment.turns())).toBe("string");
  expect(environment.stopStrings.every((text) => typeof text === "string" && text !== "")).toBe(true);
}

async function refusesMisuse(bench: Bench): Promise<void> {
  const fresh = bench.open();
  await expect(fresh.step("early")).rejects.toMatchObject({ code: "not_reset" });
  const views = ["turns", "messages", "quality", "outcome", "feedback", "episode", "digest", "snapshot"] as const;
  for (const view of views) {
    expect(() => fresh[view]()).toThrow(expect.objectContaining({ code: "not_reset" }));
  }
  await expect(fresh.fork()).rejects.toMatchObject({ code: "not_reset" });
  const { environment } = await playWhole(bench);
  await expect(environment.step("late")).rejects.toMatchObject({ code: "episode_over" });
  await expect(environment.fork()).rejects.toMatchObject({ code: "episode_over" });
  expect(() => environment.askAgain("improve", { response: "late" })).toThrow(
    expect.objectContaining({ code: "episode_over" }),
  );
  expect(environment.turns().length, "a refused step leaves no turn").toBe(bench.play.length);
}

async function startsFromPrefixes(bench: Bench): Promise<void> {
  const whole = await playWhole(bench);
  const environment = bench.open();
  for (const prefix of prefixesOf(whole.environment.turns()).slice(0, -1)) {
    const { messages, failed } = await environment.reset(bench.start(prefix));
    expect(failed).toBeUndefined();
    expect(messages).toEqual(whole.conversations[prefix.length]);
    expect(environment.turns()).toEqual(prefix);
    expect(environment.digest()).toBe(whole.digests[prefix.length]);
    const rest = await play(environment, bench.play.slice(prefix.length));
    expect(rest.digests).toEqual(whole.digests.slice(prefix.length));
    expect(environment.messages()).toEqual(whole.environment.messages());
    expect(environment.quality()).toBe(whole.environment.quality());
  }
}

async function triesAgain(bench: Bench): Promise<void> {
  const whole = await playWhole(bench);
  const environment = bench.open();
  for (const mode of ["improve", "diverge"] as const) {
    for (const prefix of prefixesOf(whole.environment.turns())) {
      const last = { ...prefix.at(-1)!, response: `<think>hm</think>shown`, iterDepth: 3 };
      const before = prefix.slice(0, -1);
      const { messages, failed } = await environment.reset(bench.start([...before, last], mode));
      expect(failed).toBeUndefined();
      expect(environment.turns(), "the response to replace is not executed").toEqual(before);
      expect(environment.digest()).toBe(whole.digests[before.length]);
      expect(messages.at(-1)).toMatchObject({ role: "user" });
      const [asked, instruction, previous, feedback] = messages.at(-1)!.content.split(mark);
      expect([asked, previous, feedback]).toEqual([mode, "shown", last.feedback ?? ""]);
      expect(instruction, "the prompt repeats the request").not.toBe("");
      expect(messages.filter(({ content }) => content === instruction).length, "and stands for it once").toBeLessThan(
        2,
      );
      const asking = bench.open();
      await asking.reset(bench.start(before));
      expect(asking.askAgain(mode, last), "asked without a reset").toEqual(messages);
      expect(asking.digest(), "and nothing was executed").toBe(whole.digests[before.length]);
      await play(environment, bench.play.slice(before.length));
      const depths = environment
        .turns()
        .slice(before.length)
        .map(({ iterDepth }) => iterDepth);
      expect(depths).toEqual([4, ...Array(depths.length - 1).fill(0)]);
      expect(environment.quality()).toBe(whole.environment.quality());
    }
  }
}

async function refusesBadStarts(bench: Bench): Promise<void> {
  const { environment: whole } = await playWhole(bench);
  const environment = bench.open();
  await expect(environment.reset(bench.start([], "improve"))).rejects.toMatchObject({ code: "bad_start" });
  await expect(environment.reset(bench.start([], "diverge"))).rejects.toMatchObject({ code: "bad_start" });
  await expect(environment.reset(bench.start(whole.turns())), "it would be over before it began").rejects.toMatchObject(
    {
      code: "bad_start",
    },
  );
  await environment.reset(bench.start());
  expect((await play(environment, bench.play)).steps.at(-1)?.terminated).toBe(true);
}

async function restoresSnapshots(bench: Bench): Promise<void> {
  const environment = bench.open();
  await environment.reset(bench.start());
  const snapshots = [environment.snapshot()];
  for (const response of bench.play) {
    await environment.step(response);
    snapshots.push(environment.snapshot());
  }
  const again = { ...environment.turns()[0]!, response: "first" };
  await environment.reset(bench.start([again], "improve"));
  await environment.step(bench.play[0]!);
  snapshots.push(environment.snapshot());
  const conversation = environment.messages();
  const other = bench.open();
  for (const snapshot of snapshots) {
    const copy = JSON.parse(JSON.stringify(snapshot)) as Snapshot;
    expect(copy).toEqual(snapshot);
    expect(await replay(other, copy, bench.task)).toBeNull();
    expect(other.turns()).toEqual(snapshot.turns);
    expect(other.digest()).toBe(snapshot.digest);
  }
  expect(other.messages()).toEqual(conversation);
  const torn = { ...snapshots[0]!, digest: "0".repeat(64) };
  expect(await replay(other, torn, bench.task)).toMatchObject({ kind: "failed", cause: "replay_mismatch" });
}

async function keepsSessionsApart(bench: Bench): Promise<void> {
  const alone = await playWhole(bench);
  const first = bench.open();
  const second = bench.open();
  await Promise.all([first.reset(bench.start()), second.reset(bench.start())]);
  for (const [index, response] of bench.play.entries()) {
    await first.step(response);
    expect(first.digest()).toBe(alone.digests[index + 1]);
    expect(second.digest(), "a step in one session moved the other").toBe(alone.digests[index]);
    await second.step(response);
    expect(second.digest()).toBe(alone.digests[index + 1]);
  }
  await first.close();
  expect(second.messages()).toEqual(alone.environment.messages());
}

async function handsOutCopies(bench: Bench): Promise<void> {
  const whole = await playWhole(bench);
  const environment = bench.open();
  const observation = await environment.reset(bench.start());
  for (const response of bench.play) {
    const step = await environment.step(response);
    observation.messages.length = 0;
    step.messages.length = 0;
    (environment.turns() as Turn[]).length = 0;
    (environment.messages() as unknown[]).length = 0;
  }
  expect(environment.messages()).toEqual(whole.environment.messages());
  expect(environment.turns()).toEqual(whole.environment.turns());
}

async function endsAtTurnLimit(bench: Bench): Promise<void> {
  const maxTurns = Math.max(1, bench.play.length - 1);
  const environment = bench.open({ limits: { maxTurns } });
  await environment.reset(bench.start());
  const { steps } = await play(environment, bench.play.slice(0, maxTurns));
  const isWhole = maxTurns === bench.play.length;
  expect(steps.at(-1)).toMatchObject(isWhole ? { terminated: true } : { terminated: false, truncated: "max_turns" });
  expect(environment.outcome()).toMatchObject(
    isWhole ? { kind: "terminated" } : { kind: "truncated", reason: "max_turns" },
  );
  await expect(environment.step("one more")).rejects.toMatchObject({ code: "episode_over" });
  const turns = environment.turns();
  await expect(environment.reset(bench.start(turns)), "no turn is left").rejects.toMatchObject({ code: "bad_start" });
}

async function forks(bench: Bench): Promise<void> {
  const whole = await playWhole(bench);
  const environment = bench.open();
  await environment.reset(bench.start());
  for (const [index, response] of bench.play.entries()) {
    await using ahead = await environment.fork();
    expect(ahead.outcome()).toEqual({ kind: "running" });
    expect(ahead.turns()).toEqual(environment.turns());
    expect(ahead.messages()).toEqual(environment.messages());
    expect((await play(ahead, bench.play.slice(index))).digests).toEqual(whole.digests.slice(index));
    expect(ahead.quality()).toBe(whole.environment.quality());
    expect(environment.digest(), "what is tried in a fork moved the episode").toBe(whole.digests[index]);
    const behind = await environment.fork();
    await environment.step(response);
    expect(behind.digest(), "a step of the episode moved its fork").toBe(whole.digests[index]);
    await behind.close();
  }
  expect(environment.messages()).toEqual(whole.environment.messages());
  const again = { ...environment.turns()[0]!, response: "first" };
  await environment.reset(bench.start([again], "improve"));
  await using second = await environment.fork();
  expect(second.messages(), "a fork of a second attempt asks for it too").toEqual(environment.messages());
  await second.step(bench.play[0]!);
  expect(second.turns()[0]?.iterDepth).toBe(again.iterDepth + 1);
}

async function endsAtRequestLimit(bench: Bench): Promise<void> {
  const environment = bench.open({ limits: { maxTurnsPerRequest: 1 } });
  await environment.reset(bench.start());
  for (const [index, response] of bench.play.entries()) {
    const step = await environment.step(response);
    if (index === bench.play.length - 1) expect(step).toMatchObject({ terminated: true });
    else if (step.messages.some(({ role }) => role === "user")) expect(isOver(step), "a new request").toBe(false);
    else {
      expect(step).toMatchObject({ terminated: false, truncated: "max_turns_per_request" });
      expect(environment.outcome()).toMatchObject({ kind: "truncated", reason: "max_turns_per_request" });
      return;
    }
  }
}

async function endsAtWallLimit(bench: Bench): Promise<void> {
  const clock = new AbortController();
  const environment = bench.open({ limits: { maxWallMs: 5 }, timeout: () => clock.signal });
  await environment.reset(bench.start());
  clock.abort(new Error("time is up"));
  expect(await environment.step(bench.play[0]!)).toMatchObject({ terminated: false, truncated: "max_wall" });
  expect(environment.outcome()).toEqual({ kind: "truncated", reason: "max_wall", quality: null, reward: null });
  expect(environment.turns(), "a response that came too late is not part of it").toEqual([]);
  expect(await environment.reset(bench.start())).toMatchObject({ truncated: "max_wall" });
}

async function abortsAnywhere(bench: Bench): Promise<void> {
  const whole = await playWhole(bench);
  const environment = bench.open();
  const reason = new Error("enough");
  const aborted = AbortSignal.abort(reason);
  await expect(environment.reset(bench.start(), { signal: aborted })).rejects.toBe(reason);
  for (const pauses of [0, 1]) {
    const during = new AbortController();
    const reset = environment.reset(bench.start(), { signal: during.signal });
    await abortAfter(pauses, during, reason, reset);
    await environment.reset(bench.start());
    await expect(environment.step(bench.play[0]!, { signal: aborted })).rejects.toBe(reason);
    await expect(environment.step(bench.play[0]!), "a broken-off episode").rejects.toMatchObject({
      code: "episode_over",
    });
    expect(() => environment.digest()).toThrow(expect.objectContaining({ code: "episode_over" }));
    await environment.reset(bench.start());
    const midway = new AbortController();
    await abortAfter(pauses, midway, reason, environment.step(bench.play[0]!, { signal: midway.signal }));
  }
  await environment.reset(bench.start());
  expect((await play(environment, bench.play)).digests, "an abort leaves nothing behind").toEqual(whole.digests);
}

/** Aborts a call at once or a little later, when it may have settled already. */
async function abortAfter(pauses: number, controller: AbortController, reason: Error, call: Promise<unknown>) {
  for (let index = 0; index < pauses; index += 1) await setImmediate();
  controller.abort(reason);
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (pauses === 0 || error !== undefined) expect(error).toBe(reason);
}

async function refusesOverlap(bench: Bench): Promise<void> {
  const environment = bench.open();
  const reset = environment.reset(bench.start());
  await expect(environment.reset(bench.start())).rejects.toMatchObject({ code: "busy" });
  await expect(environment.step(bench.play[0]!)).rejects.toMatchObject({ code: "busy" });
  await reset;
  const step = environment.step(bench.play[0]!);
  await expect(environment.step(bench.play[0]!)).rejects.toMatchObject({ code: "busy" });
  await step;
  expect(environment.turns().length).toBe(1);
}

async function closesTwice(bench: Bench): Promise<void> {
  const idle = bench.open();
  await idle.close();
  await idle.close();
  await idle[Symbol.asyncDispose]();
  await expect(idle.reset(bench.start())).rejects.toMatchObject({ code: "closed" });
  const busy = bench.open();
  await busy.reset(bench.start());
  const step = busy.step(bench.play[0]!);
  await Promise.all([expect(step).rejects.toMatchObject({ code: "closed" }), busy.close(), busy.close()]);
  await expect(busy.step(bench.play[0]!)).rejects.toMatchObject({ code: "closed" });
}

async function failsOnMismatch(bench: Bench): Promise<void> {
  const { environment: whole } = await playWhole(bench);
  const [first] = whole.turns();
  const altered = { ...first!, observation: [{ role: "tool" as const, content: "something else" }] };
  const environment = bench.open();
  const { failed } = await environment.reset(bench.start([altered]));
  expect(failed).toMatchObject({ kind: "failed", cause: "replay_mismatch" });
  expect(environment.outcome()).toEqual(failed);
  expect(environment.quality()).toBeNull();
  await expect(environment.step(bench.play[0]!)).rejects.toMatchObject({ code: "episode_over" });
}

async function survivesHelper(bench: Bench): Promise<void> {
  const { busyResponse, kill } = bench.helper!;
  const hit = bench.open();
  const spared = bench.open();
  await Promise.all([hit.reset(bench.start()), spared.reset(bench.start())]);
  const step = hit.step(busyResponse);
  await setImmediate();
  kill();
  const { failed, reward } = await step;
  expect(failed).toMatchObject({ kind: "failed", cause: "worker_died" });
  expect(reward, "a failure earns nothing, not 0").toBeUndefined();
  expect(hit.quality()).toBeNull();
  expect(hit.outcome()).toEqual(failed);
  await expect(hit.step(bench.play[0]!)).rejects.toMatchObject({ code: "episode_over" });
  for (const environment of [hit, spared]) {
    await environment.reset(bench.start());
    expect((await play(environment, bench.play)).steps.at(-1)?.terminated).toBe(true);
  }
}

/** Info holds facts such as durations, which differ from run to run. */
function withoutInfo({ info, ...step }: Step): Omit<Step, "info"> {
  expect(() => canonicalJson(info)).not.toThrow();
  return step;
}
