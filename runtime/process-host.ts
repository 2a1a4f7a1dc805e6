// An actor host as a Node process of its own: the entry that a node starts for `process` actors.
// Reads its boot line from stdin, dials its node, hosts actors, and ends when stdin ends.
import { realClock } from "./clock.ts";
import { systemNames } from "./envelope.ts";
import { Host } from "./host.ts";
import { holdLifeline } from "./lifeline.ts";
import { Network } from "./network.ts";
import type { HostBoot } from "./remote-host.ts";

holdLifeline(
  (line) => run(JSON.parse(line) as HostBoot),
  () => process.exit(0), // the node is gone, or wants us to go
);
process.on("SIGINT", () => {}); // a terminal's Ctrl-C is the node's affair

function run(boot: HostBoot): void {
  const network: Network = new Network({
    name: boot.peer,
    role: "host",
    clock: realClock,
    token: boot.token,
    receive: (envelope) => host.deliver(envelope),
    onUp: () => {},
    onDown: (_link, reason) => end(`lost its node: ${reason}`),
    onComplaint: (line) => console.error(line),
  });
  const node = network.dial(boot.parent, boot.endpoints);
  const name = `${systemNames.host}@${boot.peer}`;
  const host = new Host({ name, clock: realClock, send: (envelope) => node.send(envelope) });
  host.serve(systemNames.host, boot.peer, host.control());
}

function end(reason: string): void {
  console.error(reason);
  process.exit(1);
}
