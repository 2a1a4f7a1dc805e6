// Items of a stream a second, one number each, by where the actor lives. No floor: a bare socket has no back-pressure.
import { interleave, type Measured, timed } from "./measure.ts";
import { withPlaces } from "./places.ts";

const count = 4000;

export function benchStreams(rounds: number): Promise<Measured[]> {
  return withPlaces((places) =>
    interleave(
      places.map(({ where, echo }) => ({
        name: `stream from ${where}`,
        unit: "items/s",
        async sample() {
          let seen = 0;
          const wallMs = await timed(async () => {
            for await (const _item of echo.count(count)) seen += 1;
          });
          return (seen * 1000) / wallMs;
        },
      })),
      rounds,
    ),
  );
}
