// What a megabyte of float32 costs, there and back, by where the actor lives.
import { interleave, type Measured, timed } from "./measure.ts";
import { withPlaces } from "./places.ts";

const megabyte = new Float32Array(2 ** 18);
const count = 10;

export function benchArrays(rounds: number): Promise<Measured[]> {
  return withPlaces((places) => {
    const floors = new Map(
      places.map(({ floor }) => [
        floor.label,
        {
          name: `${floor.label}, 1 MiB and back`,
          unit: "ms",
          sample: async () => 1000 / (await floor.rate(count, 1, megabyte.byteLength)),
        },
      ]),
    );
    const candidates = places.map(({ where, echo, floor }) => ({
      name: `1 MiB to ${where} and back`,
      unit: "ms",
      floor: floors.get(floor.label)!,
      async sample() {
        const work = async () => {
          for (let at = 0; at < count; at += 1) await echo.echo(megabyte);
        };
        return (await timed(work)) / count;
      },
    }));
    return interleave(candidates, rounds);
  });
}
