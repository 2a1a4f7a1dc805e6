// The five strategies of the paper as presets over five independent mechanisms.
// Knows names and switches; what a mechanism does stands in the file of its noun.
// A run may also name its own mix of mechanisms: the presets are the columns of section 5, not a limit.

/** What a strategy adds to plain GRPO (section 5, one row each). */
export interface Mechanisms {
  /** A buffer of instances ranked by S and drawn by softmax (4.3, 4.6, 4.7). */
  readonly selection: boolean;
  /** Episodes may resume at any turn of an earlier history; without it only its first turn is kept. Multi-turn only. */
  readonly prefixReset: boolean;
  /** A drawn instance's response is shown with the prompt to improve it (4.4). */
  readonly expansion: boolean;
  /** Some of these steps ask for a different approach instead (4.8). */
  readonly divergence: boolean;
  /** Advantages are multiplied by diversity coefficients (4.9, Eq. 6). */
  readonly diversity: boolean;
}

/** The columns of section 5: each adds one mechanism to the one before, curriculum two. */
export const STRATEGIES = {
  grpo: { selection: false, prefixReset: false, expansion: false, divergence: false, diversity: false },
  curriculum: { selection: true, prefixReset: true, expansion: false, divergence: false, diversity: false },
  improve: { selection: true, prefixReset: true, expansion: true, divergence: false, diversity: false },
  diverge: { selection: true, prefixReset: true, expansion: true, divergence: true, diversity: false },
  exit: { selection: true, prefixReset: true, expansion: true, divergence: true, diversity: true },
} as const satisfies Record<string, Mechanisms>;

export type StrategyName = keyof typeof STRATEGIES;

/** How Table 1 names the strategies. */
export const STRATEGY_LABELS: Readonly<Record<StrategyName, string>> = {
  grpo: "GRPO",
  curriculum: "+ curriculum",
  improve: "+ self-improve step",
  diverge: "+ divergent step",
  exit: "+ diversity bonus",
};

/** @throws RangeError where a mechanism is on without the one it acts on */
export function checkMechanisms(mechanisms: Mechanisms): void {
  const needs: [keyof Mechanisms, keyof Mechanisms][] = [
    ["prefixReset", "selection"],
    ["expansion", "selection"],
    ["divergence", "expansion"],
  ];
  for (const [mechanism, needed] of needs) {
    if (mechanisms[mechanism] && !mechanisms[needed]) {
      throw new RangeError(
        `mechanism ${mechanism} is on but ${needed}, which it acts on, is off — in mechanisms — switch ${needed} on ` +
          `or ${mechanism} off.`,
      );
    }
  }
}
