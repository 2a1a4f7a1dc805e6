// A further node of a launch: the program that runs on it, here or at the far end of an ssh.
// Reads its boot line from stdin, joins the head, hosts what it is given, and ends when stdin does or the head is lost.
import { createInterface } from "node:readline";
import { type Endpoints, type KeyPair, Node } from "../../runtime/index.ts";

/** What the launcher tells it; keys come this way and never by a command line. */
export interface MemberBoot {
  name: string;
  keys: KeyPair;
  head: { name: string; endpoints: Endpoints; publicKey: string };
  labels: Record<string, string>;
}

const stdin = createInterface({ input: process.stdin });
stdin.once("line", (line) => void run(JSON.parse(line) as MemberBoot));
stdin.once("close", () => void end(0, "the launcher has ended")); // it may end before we have joined
process.on("SIGINT", () => {}); // a terminal's Ctrl-C is the launcher's affair
let starting: Promise<Node> | undefined;

async function run({ name, keys, head, labels }: MemberBoot): Promise<void> {
  starting = Node.start({
    name,
    keys,
    head,
    labels,
    onLine: (source, line) => console.log(`${source}: ${line}`),
    onHeadLost: (reason) => void end(1, `lost the head: ${reason}`),
  });
  await starting;
  console.log(`${name} has joined ${head.name}`);
}

async function end(code: number, reason: string): Promise<void> {
  console.error(reason);
  setTimeout(() => process.exit(code), stopGraceMs).unref(); // a part that hangs must not keep the node
  const node = await starting?.catch(() => undefined); // it could not join: then it has nothing to stop
  await node?.stop(reason);
  process.exit(code);
}

const stopGraceMs = 5000;
