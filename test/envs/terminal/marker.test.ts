// A marker is found however the stream is cut, and nothing but the marker is taken out.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createMarker, MarkerScanner } from "../../../envs/terminal/marker.ts";

test("two markers are never the same, and have no letter that a line could change", () => {
  const [one, other] = [createMarker(), createMarker()];
  expect(one.equals(other)).toBe(false);
  expect(JSON.stringify(one.toString("latin1"))).toMatch(/^"\\u001b\]7777;[0-9A-F]{32}\\u0007"$/);
});

test("it is found however the stream is cut, beginnings of it in the stream included", () => {
  const marker = createMarker();
  const decoys = fc.nat(marker.length - 1).map((length) => marker.subarray(0, length));
  const pieces = fc.array(fc.oneof(fc.uint8Array({ maxLength: 20 }), decoys), { maxLength: 10 });
  fc.assert(
    fc.property(pieces, pieces, fc.array(fc.nat(300)), (before, after, cuts) => {
      const [front, back] = [Buffer.concat(before), Buffer.concat(after)];
      const stream = Buffer.concat([front, marker, back]);
      const ends = [...new Set([...cuts.filter((cut) => cut < stream.length), stream.length])].sort((a, b) => a - b);
      const scanner = new MarkerScanner(marker);
      const delivered: Buffer[] = [];
      for (const [index, end] of ends.entries()) {
        const found = scanner.push(stream.subarray(ends[index - 1] ?? 0, end));
        delivered.push(found.before);
        if (found.after) {
          expect(Buffer.concat([found.after, stream.subarray(end)]).equals(back)).toBe(true);
          break;
        }
      }
      expect(Buffer.concat(delivered).equals(front)).toBe(true);
    }),
  );
});

test("without the whole marker, what was held back is given, but for the part of it that was written", () => {
  const marker = createMarker();
  const scanner = new MarkerScanner(marker);
  expect(scanner.push(Buffer.concat([Buffer.from("end"), marker.subarray(0, 9)])).before.toString()).toBe("end");
  expect(scanner.rest(9).length).toBe(0);
  const other = new MarkerScanner(marker);
  other.push(marker.subarray(0, 9));
  expect(other.rest(0).equals(marker.subarray(0, 9))).toBe(true);
});
