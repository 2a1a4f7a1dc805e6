import { describe, expect, test } from "vitest";
import { Grants, Window } from "../../runtime/credit.ts";

describe("stream credit", () => {
  test("a producer without credit waits until it is granted more, and an old grant changes nothing", async () => {
    const grants = new Grants(1);
    grants.spend();
    let isReady = false;
    const ready = grants.ready().then(() => {
      isReady = true;
    });
    grants.grant(1);
    await Promise.resolve();
    expect(isReady).toBe(false);
    grants.grant(2);
    await ready;
    expect(grants.available).toBe(1);
  });

  test("a consumer tops its window up once half of it is used", () => {
    const window = new Window(4);
    expect([window.consume(), window.consume(), window.consume(), window.consume()]).toEqual([
      undefined,
      6,
      undefined,
      8,
    ]);
  });

  test("a cancelled producer is let go", async () => {
    const grants = new Grants(0);
    const ready = grants.ready();
    grants.release();
    await ready;
    expect(grants.available).toBe(0);
  });
});
