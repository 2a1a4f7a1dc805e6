// Layers into one configuration: what a preset means is not overruled by what nobody named.
import { describe, expect, test } from "vitest";
import { presetFor } from "../../../actors/index.ts";
import { parseSetting } from "../../../tools/config/layer.ts";
import { resolveConfig } from "../../../tools/config/resolve.ts";

const lossOf = (...settings: string[]) => resolveConfig(settings.map(parseSetting)).loss;

describe("the objective", () => {
  test("is the paper's table, which is the learner's preset grpo, unless said", () => {
    expect(lossOf()).toEqual({ preset: "grpo" });
    // In the words of trainer-py's PRESETS["grpo"].
    expect(presetFor("math", "exit").training).toMatchObject({
      clip: 0.2,
      klEstimator: "k3",
      klCoefficient: 0.001,
      denominator: "sequence",
    });
  });

  test.each(["dapo", "gspo", "cispo", "decoupled"])("of preset %s is that preset's alone", (preset) => {
    expect(lossOf(`loss.preset=${preset}`)).toEqual({ preset });
  });

  test("of dr_grpo divides by the budget of a response, or by what is named", () => {
    expect(lossOf("loss.preset=dr_grpo", "sampling.maxTokens=77")).toEqual({ preset: "dr_grpo", maxLength: 77 });
    expect(lossOf("loss.preset=dr_grpo", "loss.maxLength=9")).toEqual({ preset: "dr_grpo", maxLength: 9 });
  });

  test("does not correct twice for the policy that sampled", () => {
    expect(() => lossOf("loss.correction=band")).toThrow(
      "loss.correction is band with loss.anchor behaviour: against the policy that sampled, the ratio corrects already. " +
        "Set loss.anchor to proximal.",
    );
    expect(lossOf("loss.correction=band", "loss.anchor=proximal")).toMatchObject({ correction: "band" });
    expect(lossOf("loss.preset=decoupled", "loss.correction=band")).toMatchObject({ correction: "band" });
  });
});
