// What a call costs, by where the actor lives, beside a raw zeromq echo between two processes.
import { fileURLToPath } from "node:url";
import { type Handle, makeKeys, Node, pythonActor } from "../../runtime/index.ts";
import { startMembers } from "../launch/members.ts";
import { type Echo, EchoActor } from "./echo.ts";
import { type Candidate, interleave, type Measured } from "./measure.ts";
import { startRawEcho } from "./raw-zeromq.ts";

const smallBytes = 100;
const megabyte = new Float32Array(2 ** 18);
const sources = fileURLToPath(new URL("../../../tools/bench", import.meta.url));

/** Calls per second one at a time and 64 at a time, a megabyte there and back, stream items, spawns. */
export async function benchCalls(rounds: number): Promise<Measured[]> {
  const keys = makeKeys();
  await using node = await Node.start({
    name: "bench",
    keys,
    listen: "tcp://127.0.0.1:*",
    python: { path: [sources] },
  });
  const members = await startMembers(node, keys.publicKey, [{ kind: "local" }], () => {});
  const raw = await startRawEcho();
  try {
    const places: [string, Handle<Echo>][] = [
      ["a shared thread", await node.spawn(EchoActor, [], { placement: "shared" })],
      ["a thread of its own", await node.spawn(EchoActor, [], { placement: "thread" })],
      ["a process (ipc)", await node.spawn(EchoActor, [], { placement: "process" })],
      ["a Python process (ipc)", await node.spawn(pythonActor<Echo>("echo:Echo"), [])],
      ["another node (tcp, CURVE)", await node.spawn(EchoActor, [], { node: "node-b" })],
    ];
    return [
      ...(await compare(raw, places, 1, 300, rounds)),
      ...(await compare(raw, places, 64, 6000, rounds)),
      ...(await interleave(null, [...places.flatMap(([where, handle]) => heavy(where, handle)), spawns(node)], rounds)),
    ];
  } finally {
    raw.close();
    await members.close();
  }
}

function compare(
  raw: Awaited<ReturnType<typeof startRawEcho>>,
  places: [string, Handle<Echo>][],
  inFlight: number,
  count: number,
  rounds: number,
): Promise<Measured[]> {
  const many = inFlight === 1 ? "one at a time" : `${inFlight} at a time`;
  const floor = {
    name: `raw zeromq echo, ${many}`,
    unit: "messages/s",
    sample: () => raw.rate(count, inFlight, smallBytes),
  };
  const candidates = places.map(
    ([where, handle]): Candidate => ({
      name: `calls to ${where}, ${many}`,
      unit: "calls/s",
      sample: () => callRate(handle, inFlight, count),
    }),
  );
  return interleave(floor, candidates, rounds);
}

async function callRate(handle: Handle<Echo>, inFlight: number, count: number): Promise<number> {
  const value = "x".repeat(smallBytes);
  let left = count;
  const beganMs = performance.now();
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await handle.echo(value);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return (count * 1000) / (performance.now() - beganMs);
}

function heavy(where: string, handle: Handle<Echo>): Candidate[] {
  return [
    {
      name: `1 MiB of float32 to ${where} and back`,
      unit: "ms",
      async sample() {
        const beganMs = performance.now();
        for (let at = 0; at < 10; at += 1) await handle.echo(megabyte);
        return (performance.now() - beganMs) / 10;
      },
    },
    {
      name: `stream from ${where}`,
      unit: "items/s",
      async sample() {
        const beganMs = performance.now();
        let count = 0;
        for await (const _item of handle.count(2000)) count += 1;
        return (count * 1000) / (performance.now() - beganMs);
      },
    },
  ];
}

function spawns(node: Node): Candidate {
  return {
    name: "spawn and stop of shared actors",
    unit: "actors/s",
    async sample() {
      const beganMs = performance.now();
      const actors = await Promise.all(Array.from({ length: 100 }, () => node.spawn(EchoActor, [])));
      await Promise.all(actors.map((actor) => node.stopActor(actor)));
      return (100 * 1000) / (performance.now() - beganMs);
    },
  };
}
