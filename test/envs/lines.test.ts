// Lines come out whole, wherever the chunks were cut.
import fc from "fast-check";
import { expect, test } from "vitest";
import { LineSplitter } from "../../envs/lines.ts";

test("any text cut anywhere gives the lines that splitting it whole gives", () => {
  const lines = fc.array(fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", "")));
  fc.assert(
    fc.property(lines, fc.array(fc.nat({ max: 40 })), (texts, cuts) => {
      const bytes = Buffer.from(texts.join("\n"));
      const splitter = new LineSplitter(1_000_000);
      const found: string[] = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        found.push(...splitter.push(bytes.subarray(at, at + cut)));
        at = Math.min(at + cut, bytes.length);
      }
      const rest = splitter.end();
      if (rest !== undefined) found.push(rest);
      const expected = bytes.toString().split("\n");
      if (expected.at(-1) === "") expected.pop();
      expect(found).toEqual(expected);
      expect(splitter.end()).toBeUndefined();
    }),
  );
});

test("a line of the greatest length passes, one byte more does not, even before its end has come", () => {
  expect(new LineSplitter(5).push(Buffer.from("12345\n1"))).toEqual(["12345"]);
  const splitter = new LineSplitter(5);
  splitter.push(Buffer.from("123"));
  expect(() => splitter.push(Buffer.from("456"))).toThrow("a line is longer than 5 bytes");
});
