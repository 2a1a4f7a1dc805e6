import fc from "fast-check";
import { expect, test } from "vitest";
import { Curriculum, type Draw, type GroupOutcome } from "../../../actors/exit/curriculum.ts";
import { baseInstance } from "../../../actors/exit/instance.ts";
import { DEFAULT_OPTIONS, type ExitOptions } from "../../../actors/exit/options.ts";
import { STRATEGIES, type StrategyName } from "../../../actors/exit/strategies.ts";
import { RandomStream } from "../../../actors/random.ts";

const ids = Array.from({ length: 8 }, (_, index) => `m${index}`);
const names = Object.keys(STRATEGIES) as StrategyName[];

function optionsOf(strategy: StrategyName, change: Partial<ExitOptions> = {}): ExitOptions {
  return {
    ...DEFAULT_OPTIONS,
    mechanisms: STRATEGIES[strategy],
    bufferCapacity: 12,
    minBufferSize: 2,
    selfIterationProbability: 0.5,
    divergenceProbability: 0.3,
    ...change,
  };
}

const begin = (strategy: StrategyName, change: Partial<ExitOptions> = {}, seed = 1) =>
  Curriculum.begin(ids, optionsOf(strategy, change), RandomStream.seeded(seed));

/** A group of rollouts, each a list of responses; quality falls with the rollout's number. */
function outcome(score: number | null, ...rollouts: string[][]): GroupOutcome {
  return {
    score,
    episodes: rollouts.map((responses, index) => ({
      rolloutId: `rollout ${index}`,
      turns: responses.map((response) => ({ response, observation: [{ role: "user" as const, content: "ok" }] })),
      quality: 1 - index / 10,
    })),
  };
}

/** What a policy might do with a draw: a function of the draw alone, so that two runs can be compared. */
function attempt(draw: Draw): GroupOutcome {
  const random = RandomStream.seeded(`attempt ${draw.drawIndex}`);
  const score = [null, 0, 0.109375, 0.1875, 0.234375, 0.25][random.below(6)]!;
  const rollouts = Array.from({ length: 3 }, () =>
    Array.from({ length: 1 + random.below(3) }, () => `answer ${random.below(5)}`),
  );
  return outcome(score, ...rollouts);
}

const lines = (curriculum: Curriculum) =>
  curriculum
    .instances()
    .map(({ baseId, turns, score }) => `${baseId} ${turns.map(({ response }) => response).join(",")} ${score}`);

test("GRPO draws base tasks only and keeps nothing", () => {
  const curriculum = begin("grpo");
  for (let step = 0; step < 30; step += 1) {
    const draw = curriculum.next();
    expect([draw.isReplay, draw.mode, draw.instance.turns]).toEqual([false, "base", []]);
    expect(curriculum.complete(draw, outcome(0.25, ["a", "b"])).insertions).toEqual([]);
  }
  expect(curriculum.instances()).toEqual([]);
});

test("a finished base group leaves its prefixes in the buffer, all with the group's S", () => {
  const curriculum = begin("improve");
  curriculum.advanceTo(7);
  const draw = curriculum.next();
  const completion = curriculum.complete(draw, outcome(0.1875, ["a", "b", "c"]));
  expect(completion).toMatchObject({ drawIndex: 0, iteration: 7, refreshed: null, rolloutIds: ["rollout 0"] });
  expect(completion.insertions.map(({ kind }) => kind)).toEqual(["inserted", "inserted", "inserted"]);
  const m = draw.instance.baseId;
  expect(lines(curriculum)).toEqual([`${m} a 0.1875`, `${m} a,b 0.1875`, `${m} a,b,c 0.1875`]);
  expect(curriculum.instances().map((each) => [each.createdIteration, each.prevQuality, each.parentKey])).toEqual(
    new Array(3).fill([7, 1, draw.instance.key]),
  );
});

