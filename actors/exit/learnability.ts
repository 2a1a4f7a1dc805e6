// Learnability S: how much a group of rollouts of one task disagrees, which is how much there is to learn from it.
// Knows rewards only; knows neither tasks nor buffers.
// The buffer ranks by S, and a group with S = 0 carries no gradient.

/** How S is taken. */
export interface LearnabilityOptions {
  /** D5: 0 is the population variance, at most .25; 1 the sample variance. */
  readonly varianceDdof: 0 | 1;
}

/** Arithmetic mean. NaN for no values. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += values[index]!;
  return sum / values.length;
}

/**
 * Variance in two passes, exact 0 for equal values.
 * @param ddof subtracted from the count in the denominator: 0 population, 1 sample
 */
export function variance(values: ArrayLike<number>, ddof: 0 | 1 = 0): number {
  const centre = mean(values);
  let squares = 0;
  let isConstant = true;
  for (let index = 0; index < values.length; index += 1) {
    isConstant &&= values[index] === values[0];
    squares += (values[index]! - centre) ** 2;
  }
  return isConstant ? 0 : squares / (values.length - ddof);
}

/**
 * S = var(r) over the rewards of one group, on [0, 1] (section 4.6); p(1-p) for binary rewards with share p of ones.
 *
 * Rounded to 12 decimals: groups that differ only in the order of their rewards, or by float noise in rewards that
 * were summed, get the same S, so that ties in the buffer are ties (D8) and equal rewards have S = 0.
 * @param rewards [n], n >= 2, in [0, 1]; before any diversity multiplication and with overlong rollouts in it (D6, D20)
 * @throws RangeError if there are fewer than two rewards or one lies outside [0, 1]
 */
export function learnability(rewards: readonly number[], { varianceDdof }: LearnabilityOptions): number {
  if (rewards.length < 2) {
    throw new RangeError(
      `a group of ${rewards.length} scored rollouts has no variance — in learnability — ask for S only where two or ` +
        "more rollouts were scored.",
    );
  }
  const stray = rewards.find((reward) => !(reward >= 0 && reward <= 1));
  if (stray !== undefined) {
    throw new RangeError(
      `reward ${stray} lies outside 0 .. 1 — in learnability — rescale it where it is made, so that S compares tasks.`,
    );
  }
  return Math.round(variance(rewards, varianceDdof) * 1e12) / 1e12;
}
