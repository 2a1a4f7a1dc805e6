import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { SCORE_RANGES } from "../../../actors/exit/improvement.ts";
import { checkOptions, DEFAULT_OPTIONS, scoreRangeOf } from "../../../actors/exit/options.ts";
import { STRATEGIES } from "../../../actors/exit/strategies.ts";

const exit = {
  ...DEFAULT_OPTIONS,
  mechanisms: STRATEGIES.exit,
  bufferCapacity: 512,
  minBufferSize: 128,
  selfIterationProbability: 0.5,
  divergenceProbability: 0.2,
};

test("every decision of section 13 that is an option has the default of that section", () => {
  const decided = {
    D1: { kappa: 20 },
    D2: { insertPerGroup: "one" },
    D5: { varianceDdof: 0 },
    D6: { learnabilityOf: "reward" },
    D8: { evictionTie: "oldest-scored" },
    D9: { diversityMode: "paper", diversityRangeGuard: 1e-8, diversityCap: 10 },
    D11: { bufferBase: false },
    D14: { keepReasoning: false },
    D17: { advantage: "standard" },
    D20: { overlongInStatistics: true },
    D21: { baseOrder: "epochs" },
    D24: { scoreRanges: "full" },
    D28: { rewardKinds: { base: "absolute", improve: "absolute", diverge: "absolute" } },
    D29: { divergenceProbability: 0 },
  };
  for (const option of Object.values(decided)) expect(DEFAULT_OPTIONS).toMatchObject(option);
});

test("the README says of each decision D1 to D31 where it is kept", () => {
  const readme = readFileSync(new URL("../../../../actors/exit/README.md", import.meta.url), "utf8");
  const rows = [...readme.matchAll(/^\| D(\d+) \|/gm)].map(([, number]) => Number(number));
  expect(rows).toEqual(Array.from({ length: 31 }, (_, index) => index + 1));
});

test("options that can run are returned as they are", () => {
  expect(checkOptions(exit)).toBe(exit);
  expect(checkOptions(DEFAULT_OPTIONS)).toBe(DEFAULT_OPTIONS);
});

test.each([
  [{ selfIterationProbability: 1.5 }, "selfIterationProbability is 1.5", "a probability from 0 to 1"],
  [{ divergenceProbability: Number.NaN }, "divergenceProbability is NaN", "a probability from 0 to 1"],
  [{ bufferCapacity: 2.5 }, "bufferCapacity is 2.5", "a count, 0 or more"],
  [{ minBufferSize: -1 }, "minBufferSize is -1", "a count, 0 or more"],
  [{ kappa: -1 }, "kappa is -1", "a finite number, 0 or more"],
  [{ kappa: Number.POSITIVE_INFINITY }, "kappa is Infinity", "a finite number, 0 or more"],
  [{ diversityCap: 0 }, "diversityCap is 0", "a number above 0"],
  [{ bufferCapacity: 0 }, "bufferCapacity is 0", "at least 1 where selection is on"],
  [{ minBufferSize: 513 }, "minBufferSize is 513", "at most bufferCapacity, 512"],
])("options that cannot run are refused by name: %o", (change, what, wanted) => {
  expect(() => checkOptions({ ...exit, ...change })).toThrow(
    `${what} — in the learning options — it must be ${wanted}.`,
  );
});

test("a competition outside Table 3 is refused with the known ones", () => {
  expect(scoreRangeOf("spooky-author-identification", { scoreRanges: "paper" })).toEqual({ worst: 1.5, best: 1 });
  expect(() => scoreRangeOf("titanic", DEFAULT_OPTIONS)).toThrow(
    "no score range is known for titanic — in Table 3 (full) — give the world a range of its own or use one of " +
      `${Object.keys(SCORE_RANGES.full).join(", ")}.`,
  );
});
