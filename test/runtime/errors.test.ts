import { describe, expect, test } from "vitest";
import { ActorError, fromErrorRecord, isActorError, toErrorRecord } from "../../runtime/errors.ts";

const throughRecord = (thrown: unknown) => fromErrorRecord(JSON.parse(JSON.stringify(toErrorRecord(thrown))));

describe("errors as plain data", () => {
  test("an ActorError keeps code, message, fields and its chain of causes", () => {
    const root = Object.assign(new RangeError("too deep"), { code: "EDEPTH" });
    const error = new ActorError("method_threw", "a@n threw RangeError in dig: too deep", {
      actor: "a@n",
      method: "dig",
      cause: root,
      path: ["a@n"],
    });
    const back = throughRecord(error) as ActorError;
    expect(isActorError(back, "method_threw")).toBe(true);
    expect(back.message).toBe("method_threw: a@n threw RangeError in dig: too deep");
    expect([back.actor, back.node, back.method, back.path]).toEqual(["a@n", "n", "dig", ["a@n"]]);
    expect(back.cause).toMatchObject({ name: "RangeError", message: "too deep", code: "EDEPTH" });
    expect((back.cause as Error).stack).toContain("errors.test");
  });

  test("anything can be thrown", () => {
    expect(throughRecord("just words").message).toBe("just words");
    expect(throughRecord({ a: 1 }).message).toBe('{"a":1}');
    expect(throughRecord(undefined).message).toBe("undefined");
  });

  test("a cause that is its own cause ends after eight", () => {
    const error = new Error("round");
    error.cause = error;
    let depth = 0;
    for (let at: unknown = throughRecord(error); at instanceof Error; at = at.cause) depth += 1;
    expect(depth).toBe(9);
  });
});
