// Measuring: candidates take turns with their floors in the same run, so that a shared or slow machine spoils both alike.
// Knows numbers; what is measured stands in the files beside.

/** Something that can be measured again and again. */
export interface Candidate {
  name: string;
  /** A rate, `…/s`, where more is better; or a duration, `ms`, where less is. */
  unit: string;
  sample(): Promise<number>;
  /** What physics allows: the same work with nothing of ours in between. */
  floor?: Candidate;
}

/** A candidate's samples, and how they stand to its floor's of the same rounds. */
export interface Measured {
  name: string;
  unit: string;
  median: number;
  /** Nine samples of ten were at least this good. */
  p90: number;
  /** How near it comes to its floor: 1 is as good. The median of the ratios, round by round; null without a floor. */
  ratio: number | null;
  samples: number[];
}

/** Rounds of one sample each, floors among them in the order of their first use. A first round is thrown away. */
export async function interleave(candidates: readonly Candidate[], rounds: number): Promise<Measured[]> {
  const all = [...new Set(candidates.flatMap((candidate) => [candidate.floor ?? candidate, candidate]))];
  const samples = new Map(all.map((candidate) => [candidate, [] as number[]]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const candidate of all) {
      const value = await candidate.sample();
      if (round > 0) samples.get(candidate)!.push(value);
    }
  }
  return all.map((candidate) => {
    const own = samples.get(candidate)!;
    return measured(candidate, own, candidate.floor && samples.get(candidate.floor)!);
  });
}

function measured({ name, unit }: Candidate, samples: number[], floor: number[] | undefined): Measured {
  const isDuration = unit === "ms";
  const ratios = floor?.map((value, at) => (isDuration ? value / samples[at]! : samples[at]! / value));
  return {
    name,
    unit,
    median: quantile(samples, 0.5),
    p90: quantile(samples, isDuration ? 0.9 : 0.1),
    ratio: ratios ? quantile(ratios, 0.5) : null,
    samples,
  };
}

/** `name median p90 unit ratio`. */
export function lineOf({ name, unit, median, p90, ratio }: Measured): string {
  const shown = ratio === null ? "" : `  ${ratio.toFixed(2)} of its floor`;
  return `${name.padEnd(48)} ${number(median).padStart(10)} ${number(p90).padStart(10)}  ${unit}${shown}`;
}

/** Linear between samples. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}

/** Milliseconds that the work took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}

function number(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en").replaceAll(",", " ") : value.toPrecision(3);
}
