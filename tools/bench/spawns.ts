// Actors that come to life, answer once and are stopped, a second: on a thread that is there, and each in a thread of its own.
import { Node } from "../../runtime/index.ts";
import { EchoActor } from "./echo.ts";
import { interleave, type Measured, timed } from "./measure.ts";

const counts = { shared: 200, thread: 4 };

export async function benchSpawns(rounds: number): Promise<Measured[]> {
  await using node = await Node.start({ name: "bench", sharedThreads: 1 });
  const live = async (placement: "shared" | "thread") => {
    const actor = await node.spawn(EchoActor, [], { placement });
    await actor.echo(1);
    await node.stopActor(actor);
  };
  return await interleave(
    (["shared", "thread"] as const).map((placement) => ({
      name: `spawn, call and stop, ${placement}`,
      unit: "actors/s",
      async sample() {
        const count = counts[placement];
        const wallMs = await timed(() => Promise.all(Array.from({ length: count }, () => live(placement))));
        return (count * 1000) / wallMs;
      },
    })),
    rounds,
  );
}
