// A launcher to be killed: starts a member at the place it is given, an actor of a process on it, and prints their pids.
import { makeKeys, Node } from "../../../runtime/index.ts";
import { type Place, startMembers } from "../../../tools/launch/members.ts";
import { CounterActor } from "../../fixtures/counter.ts";

const keys = makeKeys();
const head = await Node.start({ name: "head", keys, listen: "tcp://127.0.0.1:*" });
await startMembers(head, keys.publicKey, [JSON.parse(process.argv[2]!) as Place], () => {});
await head.spawn(CounterActor, [], { node: "node-b", placement: "process" });
const { pid } = await head.control("node-b").info();
const [actor] = await head.control("node-b").actors({ isBrief: true });
console.log(JSON.stringify([pid, Number(actor!.host.match(/pid (\d+)/)![1])]));
