import { describe, expect, test } from "vitest";
import { AllowList, answerZap, encodeZ85, isLoopback } from "../../runtime/security.ts";

/** The test vector of ZeroMQ's RFC 32. */
const hello = Uint8Array.from([0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b]);

describe("security", () => {
  test("binary keys become the text that RFC 32 gives", () => {
    expect(encodeZ85(hello)).toBe("HelloWorld");
  });

  test("only keys on the list of the domain are let in", () => {
    const key = new Uint8Array(32).fill(7);
    const allowed = new AllowList();
    const ask = (domain: string, mechanism = "CURVE", offered = key) => {
      const parts = ["1.0", "42", domain, "127.0.0.1", "", mechanism].map((part) => new Uint8Array(Buffer.from(part)));
      return answerZap([...parts, offered], (name) => (name === "ours" ? allowed : undefined))[2];
    };
    expect(ask("ours")).toBe("400");
    allowed.add(encodeZ85(key));
    expect(ask("ours")).toBe("200");
    expect(ask("theirs")).toBe("400");
    expect(ask("ours", "NULL")).toBe("400");
    expect(ask("ours", "CURVE", new Uint8Array(32))).toBe("400");
    allowed.remove(encodeZ85(key));
    expect(ask("ours")).toBe("400");
  });

  test("loopback is told from the world", () => {
    expect(["localhost", "127.0.0.1", "127.9.9.9", "::1"].every(isLoopback)).toBe(true);
    expect(["0.0.0.0", "10.0.0.1", "*"].some(isLoopback)).toBe(false);
  });
});
