// What a call of 100 bytes costs, by where the actor lives: one at a time, and 64 at a time.
import type { Handle } from "../../runtime/index.ts";
import type { Echo } from "./echo.ts";
import { type Candidate, interleave, type Measured, timed } from "./measure.ts";
import { type EchoPlace, withPlaces } from "./places.ts";

const bytes = 100;
/** Calls in a sample, by how many are in flight: some tenths of a second each; fewer would measure code that is not compiled yet. */
const counts = new Map([
  [1, 2000],
  [64, 6000],
]);

export function benchCalls(rounds: number): Promise<Measured[]> {
  return withPlaces(async (places) => {
    const measured: Measured[] = [];
    for (const [inFlight, count] of counts) {
      measured.push(...(await interleave(candidates(places, inFlight, count), rounds)));
    }
    return measured;
  });
}

function candidates(places: readonly EchoPlace[], inFlight: number, count: number): Candidate[] {
  const many = inFlight === 1 ? "one at a time" : `${inFlight} at a time`;
  const floors = new Map(
    places.map(({ floor }) => [
      floor.label,
      { name: `${floor.label}, ${many}`, unit: "echoes/s", sample: () => floor.rate(count, inFlight, bytes) },
    ]),
  );
  return places.map(({ where, echo, floor }) => ({
    name: `calls to ${where}, ${many}`,
    unit: "calls/s",
    sample: async () => (count * 1000) / (await timed(() => call(echo, inFlight, count))),
    floor: floors.get(floor.label)!,
  }));
}

async function call(handle: Handle<Echo>, inFlight: number, count: number): Promise<void> {
  const value = "x".repeat(bytes);
  let left = count;
  const one = async () => {
    while (left > 0) {
      left -= 1;
      await handle.echo(value);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
}