test("a replayed m' takes the S just measured, not an average, and its children take the same", () => {
  const curriculum = begin("improve", { selfIterationProbability: 1, minBufferSize: 1 });
  curriculum.complete(curriculum.next(), outcome(0.25, ["a"]));
  curriculum.advanceTo(1);
  const replay = curriculum.next();
  expect([replay.isReplay, replay.mode, replay.instance.score]).toEqual([true, "improve", 0.25]);
  const completion = curriculum.complete(replay, outcome(0.109375, ["b"]));
  expect(completion.refreshed).toEqual({ key: replay.instance.key, scoreBefore: 0.25, scoreAfter: 0.109375 });
  const [parent, child] = curriculum.instances();
  expect(parent).toMatchObject({ score: 0.109375, lastScoredIteration: 1, createdIteration: 0, visitCount: 1 });
  expect(child).toMatchObject({ score: 0.109375, depth: 1, parentKey: parent!.key, producedBy: "improve" });
});

test("m' is refreshed before its children are offered, so a solved parent makes room for its own child", () => {
  const curriculum = begin("improve", { bufferCapacity: 1, minBufferSize: 1, selfIterationProbability: 1 });
  curriculum.complete(curriculum.next(), outcome(0.25, ["a"]));
  const completion = curriculum.complete(curriculum.next(), outcome(0, ["b"]));
  expect(completion.insertions).toMatchObject([{ kind: "replaced", evicted: { score: 0 } }]);
  expect(lines(curriculum)).toEqual([expect.stringMatching(/ b 0$/)]);
});

test("a draw whose instance was evicted meanwhile refreshes nothing, and its children still enter", () => {
  const curriculum = begin("improve", { bufferCapacity: 1, minBufferSize: 1, selfIterationProbability: 0.5 });
  const [first, second] = [curriculum.next(), curriculum.next()];
  curriculum.complete(first, outcome(0.1, ["a"]));
  let replay = curriculum.next();
  while (!replay.isReplay) replay = curriculum.next();
  curriculum.complete(second, outcome(0.2, ["z"]));
  expect(lines(curriculum)).toEqual([`${second.instance.baseId} z 0.2`]);
  const completion = curriculum.complete(replay, outcome(0.25, ["b"]));
  expect(completion.refreshed).toBeNull();
  expect(curriculum.instances()).toMatchObject([
    { depth: 1, score: 0.25, parentKey: replay.instance.key, baseId: first.instance.baseId },
  ]);
});

test("a failed group changes nothing, not even the score of the instance it began from", () => {
  const curriculum = begin("exit", { minBufferSize: 1, selfIterationProbability: 1 });
  curriculum.complete(curriculum.next(), outcome(0.25, ["a"]));
  const replay = curriculum.next();
  const before = curriculum.instances();
  expect(curriculum.complete(replay, outcome(null, ["b"]))).toMatchObject({ refreshed: null, insertions: [] });
  expect(curriculum.instances()).toEqual(before);
});

test("a strategy without selection draws base tasks even over a buffer that another run has filled", () => {
  const filled = begin("improve");
  filled.complete(filled.next(), outcome(0.25, ["a"], ["b"]));
  filled.complete(filled.next(), outcome(0.25, ["a"], ["b"]));
  const options = optionsOf("grpo", { selfIterationProbability: 1 });
  const restored = Curriculum.restore(ids, options, filled.save());
  expect([restored.instances().length, restored.next().isReplay]).toEqual([2, false]);
});

test("kappa sharpens the draw towards high scores", () => {
  const spreadAt = (kappa: number) => {
    const curriculum = begin("improve", { kappa, selfIterationProbability: 1 });
    const draws = [curriculum.next(), curriculum.next()];
    curriculum.complete(draws[0]!, outcome(0.25, ["a"]));
    curriculum.complete(draws[1]!, outcome(0, ["b"]));
    return curriculum.next().effectiveSampleSize;
  };
  expect(spreadAt(0)).toBe(2);
  expect(spreadAt(20)).toBeCloseTo(1 / (0.993307 ** 2 + 0.006693 ** 2), 4);
  expect(spreadAt(5)).toBeCloseTo(1 / (0.7773 ** 2 + 0.2227 ** 2), 4);
});

