// A sandbox from outside, at the strongest tier of this machine: verdicts, breaking off, deaths, and what is left.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { InfrastructureError, openSandbox, type ProgramStdio, type Sandbox } from "../../../envs/index.ts";
import { isGone, python } from "../python.ts";
import { codePython } from "./code-python.ts";
import { hasBubblewrap, publicPackage, takeStock, whatIsNew } from "./outside.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const orphaner = fileURLToPath(new URL("./fixtures/leaves-a-program.js", import.meta.url));
const isRoot = process.getuid?.() === 0;
/** In the environment of launchers, and of programs. */
const mark = randomUUID();
const programMark = randomUUID();
const generousMs = 60_000;

describe.skipIf(!hasBubblewrap)("a sandbox (skipped without bubblewrap)", () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await openSandbox({ ...python, maxRunning: 2, launcherEnv: { MARK: mark } });
  });
  afterAll(() => sandbox.close());

  /** Ids of living processes that have the mark, and these words on their command line. */
  function pidsWith(one: string, words = ""): number[] {
    return takeStock([one])
      .processes.map(Number)
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(words);
        } catch {
          return false; // ended
        }
      });
  }

  /** Runs a program that says `up` and then does this; resolves once it is up. */
  async function startsAnd(then: string, box = sandbox, signal?: AbortSignal) {
    let up!: () => void;
    const isUp = new Promise<void>((resolve) => {
      up = resolve;
    });
    const program = `import time\nprint("up", flush=True)\n${then}`;
    const ending = box.run({ program, env: { MARK: programMark }, onOutput: up }, signal && { signal });
    ending.catch(() => {}); // whoever waits for it hears of it
    await isUp;
    return { ending };
  }

  const reasonOf = (call: Promise<unknown>) =>
    call.then(
      () => undefined,
      (error: unknown) => error,
    );

  test("a verdict says how a program ended, what it said, what it used, and has the files that were asked for", async () => {
    const program = 'print("hello")\nopen("submission.csv", "w").write("id,label\\n")\nraise SystemExit(3)';
    const verdict = await sandbox.run({ program, outputs: [{ name: "submission.csv" }, { name: "other" }] });
    expect(verdict).toEqual({
      status: "nonzero",
      exitCode: 3,
      signal: null,
      message: null,
      cpuMs: expect.any(Number),
      wallMs: expect.any(Number),
      maxRssBytes: expect.any(Number),
      output: {
        head: Buffer.from("hello\n"),
        tail: Buffer.alloc(0),
        omittedBytes: 0,
        totalBytes: 6,
        lineCount: 1,
        isTruncated: false,
      },
      oomKillCount: 0,
      leftoverCount: 0,
      files: [
        {
          name: "submission.csv",
          refusal: null,
          content: Buffer.from("id,label\n"),
          sha256: "cd163fbf956ef329a9fb3155ccf2359722a9ab06273b4e954cc459abcbdcfa34",
        },
        { name: "other", refusal: "missing" },
      ],
      tier: sandbox.tier,
      policyHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      attestationHash: sandbox.attestation.hash,
    });
    expect(verdict.cpuMs).toBeGreaterThan(1);
    expect(verdict.maxRssBytes).toBeGreaterThan(2 ** 20);
  });

  test("the policy hash is the same for the same limits and another for others, whatever the program", async () => {
    const [one, same, other] = await Promise.all([
      sandbox.run({ program: "pass" }),
      sandbox.run({ program: "print(1)", seed: 5 }),
      sandbox.run({ program: "pass", limits: { processes: 10 } }),
    ]);
    expect(one.policyHash).toBe(same.policyHash);
    expect(one.policyHash).not.toBe(other.policyHash);
  });

  test("a seed decides the order of hashes, and programs read it", async () => {
    const program = 'import os\nprint(os.environ["SEED"], hash("a text"))';
    const said = async (seed: number) => (await sandbox.run({ program, seed })).output.head.toString();
    const [one, same, other] = await Promise.all([said(1), said(1), said(2)]);
    expect(one).toBe(same);
    expect(one.split(" ")[1]).not.toBe(other.split(" ")[1]);
  });

  test("a job without its data folder, or too large for its workspace, is a setup verdict that says so", async () => {
    const missing = await sandbox.run({ program: "pass", dataFolder: "/nowhere/data" });
    expect([missing.status, missing.message]).toEqual([
      "setup",
      "the data folder /nowhere/data is not there: prepare the task's data first",
    ]);
    const program = `#${"x".repeat(100_000)}`;
    const large = await sandbox.run({ program, limits: { workspaceBytes: 65_536 } });
    expect([large.status, large.message]).toEqual([
      "setup",
      expect.stringContaining("the program does not fit into its workspace"),
    ]);
  });

  test("no more programs run at once than were allowed; the next begins when one ends", async () => {
    const controllers = [new AbortController(), new AbortController(), new AbortController()];
    const [first, second, third] = controllers.map(({ signal }) => signal);
    await Promise.all([startsAnd("time.sleep(600)", sandbox, first), startsAnd("time.sleep(600)", sandbox, second)]);
    let isThirdUp = false;
    const isUp = startsAnd("time.sleep(600)", sandbox, third).then(() => {
      isThirdUp = true;
    });
    const running = pidsWith(programMark, "main.py");
    expect([running.length, isThirdUp]).toEqual([2, false]);
    controllers[0]!.abort(new Error("enough"));
    await isUp;
    expect(pidsWith(programMark, "main.py").length).toBe(2);
    for (const controller of controllers) controller.abort(new Error("enough"));
    await vi.waitUntil(() => pidsWith(programMark).length === 0, generousMs);
  });

  test("two neighbours see neither each other's processes nor files", async () => {
    const { ending } = await startsAnd('open("mine", "w").close()\nopen("/tmp/mine", "w").close()\ntime.sleep(2)');
    const nosy = `import glob, os
print(sorted(os.listdir("/work")), glob.glob("/tmp/*"), len([n for n in os.listdir("/proc") if n.isdigit()]))`;
    const verdict = await sandbox.run({ program: nosy });
    expect(verdict.output.head.toString()).toMatch(/^\['main\.py'\] \[\] [1-4]\n$/);
    await ending;
  });

  test("an aborted program rejects at once with the signal's reason, and is gone soon after", async () => {
    const controller = new AbortController();
    const { ending } = await startsAnd("time.sleep(600)", sandbox, controller.signal);
    controller.abort(new Error("enough"));
    await expect(ending).rejects.toThrow("enough");
    await vi.waitUntil(() => pidsWith(programMark).length === 0, generousMs);
  });

  test("close ends what runs and what waits, leaves nothing, and may be called twice", async () => {
    // Launchers of the tests before are still going.
    await vi.waitUntil(() => pidsWith(mark, "iterant.sandbox.launcher").length <= 1, generousMs);
    const own = randomUUID();
    const before = takeStock([own]);
    const box = await openSandbox({ ...python, maxRunning: 1, launcherEnv: { MARK: own } });
    const { ending } = await startsAnd("time.sleep(600)", box);
    const behind = box.run({ program: "pass" });
    behind.catch(() => {});
    await Promise.all([box.close(), box.close()]);
    for (const call of [ending, behind, box.run({ program: "pass" })]) {
      const reason = (await reasonOf(call)) as InfrastructureError;
      expect(reason).toBeInstanceOf(InfrastructureError);
      expect(reason.failure.cause).toBe("sandbox_closed");
    }
    await vi.waitFor(() => expect(whatIsNew(before, takeStock([own]))).toEqual([]), generousMs);
  });

  test("a launcher that is killed takes its program along, and the verdict blames the sandbox", async () => {
    const { ending } = await startsAnd("time.sleep(600)");
    const [launcher] = pidsWith(mark, "iterant.sandbox.launcher"); // the one that is ready came later
    process.kill(launcher!, "SIGKILL");
    const verdict = await ending;
    expect([verdict.status, verdict.message]).toEqual(["sandbox_error", "the launcher ended with SIGKILL"]);
    await vi.waitUntil(() => pidsWith(programMark).length === 0, generousMs);
    expect((await sandbox.run({ program: "pass" })).status).toBe("ok");
    await vi.waitUntil(() => takeStock([mark]).groups.length === 0, generousMs); // swept by the start after
  });

  test("a launcher that died while it was ready is not given a job", async () => {
    expect((await sandbox.run({ program: "pass" })).status).toBe("ok");
    const [ready] = pidsWith(mark, "iterant.sandbox.launcher");
    process.kill(ready!, "SIGKILL");
    await vi.waitUntil(() => isGone(ready!), generousMs);
    expect((await sandbox.run({ program: "pass" })).status).toBe("ok");
  });

  test("a sandbox that waits for work does not keep its process alive", async () => {
    const idle = spawn(process.execPath, [orphaner, python.python, python.pythonPath![0]!, randomUUID(), "pass"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    expect(await once(idle, "close")).toEqual([0, null]);
  });

  test("a process that does nothing but close a sandbox lives until it is closed, and holds no descriptor of it", async () => {
    const closer = fileURLToPath(new URL("./fixtures/closes-a-sandbox.js", import.meta.url));
    const closing = spawn(process.execPath, [closer, python.python, python.pythonPath![0]!], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    closing.stdout.on("data", (piece: Buffer) => {
      said += piece;
    });
    expect(await once(closing, "close")).toEqual([0, null]);
    expect(said).toMatch(/^(\d+) descriptors before, \1 after\n$/);
  });

  test("a parent that is killed leaves no process, group, mount or folder", async () => {
    const own = randomUUID();
    const before = takeStock([own]);
    const parent = spawn(process.execPath, [orphaner, python.python, python.pythonPath![0]!, own], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(parent.stdout, "data");
    expect(pidsWith(own).length).toBeGreaterThan(1);
    parent.kill("SIGKILL");
    await once(parent, "close");
    await vi.waitUntil(() => pidsWith(own).length === 0, generousMs);
    await vi.waitUntil(() => takeStock([own]).groups.length === 0, generousMs);
    expect(takeStock([own]).mounts).toBe(before.mounts);
  });

  test("a parent and its launcher that are killed at once leave what the next start sweeps", async () => {
    const own = randomUUID();
    const parent = spawn(process.execPath, [orphaner, python.python, python.pythonPath![0]!, own], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(parent.stdout, "data");
    const launchers = pidsWith(own, "iterant.sandbox.launcher");
    for (const pid of [parent.pid!, ...launchers]) process.kill(pid, "SIGKILL");
    await vi.waitUntil(() => launchers.every(isGone), generousMs);
    await vi.waitUntil(() => pidsWith(own).length === 0, generousMs);
    expect((await sandbox.run({ program: "pass" })).status).toBe("ok");
    await vi.waitUntil(() => takeStock([own]).groups.length === 0, generousMs);
  });

  test("a program can be given any three descriptors, and what it writes there is never looked at", async () => {
    const folder = mkdtempSync(join(tmpdir(), "descriptors-"));
    const out = openSync(join(folder, "out"), "w+");
    const nothing = openSync("/dev/null", "r");
    const toFile = (): ProgramStdio => ({
      descriptors: [nothing, out, out],
      connect: () => {},
      drained: async () => {},
      close: () => {},
    });
    await using box = await openSandbox({ ...python, openTerminal: toFile });
    const verdict = await box.run({ program: 'print("to a file")', stdio: "pty" });
    expect(verdict.status).toBe("ok");
    expect(readFileSync(join(folder, "out"), "utf8")).toBe("to a file\n");
    closeSync(out);
    closeSync(nothing);
    rmSync(folder, { recursive: true });
  });

  test("a program on a terminal has it as its own, and what it says comes as it would through pipes", async () => {
    const program = `import os
print(os.isatty(0), os.tcgetpgrp(0) == os.getpgrp(), os.get_terminal_size(0).columns)
print(os.isatty(os.open("/dev/tty", os.O_RDWR)), "over")`;
    const verdict = await sandbox.run({ program, stdio: "pty" });
    expect(verdict.status).toBe("ok");
    expect(verdict.output.head.toString()).toBe("True True 80\nTrue over\n");
  });

  test.each(["pipe", "pty"] as const)(
    "through a %s every byte of a program that ends at once arrives",
    async (stdio) => {
      const program = "import sys; sys.stdout.write('x' * 300_000 + 'end'); sys.stdout.flush(); import os; os._exit(3)";
      const verdict = await sandbox.run({ program, stdio });
      expect([verdict.status, verdict.exitCode, verdict.output.totalBytes]).toEqual(["nonzero", 3, 300_003]);
      expect(verdict.output.tail.subarray(-3).toString()).toBe("end");
    },
  );

  describe("opening a sandbox", () => {
    test("keeps every promise when it calls itself full, and stamps the same attestation each time", async () => {
      await using again = await openSandbox({ ...python });
      expect(again.attestation).toEqual(sandbox.attestation);
      if (again.tier === "full") expect(again.attestation.findings.every(({ holds }) => holds)).toBe(true);
      expect([...again.guarantees]).toContain("fs-read");
    });

    test("refuses where bubblewrap cannot be started, naming what is lost and the cure", async () => {
      const options = { ...python, bubblewrap: "/nowhere/bwrap" };
      const refusal = (await reasonOf(openSandbox(options))) as InfrastructureError;
      expect(refusal.failure.cause).toBe("sandbox_unavailable");
      expect(refusal.failure.message).toMatch(
        /^no sandbox of the wanted strength: namespaces lacks fs-write, fs-read, net, pids, disk, inodes, orphans, env-leak, fd-leak, syscalls: the canary could not run: \/nowhere\/bwrap could not be started: [^;]* - apt install bubblewrap, and allow user namespaces, or allow the weak tier `landlock`$/,
      );
    });

    test("takes Landlock there if the weak are allowed, and stamps what is missing", async () => {
      const options = { ...python, python: "/usr/bin/python3", programPython: "/usr/bin/python3" };
      await using weak = await openSandbox({ ...options, bubblewrap: "/nowhere/bwrap", allowWeak: true });
      expect(weak.tier).toBe("landlock");
      expect(weak.guarantees.has("disk")).toBe(false);
      expect((await weak.run({ program: "pass" })).tier).toBe("landlock");
    });

    test("gives no sandbox at all only to those who ask for it by name", async () => {
      await using bare = await openSandbox({ ...python, tier: "unsafe-local" });
      expect([...bare.guarantees]).toEqual([]);
      const verdict = await bare.run({ program: "import os\nprint(os.path.exists('/proc/1/root'))" });
      expect([verdict.status, verdict.tier]).toEqual(["ok", "unsafe-local"]);
    });

    test.skipIf(!isRoot)("as an ordinary user refuses to be called full", async () => {
      const ordinary = { uid: 4_242, gid: 4_242 };
      const options = { python: "/usr/bin/python3", programPython: "/usr/bin/python3", user: ordinary };
      const shared = publicPackage(python.pythonPath![0]!);
      const refusal = await reasonOf(openSandbox({ ...options, pythonPath: [shared.path], tier: "full" }));
      expect(String(refusal)).toMatch(/full lacks mem: .*; cpu: .*; user: it shares its user with us - run as root/);
      shared.remove();
    });

    test("names a launcher that does not start", async () => {
      const refusal = await reasonOf(openSandbox({ ...python, python: "/nowhere/python" }));
      expect(String(refusal)).toContain("the launcher could not be started: spawn /nowhere/python ENOENT");
    });

    test("names a Python that does not run", async () => {
      const refusal = await reasonOf(openSandbox({ ...python, programPython: "/nowhere/python" }));
      expect(String(refusal)).toBe(
        "InfrastructureError: sandbox_unavailable: the programs' Python does not run: spawn /nowhere/python ENOENT - /nowhere/python - name another one",
      );
    });
  });

  test.skipIf(codePython(root) === undefined)("scikit-learn trains with threads and with processes", async () => {
    await using box = await openSandbox({ ...python, programPython: codePython(root)! });
    const program = `
import numpy as np, pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from joblib import Parallel, delayed
x, y = np.random.default_rng(0).normal(size=(200, 4)), np.arange(200) % 2
forest = RandomForestClassifier(n_estimators=10, n_jobs=2, random_state=0).fit(x, y)
HistGradientBoostingClassifier(max_iter=5).fit(x, y)
print(Parallel(n_jobs=2)(delayed(abs)(one) for one in (-1, -2)))
pd.DataFrame({"label": forest.predict(x)}).to_csv("submission.csv")
try:
    np.ones(1 << 40)
except MemoryError:
    print("too much")`;
    const verdict = await box.run({ program, outputs: [{ name: "submission.csv" }], limits: { wallMs: 600_000 } });
    expect(verdict.output.head.toString()).toBe("[1, 2]\ntoo much\n");
    expect(verdict.files[0]!.refusal).toBeNull();
  });

  test("the bait of the canaries is taken in again", () => {
    const baits = ["/tmp", "/var/tmp"].filter(existsSync).flatMap((folder) => readdirSync(folder));
    expect(baits.filter((name) => name.startsWith(`iterant-canary-${process.pid}-`))).toEqual([]);
  });
});
