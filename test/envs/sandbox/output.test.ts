// Whatever a program says, and in whatever pieces, its first and last bytes are kept and all of them are counted.
import fc from "fast-check";
import { expect, test } from "vitest";
import { OutputKeeper } from "../../../envs/sandbox/output.ts";

const unlimited = { outputBytes: Number.MAX_SAFE_INTEGER, outputLines: Number.MAX_SAFE_INTEGER };

test("head and tail are the ends of the whole, however it was cut into pieces", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 60 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 50 }), (parts, kept) => {
      const keeper = new OutputKeeper(unlimited, kept);
      for (const part of parts) keeper.push(Buffer.from(part));
      const whole = Buffer.concat(parts);
      const { head, tail, omittedBytes, totalBytes, lineCount, isTruncated } = keeper.kept();
      expect(head).toEqual(whole.subarray(0, kept));
      expect(tail).toEqual(whole.subarray(Math.max(kept, whole.length - kept)));
      expect(totalBytes).toBe(whole.length);
      expect(omittedBytes).toBe(whole.length - head.length - tail.length);
      expect(isTruncated).toBe(whole.length > 2 * kept);
      expect(lineCount).toBe(whole.filter((byte) => byte === 10).length);
    }),
  );
});

test("a limit is passed by the first byte or line beyond it, and what comes later is only counted", () => {
  const bytes = new OutputKeeper({ outputBytes: 4, outputLines: 100 });
  bytes.push(Buffer.from("abcd"));
  expect(bytes.isOver).toBe(false);
  bytes.push(Buffer.from("e"));
  expect(bytes.isOver).toBe(true);
  bytes.push(Buffer.from("fgh"));
  const { head, totalBytes, isTruncated } = bytes.kept();
  expect([head.toString(), totalBytes, isTruncated]).toEqual(["abcde", 8, true]);
  const lines = new OutputKeeper({ outputBytes: 100, outputLines: 2 });
  lines.push(Buffer.from("\n\n"));
  expect(lines.isOver).toBe(false);
  lines.push(Buffer.from("\n"));
  expect(lines.isOver).toBe(true);
});

test("a flood of single bytes keeps no more than both ends", () => {
  const keeper = new OutputKeeper(unlimited, 10);
  for (let count = 0; count < 100_000; count += 1) keeper.push(Buffer.from([count % 256]));
  const { head, tail, omittedBytes } = keeper.kept();
  expect([head.length, tail.length, omittedBytes]).toEqual([10, 10, 99_980]);
  expect(tail.at(-1)).toBe(99_999 % 256);
});
