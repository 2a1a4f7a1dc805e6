import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { type Handle, Node, pythonActor } from "../../runtime/index.ts";
import { mailboxConformance, type QueueingConduct } from "../conformance/mailbox.ts";
import { placementConformance, type SharedConduct } from "../conformance/placement.ts";
import { CounterActor } from "../fixtures/counter.ts";
import { QueueingActor } from "../fixtures/queueing.ts";

const fixtures = fileURLToPath(new URL("../../../test/fixtures", import.meta.url));
const PythonCounter = pythonActor<SharedConduct>("counter:Counter");
const PythonQueueing = pythonActor<QueueingConduct>("queueing:Queueing");
const lines: string[] = [];
let node: Node;

beforeAll(async () => {
  node = await Node.start({
    name: "node-a",
    python: { path: [fixtures] },
    onLine: (_source, line) => lines.push(line),
  });
});
afterAll(() => node.stop());

for (const placement of ["shared", "thread", "process"] as const) {
  placementConformance(placement, {
    node: () => node,
    spawn: async (startAt, name) =>
      (await node.spawn(CounterActor, [startAt], { placement, ...(name ? { name } : {}) })) as Handle<SharedConduct>,
    errorName: "RangeError",
  });
  mailboxConformance(placement, {
    node: () => node,
    spawn: (options) => node.spawn(QueueingActor, [], { ...options, placement }),
    lines: () => lines,
    isKillable: placement !== "shared",
  });
}
placementConformance("python", {
  node: () => node,
  spawn: (startAt, name) =>
    node.spawn(PythonCounter, [startAt], name ? { name } : {}) as Promise<Handle<SharedConduct>>,
  errorName: "ValueError",
});
mailboxConformance("python", {
  node: () => node,
  spawn: (options) => node.spawn(PythonQueueing, [], options),
  lines: () => lines,
  isKillable: true,
});
