import { describe, expect, test } from "vitest";
import { Registry } from "../../runtime/registry.ts";

const info = (name: string, incarnation = "1") => ({ name, incarnation, endpoints: null, publicKey: null, labels: {} });

describe("the registry", () => {
  test("a name has one owner, and the second claim says who", () => {
    const registry = new Registry();
    registry.claim("buffer", "a");
    expect(() => registry.claim("buffer", "b")).toThrow(
      "name_taken: the name buffer is taken by buffer@a. Choose another, or look that one up.",
    );
    expect(registry.resolve("buffer")).toBe("a");
  });

  test("only the owner can let a name go", () => {
    const registry = new Registry();
    registry.claim("buffer", "a");
    registry.release("buffer", "b");
    expect(registry.resolve("buffer")).toBe("a");
    registry.release("buffer", "a");
    expect(registry.resolve("buffer")).toBeUndefined();
  });

  test("the names of a node go with it, also when it comes back in a new life", () => {
    const registry = new Registry();
    registry.join(info("a"));
    registry.claim("buffer", "a");
    registry.join(info("a", "2"));
    expect(registry.resolve("buffer")).toBeUndefined();
    registry.claim("buffer", "a");
    expect(registry.leave("a")).toEqual(["buffer"]);
    expect(registry.nodes()).toEqual([]);
  });
});
