// Measuring: candidates take turns with their floor in the same run, so that a shared or slow machine spoils both alike.
// Knows numbers; what is measured stands in the files beside.

/** Something that can be measured again and again. */
export interface Candidate {
  name: string;
  unit: string;
  /** One sample: a rate, higher is better, or a duration, lower is better. */
  sample(): Promise<number>;
}

/** A candidate's samples, and how they stand to the floor's of the same rounds. */
export interface Measured {
  name: string;
  unit: string;
  median: number;
  p90: number;
  /** Median of the ratios to the floor, round by round; null without a floor. */
  ratio: number | null;
  samples: number[];
}

/** Rounds of one sample each, floor first. Nothing is warmed up but by a first round that is thrown away. */
export async function interleave(
  floor: Candidate | null,
  candidates: readonly Candidate[],
  rounds: number,
): Promise<Measured[]> {
  const all = floor ? [floor, ...candidates] : [...candidates];
  const samples = new Map(all.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const candidate of all) {
      const value = await candidate.sample();
      if (round > 0) samples.get(candidate.name)!.push(value);
    }
  }
  const floorSamples = floor ? samples.get(floor.name)! : null;
  return all.map(({ name, unit }) => {
    const own = samples.get(name)!;
    const ratios = floorSamples && name !== floor!.name ? own.map((value, at) => value / floorSamples[at]!) : null;
    return {
      name,
      unit,
      median: quantile(own, 0.5),
      p90: quantile(own, 0.9),
      ratio: ratios && quantile(ratios, 0.5),
      samples: own,
    };
  });
}

/** `name median p90 unit ratio`. */
export function lineOf({ name, unit, median, p90, ratio }: Measured): string {
  const shown = ratio === null ? "" : `  ${ratio.toFixed(2)} of the floor`;
  return `${name.padEnd(44)} ${number(median).padStart(10)} ${number(p90).padStart(10)}  ${unit}${shown}`;
}

/** Linear between samples. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}

function number(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en").replaceAll(",", " ") : value.toPrecision(3);
}
