import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { type Handle, Node, pythonActor } from "../../runtime/index.ts";
import { placementConformance, type SharedConduct } from "../conformance/placement.ts";
import { CounterActor } from "../fixtures/counter.ts";

const fixtures = fileURLToPath(new URL("../../../test/fixtures", import.meta.url));
const PythonCounter = pythonActor<SharedConduct>("counter:Counter");
let node: Node;

beforeAll(async () => {
  node = await Node.start({ name: "node-a", python: { path: [fixtures] } });
});
afterAll(() => node.stop());

for (const placement of ["shared", "thread", "process"] as const) {
  placementConformance(placement, {
    node: () => node,
    spawn: async (startAt, name) =>
      (await node.spawn(CounterActor, [startAt], { placement, ...(name ? { name } : {}) })) as Handle<SharedConduct>,
    errorName: "RangeError",
  });
}
placementConformance("python", {
  node: () => node,
  spawn: (startAt, name) =>
    node.spawn(PythonCounter, [startAt], name ? { name } : {}) as Promise<Handle<SharedConduct>>,
  errorName: "ValueError",
});
