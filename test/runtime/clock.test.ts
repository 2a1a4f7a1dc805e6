import { describe, expect, test } from "vitest";
import { ManualClock, pause } from "../../runtime/clock.ts";

describe("a clock moved by hand", () => {
  test("fires timers in order of time, also those that timers make", () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    clock.after(20, () => fired.push("b"));
    clock.after(10, () => {
      fired.push("a");
      clock.after(5, () => fired.push("a+5"));
    });
    const cancel = clock.after(12, () => fired.push("never"));
    cancel();
    clock.advance(30);
    expect(fired).toEqual(["a", "a+5", "b"]);
    expect(clock.nowMs()).toBe(30);
  });

  test("a pause ends with its time or with its signal", async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const first = pause(100, { clock });
    const second = pause(1_000_000, { clock, signal: controller.signal });
    clock.advance(100);
    controller.abort();
    await Promise.all([first, second]);
    expect(clock.nowMs()).toBe(100);
  });
});
