// Gymnasium's own environments, and environments named for their conduct, through the helper process.
import { afterAll, describe, expect, test } from "vitest";
import { selfIterationPrompts } from "../../../actors/index.ts";
import {
  Gymnasium,
  type GymnasiumOptions,
  type GymnasiumTask,
  gymnasiumSourceOf,
  isOver,
  type Step,
  type Turn,
} from "../../../envs/index.ts";
import { environmentSuite } from "../../conformance/environment.ts";
import { adaptersPython, isMissing } from "./python.ts";

const title = isMissing ? "gymnasium (skipped: it is not installed, npm run setup -- adapters)" : "gymnasium";
const prompts = selfIterationPrompts;
const action = (value: unknown) =>
  `I act. <action>${typeof value === "string" ? value : JSON.stringify(value)}</action>`;

describe.skipIf(isMissing)(title, async () => {
  const opened: Gymnasium[] = [];
  afterAll(() => Promise.all(opened.map((gymnasium) => gymnasium.close())));
  const open = async (source: string, more: Partial<GymnasiumOptions> = {}) => {
    const gymnasium = await Gymnasium.open({ ...adaptersPython, ...gymnasiumSourceOf(source), ...more });
    opened.push(gymnasium);
    return gymnasium;
  };
  /** What a session says to these responses, from the task of this seed. */
  const play = async (gymnasium: Gymnasium, responses: readonly string[], seed = 0) => {
    const task = await gymnasium.tasks().get(seed);
    await using environment = gymnasium.environment({ prompts });
    const { messages } = await environment.reset({ task, seed: 9, prefix: [], mode: "base" });
    const steps: Step[] = [];
    for (const response of responses) steps.push(await environment.step(response));
    const [opening, said, turns] = [
      messages.at(-1)!.content,
      steps.map((step) => step.messages[0]?.content),
      environment.turns(),
    ];
    return { opening, steps, said, turns, quality: environment.quality(), outcome: environment.outcome() };
  };

  if (!isMissing) {
    const [lake, pole, vault, sleeps] = await Promise.all([
      open("FrozenLake-v1"),
      open("CartPole-v1?return=0..500"),
      open("conduct_worlds:Vault-v0"),
      open("conduct_worlds:Sleeps-v0"),
    ]);
    const subjects: [string, Gymnasium, number, string[]][] = [
      ["FrozenLake", lake, 10, [action(1), "no action at all", action(1), action(2)]],
      ["CartPole", pole, 0, Array.from({ length: 8 }, () => action(1))],
      [
        "with nested spaces",
        vault,
        3,
        [action({ word: "tin" }), action(dial("tin")), action(dial("zinc")), action(dial("iron"))],
      ],
    ];
    for (const [name, gymnasium, seed, play] of subjects) {
      const task = await gymnasium.tasks().get(seed);
      environmentSuite({ name, create: (options) => gymnasium.environment(options), task, seed: 5, play });
    }
    const pid = await sleeps.pid();
    let killed = pid;
    environmentSuite({
      name: "in a process that can be killed",
      create: (options) => sleeps.environment(options),
      task: await sleeps.tasks().get(0),
      seed: 5,
      play: [action(0), action(0), action(0)],
      helper: { busyResponse: action(999_999), kill: () => process.kill(killed, "SIGKILL") },
    });
    test("a session that only waited for its turn when the process died goes on in the next", async () => {
      killed = await sleeps.pid();
      const task = await sleeps.tasks().get(0);
      await using spared = sleeps.environment({ prompts });
      await using hit = sleeps.environment({ prompts });
      for (const one of [spared, hit]) await one.reset({ task, seed: 0, prefix: [], mode: "base" });
      await spared.step(action(0));
      const digest = spared.digest();
      const busy = hit.step(action(999_999));
      const waiting = spared.step(action(0));
      process.kill(killed, "SIGKILL");
      expect((await busy).failed).toMatchObject({ cause: "worker_died" });
      expect((await waiting).failed).toBeUndefined();
      expect(spared.digest()).not.toBe(digest);
      expect(await spared.step(action(0))).toMatchObject({ terminated: true, reward: 1 });
    });
  }

  test("the opening tells a player's part of the documentation, the form of an action and what is seen", async () => {
    const { opening } = await play(await open("conduct_worlds:Vault-v0"), []);
    expect(opening).toBe(
      `You act in conduct_worlds:Vault-v0.

## Description
Say the word that is shown, and turn the dials to where the needles point.

End your response with one action as <action>…</action>. An action is JSON: an object of "dials": an object of "needles": \
a list of 2 numbers from -1 to 1, "notch": an integer from 1 to 3, "pins": a list of 2 integers from 0 to 1, from 0 to 2, \
"word": a text of 1 to 8 of the characters "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".

Observation: {"at": [{"needles": [0.0, 0.0], "notch": 1, "pins": [0, 0]}, [1, 0]], "hint": "iron"}`,
    );
  });

  test("what is no action by its space is answered with what is expected, costs a turn and changes nothing", async () => {
    const vault = await open("conduct_worlds:Vault-v0");
    const { dials } = dial("iron");
    const wrong: [unknown, string][] = [
      ["{", "it is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"],
      ["[".repeat(100_000), "it is not JSON: "],
      [
        JSON.stringify({ word: "iron", dials }).replace("0.5", `${"[".repeat(600)}${"]".repeat(600)}`),
        "it is nested too deeply",
      ],
      ['{"word": "iron"}', "it is not an object with the keys dials, word"],
      [{ word: "iron", dials: { ...dials, notch: 4 } }, "4 is not an integer from 1 to 3"],
      [{ word: "iron", dials: { ...dials, notch: true } }, "true is not an integer from 1 to 3"],
      [{ word: "iron", dials: { ...dials, notch: 2.0000001 } }, "2.0000001 is not an integer from 1 to 3"],
      [{ word: "iron", dials: { ...dials, needles: [0, 1.5] } }, "[0, 1.5] is not a list of 2 numbers from -1 to 1"],
      [{ word: "iron", dials: { ...dials, needles: [0, "1"] } }, '[0, "1"] is not a list of 2 numbers from -1 to 1'],
      [
        { word: "iron", dials: { ...dials, needles: [[0], [1]] } },
        "[[0], [1]] is not a list of 2 numbers from -1 to 1",
      ],
      [JSON.stringify({ word: "iron", dials }).replace("0.5", "1e999"), "[Infinity, 0] is not a list of 2"],
      [JSON.stringify({ word: "iron", dials }).replace("0.5", "NaN"), "it is not JSON: NaN is no number"],
      [
        { word: "iron", dials: { ...dials, pins: [1, 3] } },
        "[1, 3] is not a list of 2 integers from 0 to 1, from 0 to 2",
      ],
      [{ word: "iron", dials: { ...dials, pins: [1, 10 ** 30] } }, "[1, 1e+30] is not a list of 2 integers"],
      [{ word: "two words", dials }, '"two words" is not a text of 1 to 8 of the characters'],
      [{ word: 7, dials }, "7 is not a text of 1 to 8 of the characters"],
    ];
    const { steps, said, turns, quality } = await play(vault, [
      ...wrong.map(([value]) => action(value)),
      "<think><action>{}</action></think>",
      `<action>{}</action> no: ${action(dial("iron"))}`,
    ]);
    for (const [at, [, problem]] of wrong.entries()) {
      expect(said[at]).toContain(`The action was not taken: ${problem}`);
      expect(said[at]).toContain("An action is JSON: an object of");
      expect(steps[at]).toMatchObject({ terminated: false, responseKind: "none" });
      expect(turns[at]!.feedback).toBe(said[at]);
    }
    expect(said.at(-2)).toMatch(/^No <action>…<\/action> was found in the response\./);
    expect(steps.at(-1)).toMatchObject({
      terminated: true,
      responseKind: "action",
      reward: 1,
      info: { metrics: { return: 1, steps: 1 } },
    });
    expect(quality).toBe(1);
  });

  test("a text for an action is itself, without quotes", async () => {
    const { opening, said } = await play(await open("conduct_worlds:Spells-v0"), [action("a cab"), action('"ab"')]);
    expect(opening).toContain('An action is the text itself: a text of 1 to 5 of the characters " abc".');
    expect(said[0]).toBe("Observation: 1\nReward: 1");
    expect(said[1]).toContain("The action was not taken");
  });

  test("numbers are shown with the digits of their own precision, and a continuous action is taken", async () => {
    const car = await open("MountainCarContinuous-v0?return=0..100");
    const task = await car.tasks().get(0);
    await using environment = car.environment({ prompts });
    const { messages } = await environment.reset({ task, seed: 0, prefix: [], mode: "base" });
    let said = messages.at(-1)!.content;
    expect(said).toContain("An action is JSON: a list of 1 number from -1 to 1.");
    expect(said).toMatch(/Observation: \[-0\.\d{6,8}, 0\.0\]$/);
    for (let step: Step | undefined; !step || !isOver(step); ) {
      const velocity = Number(said.match(/, (-?[\d.e-]+)\]/)![1]);
      step = await environment.step(action([velocity < 0 ? -1 : 1]));
      said = step.messages[0]!.content;
    }
    expect(environment.outcome()).toMatchObject({ kind: "terminated" });
    expect(environment.quality()).toBeGreaterThan(0.85); // 100 for the hill, less a tenth for each push
  });

  test("a return is worth what the rule says: between two bounds, or beyond a threshold, the registered one unless said", async () => {
    const play8 = (gymnasium: Gymnasium) =>
      play(
        gymnasium,
        Array.from({ length: 8 }, () => action(1)),
      );
    expect((await play8(await open("CartPole-v1"))).quality).toBe(0);
    expect((await play8(await open("CartPole-v1?return=8"))).quality).toBe(1);
    expect((await play8(await open("CartPole-v1?return=0..16"))).quality).toBe(0.5);
    expect((await play8(await open("CartPole-v1?return=-8..4"))).quality).toBe(1);
    await expect(open("conduct_worlds:Unmeasured-v0")).rejects.toThrow(
      "bad_data: it is registered without a threshold of success, so its returns have no quality - gymnasium:conduct_worlds:Unmeasured-v0 - say return=MIN..MAX or return=AT",
    );
    await expect(open("CartPole-v1?return=9..2")).rejects.toThrow(
      "bad_data: no rule for returns '9..2' - write a range, 0..500, or a threshold, 475",
    );
  });

  test("what an id is registered with ends an episode as truncated, and what it cuts off itself is over", async () => {
    const lake = await play(
      await open("FrozenLake-v1?is_slippery=false"),
      Array.from({ length: 100 }, () => action(0)),
    );
    expect(lake.outcome).toEqual({ kind: "truncated", reason: "max_turns", quality: 0, reward: 0 });
    const cut = await play(await open("conduct_worlds:Truncates-v0"), [action(0), action(0)]);
    expect(cut.outcome).toMatchObject({ kind: "terminated", quality: 1 });
    expect(cut.steps[1]!.info).toMatchObject({ truncated: true });
  });

  test("an id, arguments, packages or a space that cannot be had are a mistake, told once at the opening", async () => {
    const refusals: Record<string, string> = {
      "Nope-v0": "NameNotFound: Environment `Nope` doesn't exist.",
      "FrozenLake-v1?map=8": "got an unexpected keyword argument 'map'",
      "FrozenLake-v1?map_name=9x9": "KeyError: '9x9'",
      "no_such_module:Nope-v0": "ModuleNotFoundError",
      "CarRacing-v3": "DependencyNotInstalled: Box2D is not installed",
      "conduct_worlds:ShowsPictures-v0": "the observation has 30000 numbers, more than the 4096 that can be worded",
      "conduct_worlds:DealsInGraphs-v0": "the action.net is a Graph - use Discrete, Box,",
    };
    for (const [source, refusal] of Object.entries(refusals)) {
      const error = await open(source).catch((thrown: unknown) => thrown);
      expect(error, source).toMatchObject({ code: "bad_data", message: expect.stringContaining(refusal) });
    }
    expect(() => gymnasiumSourceOf("")).toThrow("write gymnasium:CartPole-v1");
  });

  test("an environment that breaks fails the episode, with a cause and no reward", async () => {
    const { steps, quality } = await play(await open("conduct_worlds:Raises-v0"), [action(0), action(999_999)]);
    expect(steps[1]!.failed).toMatchObject({ cause: "worker_error" });
    expect(steps[1]!.failed!.message).toContain("raised RuntimeError in act: the floor gave way");
    expect(quality).toBeNull();
  });

  test("an environment that does not replay says so and why, and only begins at its beginning", async () => {
    const forgets = await open("conduct_worlds:ForgetsItsSeed-v0");
    expect([forgets.replayable, forgets.difference]).toEqual([
      false,
      "step 1 after two resets with seed 0 differs in reward, total",
    ]);
    expect((await open("conduct_worlds:BeginsAnyhow-v0")).difference).toBe(
      "two resets with seed 0 show different observations",
    );
    expect((await open("FrozenLake-v1")).difference).toBeNull();
    const task: GymnasiumTask = await forgets.tasks().get(0);
    await using environment = forgets.environment({ prompts });
    expect(environment.replayable).toBe(false);
    await environment.reset({ task, seed: 0, prefix: [], mode: "base" });
    await using twin = await environment.fork(); // nothing was done yet
    await environment.step(action(0));
    await expect(environment.fork()).rejects.toThrow(
      "not_replayable: 1 turns to replay in a world that does not replay - gymnasium:conduct_worlds:ForgetsItsSeed-v0, task ForgetsItsSeed-v0#0 - start at the beginning of an episode",
    );
    const turns = [...environment.turns()];
    const again: Turn[] = [...turns, { ...turns[0]!, response: "another" }];
    for (const start of [
      { prefix: turns, mode: "base" },
      { prefix: again, mode: "improve" },
    ] as const) {
      await expect(twin.reset({ task, seed: 0, ...start })).rejects.toMatchObject({ code: "not_replayable" });
    }
    const { messages } = await twin.reset({ task, seed: 0, prefix: turns, mode: "improve" });
    expect(messages.at(-1)!.content, "a first response may be tried again").toContain("<action>0</action>");
  });
});

function dial(word: string) {
  return { word, dials: { needles: [0.5, 0], notch: 2, pins: [1, 2] } };
}
