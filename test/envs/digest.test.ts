// Content hashes depend on content alone.
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson, contentHash } from "../../envs/index.ts";

test("the order of keys does not change a hash, the order of a list does", () => {
  expect(contentHash({ a: 1, b: { c: 2, d: 3 } })).toBe(contentHash({ b: { d: 3, c: 2 }, a: 1 }));
  expect(contentHash([1, 2])).not.toBe(contentHash([2, 1]));
});

test("a hash is known for ever", () => {
  expect(contentHash({ b: [1, "x", null, true], a: 0.5 })).toBe(
    "b0054bf296ebfecc300a70c1d30480d68fc20577d0bbce5af04eed435b72a272",
  );
});

test("an absent property and an undefined one are the same", () => {
  expect(contentHash({ a: 1, b: undefined })).toBe(contentHash({ a: 1 }));
});

test("lone surrogates are told apart", () => {
  expect(contentHash("\ud800")).not.toBe(contentHash("\ud801"));
});

test("canonical JSON reads back as the same value, and again as the same text", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
      const text = canonicalJson(value);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
  );
});

test.each([
  [Number.NaN, "NaN"],
  [new Date(0), "1970"],
  [() => 1, "=>"],
  [[undefined], "undefined"],
  [new Map(), "[object Map]"],
])("what JSON cannot hold is refused: %s", (value, shown) => {
  expect(() => contentHash(value)).toThrow(TypeError);
  expect(() => contentHash(value)).toThrow(shown);
});
