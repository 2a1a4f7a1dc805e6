// Both ends of what a program printed, however it came.
import fc from "fast-check";
import { expect, test } from "vitest";
import { OutputEnds, outputText, transcriptOf } from "../../../envs/code/output.ts";

const keep = (chunks: readonly string[]) => {
  const keeper = new OutputEnds({ headBytes: 4, tailBytes: 6 });
  for (const chunk of chunks) keeper.push(Buffer.from(chunk));
  return keeper.kept;
};

test("what fits is kept whole", () => {
  expect(outputText(keep(["0123", "456789"]))).toBe("0123456789");
});

test("of what does not fit the two ends are kept, and how much is missing is said", () => {
  expect(outputText(keep(["0123456789abcdef"]))).toBe("0123\n[6 bytes left out]\nabcdef");
});

test("the same bytes are kept, however they were cut into chunks", () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z]{0,9}$/)), (chunks) => {
      const all = chunks.join("");
      const { head, tail, byteCount } = keep(chunks);
      expect([head.toString(), tail.toString(), byteCount]).toEqual([
        all.slice(0, 4),
        all.slice(4).slice(-6),
        all.length,
      ]);
    }),
  );
});

test("a transcript counts from the first word on, and is kept only where it is asked for", () => {
  let nowMs = 5_000; // it has waited for its place
  const kept = transcriptOf(1_000, () => nowMs)!;
  kept.hear(Buffer.from("first"));
  nowMs += 250;
  kept.hear(Buffer.from("second"));
  expect(kept.transcript.events).toEqual([
    { kind: "output", atMs: 0, bytes: Buffer.from("first") },
    { kind: "output", atMs: 250, bytes: Buffer.from("second") },
  ]);
  expect([transcriptOf(0), transcriptOf()]).toEqual([null, null]);
});
