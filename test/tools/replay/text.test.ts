import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clip, fill, harmless, oneLine, widthOf, wrap } from "../../../tools/replay/text.ts";

const anyText = fc.string({ unit: "binary", maxLength: 60 });

describe("what a model wrote", () => {
  test("keeps nothing that a terminal obeys, and all that it shows", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(harmless(text)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        expect(oneLine(text)).not.toContain("\n");
      }),
    );
    expect(harmless("naïve 世界 \\boxed{1}\n\tend\r\n")).toBe("naïve 世界 \\boxed{1}\n    end\n");
    expect(harmless("\u001b[31m\u0007\u007f\u009b\u202e")).toBe("␛[31m␇␡<U+009B><U+202E>");
  });

  test("is as wide as the cells that a terminal gives it", () => {
    expect(["plain", "世界", "é", "e\u0301", "🙂", "👩‍👩‍👧", "␛", ""].map(widthOf)).toEqual([5, 4, 1, 1, 2, 2, 1, 0]);
  });

  test("fills a width exactly, cut with a mark or padded", () => {
    expect(fill("abc", 5)).toBe("abc  ");
    expect(fill("abcdef", 5)).toBe("abcd…");
    expect(fill("世界世界", 4)).toBe("世… ");
    expect(clip("abc", 5)).toBe("abc");
    fc.assert(
      fc.property(anyText, fc.integer({ min: 3, max: 20 }), (text, width) => {
        expect(widthOf(fill(oneLine(text), width))).toBe(width);
      }),
    );
  });

  test("wraps at spaces, loses no word, and no line is wider than asked", () => {
    expect(wrap("one two three\nfour", 8)).toEqual(["one two", "three", "four"]);
    expect(wrap("abcdefghij", 4)).toEqual(["abcd", "efgh", "ij"]);
    expect(wrap("  indented line", 10)).toEqual(["  indented", "line"]);
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 20 }), (text, width) => {
        const safe = harmless(text);
        const lines = wrap(safe, width);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
        expect(lines.join("").replace(/\s/g, "")).toBe(safe.replace(/\s/g, ""));
      }),
    );
  });
});