test("one rollout enters by default, all or one of the best on demand", () => {
  const insertedBy = (insertPerGroup: ExitOptions["insertPerGroup"], seed: number) => {
    const curriculum = begin("improve", { insertPerGroup }, seed);
    return curriculum.complete(curriculum.next(), outcome(0.2, ["a"], ["b"], ["c"])).rolloutIds.join(" ");
  };
  const seeds = Array.from({ length: 60 }, (_, seed) => seed);
  expect(new Set(seeds.map((seed) => insertedBy("one", seed)))).toEqual(
    new Set(["rollout 0", "rollout 1", "rollout 2"]),
  );
  const curriculum = begin("improve");
  const withinARun = ids.map(() => curriculum.complete(curriculum.next(), outcome(0.2, ["a"], ["b"])).rolloutIds[0]);
  expect(new Set(withinARun).size).toBe(2);
  expect(insertedBy("all", 1)).toBe("rollout 0 rollout 1 rollout 2");
  expect(new Set(seeds.map((seed) => insertedBy("best", seed)))).toEqual(new Set(["rollout 0"]));
});

test("which rollout enters does not depend on the order in which groups finish", () => {
  const chosenIn = (order: number[]) => {
    const curriculum = begin("improve");
    const draws = order.map(() => curriculum.next());
    const chosen = order.map((index) => [
      index,
      curriculum.complete(draws[index]!, outcome(0.2, ["a"], ["b"], ["c"])).rolloutIds,
    ]);
    return Object.fromEntries(chosen);
  };
  expect(chosenIn([3, 0, 4, 1, 2])).toEqual(chosenIn([0, 1, 2, 3, 4]));
});

test("single-turn Curriculum replays its base tasks: one instance a task, never shown, never deeper", () => {
  const curriculum = begin("curriculum");
  for (let step = 0; step < 200; step += 1) {
    const draw = curriculum.next();
    expect(draw.mode).toBe("base");
    expect(draw.instance.depth).toBe(0);
    expect(draw.instance.key).toBe(baseInstance(draw.instance.baseId, 0).key);
    curriculum.complete(draw, outcome(0.2, [`answer ${step}`]));
  }
  expect(curriculum.instances().map(({ baseId }) => baseId)).toEqual(expect.arrayContaining(ids));
  expect(curriculum.instances()).toHaveLength(ids.length);
});

test("multi-turn Curriculum resumes at stored turns and does not ask to improve", () => {
  const curriculum = begin("curriculum");
  const starts = new Set<number>();
  for (let step = 0; step < 100; step += 1) {
    const draw = curriculum.next();
    starts.add(draw.instance.turns.length);
    expect(draw.mode).toBe("base");
    curriculum.complete(draw, outcome(0.2, [`x${step}`, `y${step}`]));
  }
  expect([...starts].sort().slice(0, 3)).toEqual([0, 1, 2]);
});

test("without prefix reset only the first turn of an episode is kept", () => {
  const mechanisms = { ...STRATEGIES.improve, prefixReset: false };
  const curriculum = begin("improve", { mechanisms });
  curriculum.complete(curriculum.next(), outcome(0.2, ["a", "b", "c"]));
  expect(curriculum.instances().map(({ turns }) => turns.length)).toEqual([1]);
});

test("base tasks enter the buffer only on demand, and are then attempted plainly", () => {
  const replayOf = (bufferBase: boolean) => {
    const curriculum = begin("improve", { bufferBase, minBufferSize: 1, selfIterationProbability: 1, kappa: 0 });
    curriculum.complete(curriculum.next(), outcome(0.2, ["a"]));
    const modes = Array.from({ length: 40 }, () => curriculum.next()).map(({ instance, mode }) => [
      instance.turns.length,
      mode,
    ]);
    return new Set(modes.map(String));
  };
  const curriculum = begin("improve", { bufferBase: true, minBufferSize: 1, selfIterationProbability: 1 });
  const kindsOf = () => curriculum.complete(curriculum.next(), outcome(0.2, ["a"])).insertions.map(({ kind }) => kind);
  expect(kindsOf()).toEqual(["inserted", "inserted"]);
  expect(kindsOf()).toEqual(["refreshed"]);
  expect(replayOf(false)).toEqual(new Set(["1,improve"]));
  expect(replayOf(true)).toEqual(new Set(["0,base", "1,improve"]));
});

