import { expect, test } from "vitest";
import { type DomainName, presetFor } from "../../../actors/exit/domains.ts";
import { checkOptions } from "../../../actors/exit/options.ts";
import { STRATEGIES, type StrategyName } from "../../../actors/exit/strategies.ts";

/** Tables 4 to 6 as section 9 prints them; = repeats the GRPO column, - is off. */
const tables = {
  math: `
    learning rate         1e-6  1e-6 1e-6 1e-6 1e-6
    prompts per batch     128   =    =    =    =
    rollouts per prompt   8     =    =    =    =
    epochs per batch      1     =    =    =    =
    KL coefficient        0.001 =    =    =    =
    reference interval    100   =    =    =    =
    reference alpha       1.0   =    =    =    =
    buffer size           -     512  512  512  512
    minimum buffer        -     128  128  128  128
    p                     -     0.5  0.5  0.5  0.5
    p_div                 -     -    -    0.2  0.2`,
  tools: `
    learning rate         1e-6  5e-7 5e-7 5e-7 1e-6
    prompts per batch     16    =    =    =    =
    rollouts per prompt   8     =    =    =    =
    epochs per batch      2     =    =    =    =
    KL coefficient        0.001 =    =    =    =
    reference interval    100   =    =    =    =
    reference alpha       1.0   =    =    =    =
    buffer size           -     320  640  640  640
    minimum buffer        -     320  320  320  320
    p                     -     0.2  0.5  0.5  0.5
    p_div                 -     -    -    0.2  0.5`,
  mle: `
    learning rate         1e-6  =    =    =    =
    prompts per batch     4     =    =    =    =
    rollouts per prompt   8     =    =    =    =
    epochs per batch      1     =    =    =    =
    KL coefficient        0.001 =    =    =    =
    reference interval    100   =    =    =    =
    reference alpha       0.5   =    =    =    =
    buffer size           -     3    24   32   24
    minimum buffer        -     3    8    8    3
    p                     -     0.5  0.5  0.5  0.5
    p_div                 -     -    -    0.2  0.5`,
};

const strategies = Object.keys(STRATEGIES) as StrategyName[];

function presetColumn(domain: DomainName, strategy: StrategyName): number[] {
  const { training, options } = presetFor(domain, strategy);
  return [
    training.learningRate,
    training.promptsPerBatch,
    training.rolloutsPerPrompt,
    training.epochsPerBatch,
    training.klCoefficient,
    training.referenceInterval,
    training.referenceAlpha,
    options.bufferCapacity,
    options.minBufferSize,
    options.selfIterationProbability,
    options.divergenceProbability,
  ];
}

test.each(Object.entries(tables))("the %s presets are the printed table, number for number", (domain, table) => {
  const rows = table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).slice(-5));
  strategies.forEach((strategy, index) => {
    const printed = rows.map((row) => {
      const cell = row[index] === "=" ? row[0]! : row[index]!;
      return cell === "-" ? 0 : Number(cell);
    });
    expect([strategy, ...presetColumn(domain as DomainName, strategy)]).toEqual([strategy, ...printed]);
  });
});

test("every preset can run and carries its strategy's mechanisms", () => {
  for (const domain of ["math", "tools", "mle"] as const) {
    for (const strategy of strategies) {
      expect(checkOptions(presetFor(domain, strategy).options).mechanisms).toEqual(STRATEGIES[strategy]);
    }
  }
});

test("what the tables omit has the defaults of section 9", () => {
  expect(presetFor("math", "exit").options.kappa).toBe(20);
  expect(["math", "tools", "mle"].map((name) => presetFor(name as DomainName, "exit").training.iterations)).toEqual([
    100, 400, 800,
  ]);
  expect(presetFor("mle", "exit").training).toMatchObject({
    clip: 0.2,
    klEstimator: "k3",
    temperature: 1,
    topP: 1,
    maxResponseTokens: 8192,
    weightDecay: 0,
    adamBetas: [0.9, 0.999],
    maxGradNorm: 1,
  });
});

test("tool use alone takes Dr. GRPO and overlong filtering, competitions alone pay improvement (D17, 3.6, 4.5)", () => {
  const { math, tools, mle } = {
    math: presetFor("math", "exit"),
    tools: presetFor("tools", "exit"),
    mle: presetFor("mle", "exit"),
  };
  expect([math, tools, mle].map(({ options }) => options.advantage)).toEqual(["standard", "centred", "standard"]);
  expect([math, tools, mle].map(({ training }) => training.denominator)).toEqual(["sequence", "constant", "sequence"]);
  expect([math, tools, mle].map(({ options }) => options.overlongFilter)).toEqual([false, true, false]);
  expect([math, tools, mle].map(({ options }) => options.rewardKinds.improve)).toEqual([
    "absolute",
    "absolute",
    "improvement",
  ]);
  expect(mle.options.rewardKinds.diverge).toBe("absolute");
});

test("the inference budget is 16 steps, but 4 for tool use, of improve steps only, with 8 samples a task or 16 searches", () => {
  const evaluations = ["math", "tools", "mle"].map((name) => presetFor(name as DomainName, "grpo").evaluation);
  expect(evaluations.map(({ budget }) => budget)).toEqual([16, 4, 16]);
  expect(evaluations.map(({ sampleCount }) => sampleCount)).toEqual([8, 8, 16]);
  expect(evaluations.map(({ plottedSteps }) => plottedSteps.length)).toEqual([6, 4, 17]);
  expect(evaluations.map(({ mode }) => mode)).toEqual(["improve", "improve", "improve"]);
  expect(evaluations.map(({ runCount }) => runCount)).toEqual([3, 3, 3]);
});
