import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ManualClock } from "../../runtime/clock.ts";
import { firstControlId } from "../../runtime/envelope.ts";
import { Pending } from "../../runtime/pending.ts";

function makePending() {
  const clock = new ManualClock();
  const late: string[] = [];
  const pending = new Pending<string>({ clock, onDeadline: (entry) => late.push(entry) });
  return { clock, late, pending };
}

describe("pending calls", () => {
  test("an entry is taken once", () => {
    const { pending } = makePending();
    const id = pending.add("a");
    expect(pending.take(id)).toBe("a");
    expect(pending.take(id)).toBeUndefined();
  });

  test("an entry whose deadline passes is taken out and reported once, at most one tick late", () => {
    const { clock, late, pending } = makePending();
    const id = pending.add("a", { deadlineMs: 100 });
    pending.add("b", { deadlineMs: null });
    clock.advance(99);
    expect(late).toEqual([]);
    clock.advance(41);
    expect(late).toEqual(["a"]);
    expect(pending.take(id)).toBeUndefined();
    expect(pending.size).toBe(1);
  });

  test("calls to a node itself have ids of their own range", () => {
    const { pending } = makePending();
    expect(pending.add("a")).toBeLessThan(firstControlId);
    expect(pending.add("b", { control: true })).toBeGreaterThanOrEqual(firstControlId);
  });

  test("takeAll takes what matches, in the order of its coming", () => {
    const { pending } = makePending();
    for (const entry of ["a1", "b", "a2"]) pending.add(entry);
    expect(pending.takeAll((entry) => entry.startsWith("a")).map(([, entry]) => entry)).toEqual(["a1", "a2"]);
    expect(pending.size).toBe(1);
  });

  test("whatever happens in whatever order, every entry ends exactly once", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("add" as const), deadlineMs: fc.option(fc.integer({ min: 0, max: 300 })) }),
      fc.record({ kind: fc.constant("take" as const), at: fc.nat(30) }),
      fc.record({ kind: fc.constant("wait" as const), byMs: fc.nat(200) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { clock, late, pending } = makePending();
        const ids: number[] = [];
        const ended: string[] = [];
        for (const at of steps) {
          if (at.kind === "add") ids.push(pending.add(`e${ids.length}`, { deadlineMs: at.deadlineMs }));
          else if (at.kind === "take") {
            const taken = ids[at.at] === undefined ? undefined : pending.take(ids[at.at]!);
            if (taken !== undefined) ended.push(taken);
          } else clock.advance(at.byMs);
        }
        clock.advance(1000);
        ended.push(...late, ...pending.takeAll().map(([, entry]) => entry));
        expect(ended.sort()).toEqual(ids.map((_, at) => `e${at}`).sort());
      }),
    );
  });
});