test("responses are kept without their reasoning unless asked", () => {
  const keptWith = (keepReasoning: boolean) => {
    const curriculum = begin("improve", { keepReasoning });
    curriculum.complete(curriculum.next(), outcome(0.2, ["<think>hm</think>4"]));
    return curriculum.instances()[0]!.turns[0]!.response;
  };
  expect([keptWith(false), keptWith(true)]).toEqual(["4", "<think>hm</think>4"]);
});

test("a response said again refreshes the instance that is there, instead of taking a second place", () => {
  const curriculum = begin("improve", { minBufferSize: 1, selfIterationProbability: 1 });
  curriculum.complete(curriculum.next(), outcome(0.2, ["same"]));
  const completion = curriculum.complete(curriculum.next(), outcome(0.1, ["same"]));
  expect(completion.insertions).toMatchObject([{ kind: "refreshed" }]);
  expect(curriculum.instances()).toMatchObject([{ score: 0.1, depth: 0 }]);
});

test("a draw says from which buffer it came and how widely the draw was spread", () => {
  const curriculum = begin("improve", { minBufferSize: 2, selfIterationProbability: 1, kappa: 0 });
  const base = curriculum.next();
  expect(base).toMatchObject({ drawIndex: 0, bufferSize: 0, bufferRevision: 0, effectiveSampleSize: null });
  curriculum.complete(base, outcome(0.2, ["a", "b"]));
  expect(curriculum.next()).toMatchObject({
    drawIndex: 1,
    bufferSize: 2,
    bufferRevision: 2,
    effectiveSampleSize: 2,
    isReplay: true,
  });
});

test("time does not run backwards", () => {
  const curriculum = begin("exit");
  curriculum.advanceTo(3);
  expect(() => curriculum.advanceTo(2)).toThrow(
    "the curriculum cannot go from iteration 3 to 2 — in Curriculum.advanceTo — restore the state that was saved at " +
      "that iteration instead.",
  );
});

/** True: draw. A number: finish one of the groups that are out, whichever it names. */
const events = fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(true) }, { weight: 2, arbitrary: fc.nat(20) }), {
  maxLength: 120,
});

/** Plays events and tells all that happened. */
function play(curriculum: Curriculum, out: Draw[], list: readonly (true | number)[]): unknown[] {
  return list.map((event, index) => {
    if (index % 10 === 9) curriculum.advanceTo(curriculum.iteration + 1);
    if (event === true || out.length === 0) {
      const draw = curriculum.next();
      out.push(draw);
      return draw;
    }
    const [draw] = out.splice(event % out.length, 1);
    return curriculum.complete(draw!, attempt(draw!));
  });
}

test("a curriculum saved with draws out continues identically, whatever finishes in whatever order", () => {
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.integer(), events, events, (strategy, seed, before, after) => {
      const options = optionsOf(strategy);
      const curriculum = Curriculum.begin(ids, options, RandomStream.seeded(seed));
      const out: Draw[] = [];
      play(curriculum, out, before);
      const saved = JSON.parse(JSON.stringify({ state: curriculum.save(), out }));
      const restored = Curriculum.restore(ids, options, saved.state);
      expect(play(restored, saved.out, after)).toEqual(play(curriculum, out, after));
      expect(restored.save()).toEqual(curriculum.save());
    }),
  );
});

test("whatever happens the buffer keeps its bound, holds a history once, and knows the last S of every m'", () => {
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.integer(), events, (strategy, seed, list) => {
      const curriculum = begin(strategy, {}, seed);
      const out: Draw[] = [];
      for (const event of list) {
        const [told] = play(curriculum, out, [event]) as [Draw & { refreshed?: { key: string; scoreAfter: number } }];
        const instances = curriculum.instances();
        const keys = instances.map(({ key }) => key);
        expect(keys.length).toBeLessThanOrEqual(12);
        expect(new Set(keys).size).toBe(keys.length);
        const there = instances.find(({ key }) => key === told.refreshed?.key);
        if (there !== undefined) expect(there.score).toBe(told.refreshed!.scoreAfter);
        if (told.mode !== undefined) {
          expect(told.isReplay || told.mode === "base").toBe(true);
          expect(told.isReplay && told.bufferSize < 2).toBe(false);
        }
      }
    }),
  );
});
