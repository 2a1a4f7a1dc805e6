import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type End, ends, Ledger } from "../../actors/ledger.ts";

describe("the ledger", () => {
  test("counts every admitted episode as open until it ends, and then once", () => {
    const ledger = new Ledger();
    ledger.admit("g0", 8);
    ledger.end("g0", "failed", 1, "verifier_timeout");
    ledger.endRest("g0", "trained");
    expect(ledger.counts).toEqual({ admitted: 8, trained: 7, filtered: 0, stale: 0, failed: 1, cancelled: 0 });
    expect(ledger.openCount).toBe(0);
    expect(ledger.save().causes).toEqual({ verifier_timeout: 1 });
  });

  test("refuses to end an episode twice, or one that was never admitted", () => {
    const ledger = new Ledger();
    ledger.admit("g0", 2);
    expect(() => ledger.admit("g0", 2)).toThrow("group g0 is admitted twice — in the ledger");
    ledger.end("g0", "trained", 1);
    expect(() => ledger.end("g0", "trained", 2)).toThrow("cannot end 2 more episodes as trained: 1 of 2 ended");
    ledger.end("g0", "trained", 1);
    expect(() => ledger.end("g0", "trained", 1)).toThrow("it is not open");
  });

  test("what was open when it was saved is cancelled when it is restored", () => {
    const ledger = new Ledger();
    ledger.admit("g0", 8);
    ledger.endRest("g0", "trained");
    ledger.admit("g1", 8);
    const restored = new Ledger(JSON.parse(JSON.stringify(ledger.save())));
    expect(restored.counts).toMatchObject({ admitted: 16, trained: 8, cancelled: 8 });
    expect(restored.openCount).toBe(0);
  });

  test("whatever happens, admitted is the sum of all ends and of what is open, and open is never negative", () => {
    const step = fc.record({ group: fc.nat(5), end: fc.constantFrom(...ends), count: fc.nat(4), kind: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ledger = new Ledger();
        for (const { group, end, count, kind } of steps) {
          try {
            if (kind === 0) ledger.admit(`g${group}`, 4);
            else if (kind === 1) ledger.end(`g${group}`, end as End, count);
            else if (kind === 2) ledger.endRest(`g${group}`, end as End);
            else ledger.endAll(end as End);
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError);
          }
          const { admitted, ...ended } = ledger.counts;
          const sum = Object.values(ended).reduce((total, one) => total + one, 0);
          expect(sum + ledger.openCount).toBe(admitted);
          expect(ledger.openCount).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
