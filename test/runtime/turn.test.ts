import { describe, expect, test } from "vitest";
import { ManualClock } from "../../runtime/clock.ts";
import { Turn } from "../../runtime/turn.ts";

function turnOf(deadlineAtMs: number | null) {
  const clock = new ManualClock();
  const fields = { actor: "a@n", incarnation: 1, from: "b@n", method: "m", caller: undefined as never };
  return { clock, turn: new Turn({ ...fields, deadlineAtMs, chain: ["b@n ask"], clock }) };
}

describe("a turn", () => {
  test("whose deadline passes is called off, also where its caller's word is lost", () => {
    const { clock, turn } = turnOf(1000);
    const { signal } = turn;
    clock.advance(1000); // the caller has 100 ms to say so itself
    expect(signal.aborted).toBe(false);
    clock.advance(100);
    expect((signal.reason as Error).message).toBe("cancelled: m was called off: its deadline passed.");
  });

  test("that is over is not called off any more", () => {
    const { clock, turn } = turnOf(1000);
    const { signal } = turn;
    turn.end();
    clock.advance(10_000);
    expect([signal.aborted, turn.isOver, turn.isCancelled]).toEqual([false, true, false]);
  });

  test("called off before anybody asked for its signal gives one that is aborted", () => {
    const { turn } = turnOf(null);
    turn.cancel("nobody wants it");
    turn.cancel("twice is fine");
    expect((turn.signal.reason as Error).message).toBe("cancelled: m was called off: nobody wants it.");
  });

  test("adds itself to the chain of what it calls", () => {
    expect(turnOf(null).turn.ownChain).toEqual(["b@n ask", "a@n m"]);
  });
});
