// Sandboxes that are ready but for their program, at the strongest tier of this machine: as cold ones, only sooner.
import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openSandbox, type Sandbox, type SandboxJob } from "../../../envs/index.ts";
import { isGone, python } from "../python.ts";
import { hostilePrograms } from "./hostile/index.ts";
import { expectationOf, hostileLimits, textOf } from "./hostile/program.ts";
import { hasBubblewrap, makeOutside, takeStock, whatIsNew } from "./outside.ts";

/** In the environment of launchers, and never of programs. */
const mark = randomUUID();
/** Part of Python, and of no program that does not ask for it: what is loaded says who was warm. */
const packages = ["wave"];
const isWarm = 'import sys\nprint("warm" if "wave" in sys.modules else "cold", flush=True)\n';
const generousMs = 120_000;

describe.skipIf(!hasBubblewrap)("a warm sandbox (skipped without bubblewrap)", () => {
  let before: ReturnType<typeof takeStock>;
  let warm: Sandbox;
  let cold: Sandbox;

  beforeAll(async () => {
    before = takeStock([mark]);
    const common = { ...python, maxRunning: 2, launcherEnv: { MARK: mark } };
    cold = await openSandbox(common);
    warm = await openSandbox({ ...common, warm: { count: 1, packages } });
  });

  afterAll(async () => {
    await Promise.all([warm.close(), cold.close()]);
    await vi.waitFor(() => expect(whatIsNew(before, takeStock([mark]))).toEqual([]), generousMs);
  });

  /** Runs it where one of its kind is ready; the first is cold, and makes the next one ready. */
  async function runsWarm(job: SandboxJob) {
    await warm.run({ ...job, program: "" });
    await warm.warmed();
    return await warm.run(job);
  }

  const said = ({ output }: { output: { head: Buffer } }) => output.head.toString();

  test("the first job of a kind is cold, the next one warm, and no two share an interpreter", async () => {
    const program = `${isWarm}print(hasattr(sys, "left"))\nsys.left = True`;
    expect(said(await warm.run({ program }))).toBe("cold\nFalse\n");
    for (const _ of "12") {
      await warm.warmed();
      expect(said(await warm.run({ program }))).toBe("warm\nFalse\n");
    }
  });

  test("a job that is called off while its interpreter loads never runs, and gives its place up", async () => {
    await using box = await openSandbox({ ...python, maxRunning: 1, warm: { count: 1, packages } });
    await box.run({ program: "" }); // the next one is being prepared now
    const calledOff = new AbortController();
    let heard = "";
    const program = 'import time\nprint("it runs", flush=True)\ntime.sleep(600)';
    const job = box.run({ program, onOutput: (piece) => (heard += piece) }, { signal: calledOff.signal });
    calledOff.abort(new Error("called off"));
    await expect(job).rejects.toThrow("called off");
    expect((await box.run({ program: "" })).status).toBe("ok");
    expect(heard).toBe("");
  });

  test("a folder of data that was replaced under its name is another one", async () => {
    const place = mkdtempSync(join(tmpdir(), "data-"));
    const folder = join(place, "data");
    const put = (text: string) => {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
      writeFileSync(join(folder, "train.csv"), text);
    };
    try {
      chmodSync(place, 0o755);
      put("old");
      const program = 'import os\nprint(open(os.environ["DATA_DIR"] + "/train.csv").read())';
      await warm.run({ program, dataFolder: folder });
      await warm.warmed();
      put("new");
      expect(said(await warm.run({ program, dataFolder: folder }))).toBe("new\n");
    } finally {
      rmSync(place, { recursive: true });
    }
  });

  test("a job that differs in its data is not given what was made ready for others", async () => {
    const folder = mkdtempSync(join(tmpdir(), "data-"));
    try {
      chmodSync(folder, 0o755);
      writeFileSync(join(folder, "train.csv"), "7\n");
      await warm.run({ program: "" });
      await warm.warmed();
      const program = `${isWarm}import os\nprint(open(os.environ["DATA_DIR"] + "/train.csv").read())`;
      expect(said(await warm.run({ program, dataFolder: folder }))).toBe("cold\n7\n\n");
      await warm.warmed();
      expect(said(await warm.run({ program, dataFolder: folder }))).toBe("warm\n7\n\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const same: Record<string, SandboxJob> = {
    "is good": {
      program: 'open("a.csv", "w").write("id\\n")\nprint(__name__, __file__)',
      outputs: [{ name: "a.csv" }],
    },
    "sees what there is around it": {
      program:
        'import os, sys\nprint(sys.argv, sys.path, sorted(os.environ.items()), sorted(os.listdir("/proc/self/fd")), __import__("__main__").__dict__.keys(), open("/proc/self/cmdline").read())',
    },
    "is seeded": { program: 'import os\nprint(os.environ["SEED"], hash("a"))', seed: 7 },
    "is broken": { program: "def f():\n    raise ValueError('no')\nf()" },
    "is no Python": { program: "print(" },
    "ends with a code": { program: "raise SystemExit(3)" },
    "is killed by a signal": { program: "import os\nos.kill(os.getpid(), 11)" },
    "never ends": { program: "import time\ntime.sleep(1e6)", limits: { wallMs: 1_000 } },
    "never stops counting": { program: "while True: pass", limits: { cpuMs: 1_000 } },
    "eats memory": { program: "b = bytearray(1 << 30)", limits: { memoryBytes: 64 << 20, workspaceBytes: 1 << 20 } },
    "is larger than its workspace": { program: `#${"x".repeat(99_999)}`, limits: { workspaceBytes: 4096 } },
  };
  test.for(Object.entries(same))("a program that %s ends warm as it ends cold", async ([, job]) => {
    const [one, other] = [await runsWarm(job), await cold.run(job)];
    // Who is first to end it at its CPU limit, the launcher or the kernel, is a matter of milliseconds.
    const { cpuMs: _, wallMs: __, maxRssBytes: ___, signal, ...ending } = one;
    expect(said(one)).toBe(said(other));
    expect(other).toMatchObject(ending);
    if (one.status !== "cpu") expect(other.signal).toBe(signal);
    expect(one.status).not.toBe("sandbox_error");
  });

  test("limits are counted from where the program begins", async () => {
    const limits = { wallMs: 10_000, cpuMs: 10_000 };
    const program = `${isWarm}import resource\nprint(resource.getrlimit(resource.RLIMIT_CPU)[0] < 15)`;
    const verdict = await runsWarm({ program, limits });
    expect(said(verdict)).toBe("warm\nTrue\n");
    expect(verdict.cpuMs).toBeGreaterThanOrEqual(0);
  });

  test("random numbers are not those of the one before", async () => {
    const program = `${isWarm}import random\nprint(random.random())`;
    expect(said(await runsWarm({ program }))).not.toBe(said(await runsWarm({ program })));
  });

  test("one that dies while it waits costs no job", async () => {
    await warm.run({ program: "" });
    await warm.warmed();
    const waiting = takeStock([mark]).processes.map(Number);
    for (const pid of waiting) process.kill(pid, "SIGKILL");
    const verdict = await warm.run({ program: isWarm });
    expect([verdict.status, said(verdict)]).toEqual(["ok", "cold\n"]);
    await vi.waitUntil(() => waiting.every(isGone), generousMs);
  });

  test("the fourth program of each theme that tries to leave does not", async () => {
    const outside = await makeOutside(mark);
    try {
      for (const programs of Object.values(hostilePrograms)) {
        const program = programs[3]!;
        const contentBefore = outside.content();
        const verdict = await runsWarm({
          program: textOf(program, outside),
          dataFolder: outside.data,
          limits: { ...hostileLimits, ...program.limits },
          outputs: [{ name: "submission.csv", maxBytes: 2 ** 20 }],
        });
        const { status, says } = expectationOf(program, "full");
        expect([status].flat(), `${program.name}: ${said(verdict)}`).toContain(verdict.status);
        expect(verdict.leftoverCount).toBe(0);
        if (says) expect(said(verdict)).toMatch(says);
        expect(said(verdict)).not.toContain(mark);
        expect(outside.content()).toBe(contentBefore);
      }
      expect(outside.visitors).toEqual([]);
    } finally {
      outside.close();
    }
  }, 300_000);
});
