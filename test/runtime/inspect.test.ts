import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, test } from "vitest";
import { describeInstance, evaluate } from "../../runtime/inspect.ts";
import { Counter } from "../fixtures/counter.ts";

const reading = { canWrite: false, timeoutMs: 2000 };

describe("evaluating inside an actor", () => {
  test("reads fields, private ones too", async () => {
    expect(await evaluate(new Counter(7), "({ value: self.#value, as: self.startedAs })", reading)).toEqual({
      text: "{ value: 7, as: '' }",
      json: '{"value":7,"as":""}',
      isError: false,
    });
  });

  test("reads inside a call too, where every promise runs hooks", async () => {
    const store = new AsyncLocalStorage<string>();
    expect((await store.run("a call", () => evaluate(new Counter(7), "self.#value", reading))).json).toBe("7");
  });

  test("refuses an expression that would change something, and changes nothing", async () => {
    const counter = new Counter(7);
    for (const expression of ["self.add(1)", "self.startedAs = 'x'", "delete self.startedAs"]) {
      const { isError, text } = await evaluate(counter, expression, reading);
      expect([isError, text]).toEqual([
        true,
        "refused: this expression would change something. Only reading is allowed here; attach with --write to change.",
      ]);
    }
    expect([counter.get(), counter.startedAs]).toEqual([7, ""]);
  });

  test("changes what it is told to with write", async () => {
    const counter = new Counter(7);
    expect((await evaluate(counter, "await self.add(2)", { ...reading, canWrite: true })).json).toBe("9");
    expect(counter.get()).toBe(9);
  });

  test("an endless expression is stopped and the actor lives", async () => {
    const counter = new Counter();
    expect(await evaluate(counter, "while (true) {}", { ...reading, timeoutMs: 100 })).toMatchObject({
      isError: true,
      text: "stopped after 100 ms. The actor goes on; ask for less.",
    });
    expect(counter.add(1)).toBe(1);
  });

  test("what comes to its turn too late does not run: whoever asked has given up", async () => {
    const counter = { value: 1 };
    const late = { canWrite: true, timeoutMs: 1000, notAfterMs: Date.now() - 1 };
    expect(await evaluate(counter, "self.value = 2", late)).toEqual({
      text: "not run: its turn came after whoever asked had given up.",
      json: null,
      isError: true,
    });
    expect(counter.value).toBe(1);
  });

  test("what awaits for ever gives its turn up to the next", async () => {
    const writing = { canWrite: true, timeoutMs: 50 };
    const first = evaluate({}, "await new Promise(() => {})", writing);
    const second = evaluate({ value: 7 }, "self.value", reading);
    expect((await first).text).toBe(
      "still awaited after 50 ms. It goes on inside the actor, without self; nobody waits for its value.",
    );
    expect((await second).json).toBe("7");
  });

  test("what it throws is shown, not thrown", async () => {
    expect(await evaluate(new Counter(), "nope.nope", reading)).toMatchObject({ isError: true });
    expect((await evaluate(new Counter(), "1 +", reading)).text).toMatch("SyntaxError");
  });

  test("a very large value is cut", async () => {
    const expression = "Array.from({ length: 100 }, () => 'x'.repeat(1999))";
    const { text } = await evaluate(new Counter(), expression, { ...reading, canWrite: true });
    expect(text.length).toBeLessThan(20_100);
    expect(text).toMatch(/… \(\d+ characters\)$/);
  });

  test("describes what there is to complete", async () => {
    const shape = await describeInstance(new Counter());
    expect(shape.className).toBe("Counter");
    expect(shape.methods).toContain("add");
    expect(shape.methods).not.toContain("start");
    expect(shape.fields).toEqual(["#value", "lastAbort", "startedAs"]);
  });
});
