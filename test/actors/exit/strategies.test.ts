import { expect, test } from "vitest";
import { checkMechanisms, STRATEGIES, STRATEGY_LABELS } from "../../../actors/exit/strategies.ts";

test("the strategies are the columns of section 5, each with its mechanisms and no other", () => {
  const table = `
    mechanism    grpo curriculum improve diverge exit
    selection    -    yes        yes     yes     yes
    prefixReset  -    yes        yes     yes     yes
    expansion    -    -          yes     yes     yes
    divergence   -    -          -       yes     yes
    diversity    -    -          -       -       yes`;
  const [head, ...rows] = table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const printed = Object.fromEntries(
    head!
      .slice(1)
      .map((name, column) => [
        name,
        Object.fromEntries(rows.map(([mechanism, ...cells]) => [mechanism, cells[column] === "yes"])),
      ]),
  );
  expect(STRATEGIES).toEqual(printed);
});

test("every strategy has the label of Table 1", () => {
  expect(Object.keys(STRATEGY_LABELS)).toEqual(Object.keys(STRATEGIES));
  expect(STRATEGY_LABELS.exit).toBe("+ diversity bonus");
});

test("every preset is a possible mix, and diversity stands alone", () => {
  for (const mechanisms of Object.values(STRATEGIES)) checkMechanisms(mechanisms);
  checkMechanisms({ ...STRATEGIES.grpo, diversity: true });
});

test("a mechanism without the one it acts on is refused by name", () => {
  expect(() => checkMechanisms({ ...STRATEGIES.curriculum, divergence: true })).toThrow(
    "mechanism divergence is on but expansion, which it acts on, is off — in mechanisms — switch expansion on or " +
      "divergence off.",
  );
  expect(() => checkMechanisms({ ...STRATEGIES.grpo, expansion: true })).toThrow("expansion is on but selection");
  expect(() => checkMechanisms({ ...STRATEGIES.grpo, prefixReset: true })).toThrow("prefixReset is on but selection");
});
