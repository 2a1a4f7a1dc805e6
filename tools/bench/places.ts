// An echo at every place where an actor can live, and the bare floors beside them: an echo over zeromq, one over a port.
import { fileURLToPath } from "node:url";
import { type Handle, makeKeys, Node, pythonActor } from "../../runtime/index.ts";
import { startMembers } from "../launch/members.ts";
import { type Echo, EchoActor } from "./echo.ts";
import { type RawEcho, startRawPort } from "./raw-port.ts";
import { startRawZeromq } from "./raw-zeromq.ts";

const sources = fileURLToPath(new URL("../../../tools/bench", import.meta.url));

export interface EchoPlace {
  /** In the name of a figure: `a shared thread`. */
  where: string;
  echo: Handle<Echo>;
  floor: RawEcho;
}

/** Starts them, hands them to the work, and stops them whatever becomes of it. */
export async function withPlaces<T>(work: (places: EchoPlace[]) => Promise<T>): Promise<T> {
  const keys = makeKeys();
  const python = { path: [sources] };
  await using node = await Node.start({ name: "bench", keys, listen: "tcp://127.0.0.1:*", python });
  const members = await startMembers(node, keys.publicKey, [{ kind: "local" }], () => {});
  const zeromq = await startRawZeromq();
  const port = startRawPort();
  try {
    return await work([
      { where: "a shared thread", echo: await node.spawn(EchoActor, [], { placement: "shared" }), floor: port },
      { where: "a thread of its own", echo: await node.spawn(EchoActor, [], { placement: "thread" }), floor: port },
      { where: "a process (ipc)", echo: await node.spawn(EchoActor, [], { placement: "process" }), floor: zeromq },
      { where: "Python (ipc)", echo: await node.spawn(pythonActor<Echo>("echo:Echo"), []), floor: zeromq },
      { where: "another node (tcp, CURVE)", echo: await node.spawn(EchoActor, [], { node: "node-b" }), floor: zeromq },
    ]);
  } finally {
    await port.close();
    await zeromq.close();
    await members.close();
  }
}
