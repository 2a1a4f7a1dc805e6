import fc from "fast-check";
import { expect, test } from "vitest";
import { columnsOf, fill, paint, say, widthOf, wrap } from "../../../tools/live/line.ts";

test("no text can steer the terminal: control characters are shown, not sent", () => {
  const line = [say("a\x1b[2Jb\u009bc\rd\ne")];
  expect(paint(line, 80, false)).toBe("a�[2Jb�c d e");
});

test("a painted line never takes more columns than it may, whatever it says", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" })), fc.integer({ min: 0, max: 60 }), (texts, width) => {
      expect(
        columnsOf(
          paint(
            texts.map((text) => say(text)),
            width,
            false,
          ),
        ),
      ).toBeLessThanOrEqual(width);
    }),
  );
});

test("a line that was cut says so, and a colour is never cut in the middle", () => {
  expect(paint([say("abc", "good"), say("defgh", "bad")], 5, true)).toBe(
    "\x1b[32mabc\x1b[0m\x1b[31md\x1b[0m\x1b[2m…\x1b[0m",
  );
});

test("wide characters take two columns, marks none", () => {
  expect([columnsOf("你好"), columnsOf("e\u0301"), columnsOf("🙂")]).toEqual([4, 1, 2]);
  expect(paint([say("你好你好")], 6, false)).toBe("你好…");
});

test("parts that do not fit are left out from the end", () => {
  const parts = ["one", "two", "three"].map((text) => [say(text)]);
  expect(paint(fill([say("> ")], parts, 9, " "), 9, false)).toBe("> one two");
  expect(widthOf(fill([say("> ")], parts, 8, " "))).toBe(5);
});

test("long text is broken between words", () => {
  expect(wrap("one two three four", 9)).toEqual(["one two", "three", "four"]);
});
