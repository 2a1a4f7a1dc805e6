import { describe, expect, test } from "vitest";
import { CalledOff, type CalledOffCall } from "../../runtime/called-off.ts";
import type { Channel } from "../../runtime/channel.ts";
import { ManualClock } from "../../runtime/clock.ts";

const host = (label: string): Channel => ({ label, send() {}, close() {} });

function make(graceMs: number | null) {
  const clock = new ManualClock();
  const ignored: CalledOffCall[] = [];
  const calls = new CalledOff({ clock, graceMs: () => graceMs, onIgnored: (call) => ignored.push(call) });
  return { clock, ignored, calls };
}
const call = { target: "a@n", method: "m", reason: "its deadline passed" };

describe("a call that was called off", () => {
  test("is told of once when it goes on for longer than its grace period", () => {
    const { clock, ignored, calls } = make(100);
    const to = host("thread 1");
    calls.add(7, { ...call, to });
    clock.advance(99);
    expect(ignored).toEqual([]);
    clock.advance(1000);
    expect(ignored).toEqual([{ ...call, to, graceMs: 100 }]);
  });

  test("and ends in time is forgotten, and so are those of a host that is gone", () => {
    const { clock, ignored, calls } = make(100);
    const [first, second] = [host("thread 1"), host("thread 2")];
    calls.add(1, { ...call, to: first });
    calls.add(2, { ...call, to: first });
    calls.add(3, { ...call, to: second });
    calls.ended(1);
    calls.ended(1); // twice is fine
    calls.hostEnded(first);
    clock.advance(1000);
    expect(ignored.map(({ to }) => to)).toEqual([second]);
  });

  test("may go on for ever where its actor says so", () => {
    const { clock, ignored, calls } = make(null);
    calls.add(1, { ...call, to: host("thread 1") });
    clock.advance(1e9);
    expect(ignored).toEqual([]);
  });
});
