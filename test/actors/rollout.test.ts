import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkRollout, hashPrompt, NO_VERSION, type Rollout, RolloutDraft } from "../../actors/rollout.ts";

const ints = (...values: number[]) => Int32Array.from(values);
const sampled = (ids: number[], version = 3) => ({
  ids: ints(...ids),
  logprobs: Float32Array.from(ids, (id) => -id / 8),
  versionSpans: [[0, ids.length, version]] as [number, number, number][],
});

/** Two turns: 5 6 | 7 8 | 9 | 10 11, of which the policy sampled 7 8 and 10 11. */
function twoTurns(): Rollout {
  const draft = new RolloutDraft("r1", ints(5, 6));
  draft.appendSampled("first", sampled([7, 8], 3));
  draft.appendObserved(ints(9), { observation: [{ role: "tool", content: "wrong" }], feedback: "line 1" });
  draft.appendSampled("second", sampled([10, 11], 4));
  return draft.finish({ text: "second", finish: "stop", quality: 1 });
}

test("a rollout of several turns is one sequence in which only sampled tokens are masked in", () => {
  const rollout = twoTurns();
  expect([...rollout.ids]).toEqual([5, 6, 7, 8, 9, 10, 11]);
  expect([...rollout.mask]).toEqual([0, 0, 1, 1, 0, 1, 1]);
  expect([...rollout.logprobs]).toEqual([0, 0, -0.875, -1, 0, -1.25, -1.375]);
  expect([...rollout.versions]).toEqual([NO_VERSION, NO_VERSION, 3, 3, NO_VERSION, 4, 4]);
  expect(rollout.turns).toEqual([
    { response: "first", observation: [{ role: "tool", content: "wrong" }], feedback: "line 1", start: 2, end: 4 },
    { response: "second", start: 5, end: 7 },
  ]);
  checkRollout(rollout);
});

test("a response that spans a weight update carries the version of each token", () => {
  const draft = new RolloutDraft("r1", ints(1));
  draft.appendSampled("x", {
    ...sampled([2, 3, 4]),
    versionSpans: [
      [0, 1, 6],
      [1, 3, 7],
    ],
  });
  expect([...draft.finish({ text: "x", finish: "length", quality: 0 }).versions]).toEqual([NO_VERSION, 6, 7, 7]);
});

test("whatever is appended, nothing before it changes and the rollout passes its own check", () => {
  const token = fc.nat(1000);
  const part = fc.record({ isSampled: fc.boolean(), ids: fc.array(token, { minLength: 1, maxLength: 5 }) });
  fc.assert(
    fc.property(fc.array(token, { minLength: 1, maxLength: 5 }), fc.array(part, { maxLength: 8 }), (prompt, parts) => {
      const draft = new RolloutDraft("r", ints(...prompt));
      const expected = [...prompt];
      for (const { isSampled, ids } of [...parts, { isSampled: true, ids: [1] }]) {
        if (isSampled) draft.appendSampled("said", sampled(ids));
        else draft.appendObserved(ints(...ids));
        expected.push(...ids);
        expect([...draft.ids]).toEqual(expected);
      }
      const rollout = draft.finish({ text: "said", finish: "stop", quality: 0.5 });
      checkRollout(rollout);
      const sampledCount = rollout.turns.reduce((sum, { start, end }) => sum + end - start, 0);
      expect(rollout.mask.reduce((sum, bit) => sum + bit, 0)).toBe(sampledCount);
    }),
  );
});

test("a failed rollout keeps what was sampled, and says what failed", () => {
  const draft = new RolloutDraft("r1", ints(1));
  draft.appendSampled("x", sampled([2]));
  const failure = { cause: "env", message: "the sandbox died" };
  expect(draft.fail(failure)).toMatchObject({ failure, finish: null, quality: null, ids: ints(1, 2) });
});

test("a prompt's hash is the head of SHA-256 over little-endian int32", () => {
  const bytes = Buffer.from([1, 0, 0, 0, 0x39, 0x30, 0, 0]);
  expect(hashPrompt(ints(1, 12345))).toBe(createHash("sha256").update(bytes).digest("hex").slice(0, 32));
  expect(hashPrompt(ints(1, 12345))).toBe("50265f155108c8a7860cfedba33b1f92");
});

test("an engine that leaves tokens without logprob or version is refused", () => {
  const append = (change: object) => () =>
    new RolloutDraft("r1", ints(1)).appendSampled("x", { ...sampled([2, 3]), ...change });
  expect(append({ logprobs: new Float32Array(1) })).toThrow(
    "2 sampled ids came with 1 logprobs and versions for [[0,2,3]] — rollout r1 — have the engine report one logprob a " +
      "token and version spans that cover them all in order.",
  );
  expect(append({ versionSpans: [[0, 1, 3]] })).toThrow("versions for [[0,1,3]]");
  expect(append({ versionSpans: [[1, 2, 3]] })).toThrow("versions for [[1,2,3]]");
  expect(append({ versionSpans: [[0, 3, 3]] })).toThrow("versions for [[0,3,3]]");
  expect(
    append({
      versionSpans: [
        [0, 1, 3],
        [0, 2, 4],
      ],
    }),
  ).toThrow("versions for [[0,1,3],[0,2,4]]");
  expect(() => new RolloutDraft("r1", ints())).toThrow(
    "its prompt has no token — rollout r1 — give the engine at least one token.",
  );
});

test.each<[Partial<Rollout>, string]>([
  [{ mask: new Uint8Array(6) }, "7 ids come with 6 mask, 7 logprobs, 7 versions"],
  [{ promptIds: ints(5, 7) }, "its ids do not begin with its prompt"],
  [{ promptHash: "0" }, "its prompt hash 0 is not its prompt's"],
  [{ turns: [] }, "it has no turn"],
  [{ quality: 1.5 }, "its quality 1.5 lies outside 0 .. 1"],
  [{ mask: Uint8Array.of(0, 0, 1, 1, 1, 1, 1) }, "token 4 has mask 1 but was not sampled in a turn"],
  [{ mask: Uint8Array.of(0, 0, 1, 1, 0, 1, 0) }, "token 6 has mask 0 but was sampled in a turn"],
  [
    { mask: Uint8Array.of(0, 1, 1, 1, 0, 1, 1), turns: [{ response: "", start: 1, end: 4 }, twoTurns().turns[1]!] },
    "token 1 has mask 1 but was not sampled in a turn",
  ],
  [{ logprobs: new Float32Array(7).fill(Number.NaN) }, "token 2 was sampled with logprob NaN"],
  [{ logprobs: new Float32Array(7).fill(0.5) }, "token 2 was sampled with logprob 0.5"],
  [{ versions: ints(-1, -1, 3, -1, -1, 4, 4) }, "token 3 was sampled by version -1"],
])("a malformed rollout is refused by name: %#", (change, what) => {
  expect(() => checkRollout({ ...twoTurns(), ...change })).toThrow(`${what} — rollout r1 — `);
});

test("values at positions the policy did not sample are never looked at", () => {
  const rollout = twoTurns();
  const logprobs = rollout.logprobs.map((value, index) => (rollout.mask[index] === 1 ? value : Number.NaN));
  checkRollout({ ...rollout, logprobs });
});
