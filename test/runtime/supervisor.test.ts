import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ManualClock } from "../../runtime/clock.ts";
import {
  Child,
  type Down,
  defaultRestartPolicy,
  RestartIntensity,
  type RestartPolicy,
} from "../../runtime/supervisor.ts";

const permanent: RestartPolicy = {
  ...defaultRestartPolicy,
  restart: "permanent",
  firstBackoffMs: 100,
  lastBackoffMs: 400,
};

/** Lets promises that are already settled run their callbacks. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

function makeChild(policy: RestartPolicy, bringUp = async (incarnation: number) => `home ${incarnation}`) {
  const clock = new ManualClock();
  const downs: [Down["isRestarting"], string][] = [];
  const child = new Child<string>({
    address: "a@n",
    policy,
    clock,
    random: () => 1,
    bringUp,
    onUp: () => {},
    onDown: (down, error) => downs.push([down.isRestarting, error.message]),
  });
  return { clock, downs, child };
}

describe("restart intensity", () => {
  test.each([
    ["permanent", "crash", "restart"],
    ["permanent", "normal", "restart"],
    ["transient", "crash", "restart"],
    ["transient", "normal", "end"],
    ["temporary", "crash", "end"],
  ] as const)("%s after a %s end: %s", (restart, end, kind) => {
    const intensity = new RestartIntensity({ ...permanent, restart }, new ManualClock());
    expect(intensity.decide(end).kind).toBe(kind);
  });

  test("gives up on the restart that would be one too many within the window, never earlier or later", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4000 }), { maxLength: 40 }), (gapsMs) => {
        const clock = new ManualClock();
        const intensity = new RestartIntensity(permanent, clock);
        let kept: number[] = [];
        for (const gapMs of gapsMs) {
          clock.advance(gapMs);
          const nowMs = clock.nowMs();
          kept = kept.filter((atMs) => nowMs - atMs < permanent.withinMs);
          const { kind } = intensity.decide("crash");
          expect(kind).toBe(kept.length >= permanent.maxRestarts ? "give_up" : "restart");
          if (kind === "give_up") return;
          kept.push(nowMs);
        }
      }),
    );
  });

  test("waits twice as long each time, up to the longest", () => {
    const intensity = new RestartIntensity({ ...permanent, maxRestarts: 5 }, new ManualClock(), () => 1);
    const waits = Array.from({ length: 4 }, () => intensity.decide("crash"));
    expect(waits).toEqual([100, 200, 400, 400].map((afterMs) => ({ kind: "restart", afterMs })));
  });
});

describe("a supervised child", () => {
  test("lives again after a crash, with its incarnation counted", async () => {
    const { child, clock, downs } = makeChild(permanent);
    await child.begin();
    child.crashed("killed");
    expect([child.state, child.home]).toEqual(["restarting", undefined]);
    clock.advance(100);
    await settled();
    expect([child.state, child.home, child.incarnation, child.restarts]).toEqual(["up", "home 2", 2, 1]);
    expect(downs).toEqual([[true, "actor_down: a@n died: killed. It is being started again."]]);
  });

  test("the fourth crash within the window gives up and says so", async () => {
    const { child, clock, downs } = makeChild(permanent);
    await child.begin();
    for (let crash = 0; crash < 4; crash += 1) {
      child.crashed("killed");
      clock.advance(400);
      await settled();
    }
    expect(child.state).toBe("ended");
    expect(downs.at(-1)).toEqual([
      false,
      "restart_intensity: a@n was given up after more than 3 restarts in 5 s; it died last because: killed.",
    ]);
  });

  test("a restart that fails counts as a crash", async () => {
    const { child, clock, downs } = makeChild(permanent, async (incarnation) => {
      if (incarnation > 1) throw new Error("no room");
      return "home";
    });
    await child.begin();
    child.crashed("killed");
    for (let at = 0; at < 8; at += 1) {
      clock.advance(400);
      await settled();
    }
    expect(child.state).toBe("ended");
    expect(downs.at(-1)![1]).toMatch("it died last because: no room");
  });

  test("a first start that fails is the spawner's to handle and is not tried again", async () => {
    const { child, downs } = makeChild(permanent, async () => {
      throw new Error("no room");
    });
    await expect(child.begin()).rejects.toThrow("no room");
    expect([child.state, downs]).toEqual(["ended", []]);
  });

  test("stopping it while it waits for a restart lets it rest", async () => {
    const { child, clock } = makeChild(permanent);
    await child.begin();
    child.crashed("killed");
    child.beginStop();
    child.ended("asked");
    clock.advance(10_000);
    await settled();
    expect([child.state, child.incarnation]).toEqual(["ended", 1]);
  });

  test("a temporary one stays dead, and whoever asks is told so", async () => {
    const { child, downs } = makeChild(defaultRestartPolicy);
    await child.begin();
    child.crashed("killed");
    expect(downs).toEqual([
      [false, "actor_down: a@n died: killed. Nobody starts it again: its restart policy is temporary."],
    ]);
  });
});
