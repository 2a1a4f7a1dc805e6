// The envelopes behind the golden frames, built from the public words; test/trainer/wire/test_golden.py builds the same.
import { packValue } from "../../runtime/codec.ts";
import { type Envelope, kinds, statuses } from "../../runtime/envelope.ts";
import { toErrorRecord } from "../../runtime/errors.ts";

const incarnation = "00112233aabbccdd";
export const header = { seq: 7, ack: 5, incarnation };

/** No stack: it names files. */
function errorRecord() {
  const cause = Object.assign(new RangeError("level must be 1..4"), { code: "ELEVEL" });
  const record = toErrorRecord(cause);
  record[4] = null;
  return record;
}

/** Three hundred numbers: more than fit into the body, so they travel in a frame of their own. */
const long = Float32Array.from({ length: 300 }, (_, at) => at / 4);

/** Outside of any call, to the first lane. */
const plainly = { lane: null, priority: 0, chain: null, sentMs: null };

export const golden: Record<string, Envelope[]> = {
  hello: [{ kind: kinds.hello, peer: "node-a/learner", incarnation, role: "host", lastSeq: 0, token: "secret" }],
  ping: [{ kind: kinds.ping, sentMs: 1234.5, lagMs: 0.25 }],
  goodbye: [{ kind: kinds.goodbye, reason: "the node was stopped" }],
  "call with plain values": [
    {
      kind: kinds.call,
      id: 1,
      target: "counter@node-b",
      method: "add",
      args: packValue([1, -1, 200, -200, 70_000, -70_000, 2.5, "é", null, true, [], {}, { a: [1, "x"] }]),
      deadlineMs: 30_000,
      credit: 64,
      from: "driver@node-a",
      ...plainly,
    },
  ],
  "call with arrays": [
    {
      kind: kinds.call,
      id: 2,
      target: "learner@node-a",
      method: "update",
      args: packValue([{ ids: Int32Array.of(1, 2, 3), logprobs: long, mask: Int8Array.of(0, 1) }]),
      deadlineMs: null,
      credit: 0,
      from: "learner-proxy@node-a",
      ...plainly,
    },
  ],
  "call on a lane, within others": [
    {
      kind: kinds.call,
      id: 3,
      target: "counter@node-b",
      method: "add",
      args: packValue([1]),
      deadlineMs: 250.5,
      credit: 64,
      from: "asks@node-a",
      lane: "eval",
      priority: -2,
      chain: ["counter@node-b begin", "asks@node-a goOn"],
      sentMs: 1234.5,
    },
  ],
  "result with an error": [
    {
      kind: kinds.result,
      id: 2,
      status: statuses.error,
      value: packValue(errorRecord()),
      queueUs: 12,
      runUs: 3400,
    },
  ],
  "result of a mailbox without room": [
    { kind: kinds.result, id: 3, status: statuses.full, value: packValue([1]), queueUs: 0, runUs: 0 },
  ],
  "result of a mailbox with room again": [
    { kind: kinds.result, id: 3, status: statuses.room, value: packValue(null), queueUs: 0, runUs: 0 },
  ],
  "a batch": [
    { kind: kinds.items, id: 9, firstSeq: 3, values: packValue(["a", "b"]) },
    { kind: kinds.items, id: 9, firstSeq: 5, values: packValue([long]) },
    { kind: kinds.credit, id: 4, items: 96 },
    { kind: kinds.cancel, id: 5, reason: "its deadline passed" },
    { kind: kinds.end, id: 9, count: 6, error: packValue(null) },
  ],
};
