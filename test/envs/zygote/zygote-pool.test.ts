// Jobs in warm processes: the same as cold ones, strangers to each other, and what becomes of them when a zygote dies.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  InfrastructureError,
  openPipe,
  openPty,
  Tap,
  type Terminal,
  type ZygoteJob,
  type ZygoteLauncher,
  ZygotePool,
  type ZygotePoolOptions,
  type ZygoteRunOptions,
} from "../../../envs/index.ts";
import { isGone } from "../python.ts";
import { codePython, hasPackages, lacksPackages, packages, pythonPath } from "./python.ts";

const generous = { limits: { wallMs: 60_000 } };
const pools: ZygotePool[] = [];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "iterant-zygote-"));
});

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
  rmSync(folder, { recursive: true });
});

function openPool(options: Partial<ZygotePoolOptions> = {}): ZygotePool {
  const defaults = { python: codePython, pythonPath: [...pythonPath, folder], modules: [], jobCount: 8 };
  const pool = new ZygotePool({ ...defaults, firstBackoffMs: 1, maxBackoffMs: 1, ...options });
  pools.push(pool);
  return pool;
}

const jobOf = (program: string, more: Partial<ZygoteJob> = {}): ZygoteJob => {
  return { program, file: join(folder, "job.py"), cwd: folder, ...more };
};

async function endOf(terminal: Terminal) {
  const end = await terminal.exit;
  return { ...end, text: terminal.transcript.output().toString("latin1") };
}

async function run(
  pool: ZygotePool,
  program: string,
  options: ZygoteRunOptions = generous,
  more: Partial<ZygoteJob> = {},
) {
  return endOf(await pool.run(jobOf(program, more), options));
}

async function failureOf(work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof InfrastructureError)) throw new Error(`not an InfrastructureError: ${error}`);
  return { cause: error.failure.cause, message: error.failure.message.replace(/pid \d+/, "pid P") };
}

/** Programs whose whole outcome is the same, warm and cold. */
const programs: Record<string, string> = {
  "ends by itself": "print('done')",
  "raises in a function of its own": "def fail(x):\n    return 1 / x\n\nprint('on')\nfail(0)",
  "raises with a cause": "try:\n    {}['a']\nexcept KeyError as error:\n    raise ValueError('b') from error",
  "is no Python": "print('never')\n1 +",
  "exits with a code": "import sys; sys.exit(7)",
  "exits with a large code": "raise SystemExit(259)",
  "exits with a text": "import sys; sys.exit('no more')",
  "exits with nothing": "raise SystemExit",
  "exits at once": "import os; print('lost?', flush=True); os._exit(9)",
  "is killed": "import os, signal; print('on', flush=True); os.kill(os.getpid(), signal.SIGKILL)",
  "interrupts itself": "raise KeyboardInterrupt",
  "leaves a file unflushed": "out = open('submission.csv', 'w'); out.write('id,y\\n1,2\\n')",
  "leaves a file unflushed in a cycle":
    "class Node: pass\nnode = Node(); node.self = node; node.out = open('submission.csv', 'w'); node.out.write('x')",
  "has something to do at its end": "import atexit; atexit.register(print, 'bye'); print('hi')",
  "has a thread that is not done":
    "import threading, time\ndef late():\n    time.sleep(0.05); print('late')\nthreading.Thread(target=late).start(); print('main')",
  "has a finalizer": "class Last:\n    def __del__(self): print('gone')\nlast = Last(); print('on')",
  "has a hook for its exceptions":
    "import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__, a[2].tb_frame.f_lineno)\n1 / 0",
  "looks at itself":
    "import sys, os\nprint(sys.argv, __name__, __file__, sys.modules['__main__'].__file__, os.getcwd(), sorted(os.environ))",
  "looks where it imports from": "import sys; print(sys.path[0], any('iterant' in name for name in sys.modules))",
  "imports its neighbour": "import neighbour; print(neighbour.__file__)",
  "cannot import the trainer": "import iterant",
  "looks at its streams":
    "import sys; print(sys.stdin.read(), sys.stdout.isatty(), sys.stdout.line_buffering, sys.stdout.encoding)",
  "writes to both streams": "import sys; print('out', flush=True); print('err', file=sys.stderr); print('out')",
  "closes its stdout": "import sys; print('x'); sys.stdout.close()",
  "starts a child": "import subprocess, sys; print(subprocess.run(['echo', 'child'], capture_output=True).stdout)",
  "looks at its descriptors": "import os; print(sorted(os.listdir('/proc/self/fd')))",
  "looks at its signals": "import signal; print(*map(signal.getsignal, (2, 15, 17)))",
  "leads its session": "import os; print(os.getsid(0) == os.getpid() == os.getpgrp())",
};

describe.each([
  { kind: "pty" as const, open: openPty },
  { kind: "pipe" as const, open: openPipe },
])("a warm job on a $kind", ({ kind, open }) => {
  test("is in nothing different from a cold one", async () => {
    const pool = openPool({ terminal: kind, jobCount: Object.keys(programs).length });
    writeFileSync(join(folder, "neighbour.py"), "");
    for (const [name, program] of Object.entries(programs)) {
      const { file, cwd } = jobOf(program);
      const env = { LC_ALL: "C.UTF-8", PYTHONDONTWRITEBYTECODE: "1" };
      writeFileSync(file, program);
      const submission = () => {
        const path = join(folder, "submission.csv");
        if (!program.includes("submission")) return undefined;
        const text = readFileSync(path, "utf8");
        rmSync(path);
        return text;
      };
      const cold = await endOf(await open({ file: codePython, args: [file], cwd, env }, generous));
      const coldSubmission = submission();
      const warm = await run(pool, program, generous, { env });
      const outcome = ({ text, verdict, exitCode, signal, isDrained }: typeof warm) => {
        return { name, text, verdict, exitCode, signal, isDrained };
      };
      expect({ ...outcome(warm), file: submission() }).toEqual({ ...outcome(cold), file: coldSubmission });
      expect(warm.isDrained).toBe(true);
    }
  });

  test("reads what is typed, if it may", async () => {
    const pool = openPool({ terminal: kind });
    const terminal = await pool.run(jobOf("print(input().upper())"), { ...generous, input: "open" });
    await terminal.write(Buffer.from("typed\n"));
    expect((await endOf(terminal)).text).toBe("TYPED\n");
  });

  test("is held to its limits", async () => {
    const pool = openPool({ terminal: kind });
    expect(await run(pool, "while True: pass", { limits: { wallMs: 300 } })).toMatchObject({
      verdict: "wall",
      signal: "SIGINT",
      text: expect.stringContaining("KeyboardInterrupt"),
    });
    const flood = { limits: { wallMs: 60_000, maxBytes: 50_000 } };
    expect(await run(pool, "while True: print('x' * 99)", flood)).toMatchObject({
      verdict: "output",
      outputBytes: 50_000,
      signal: "SIGKILL",
    });
    const few = { limits: { openFiles: 8 } };
    const greedy =
      "import os\ntry:\n    while True: last = os.dup(0)\nexcept OSError as error: print(last, error.strerror)";
    expect((await run(pool, greedy, generous, few)).text).toBe("7 Too many open files\n");
  });

  test("leaves no process behind, also one that tries to", async () => {
    const pool = openPool({ terminal: kind });
    const daemon = [
      "import os, signal, time",
      "reader, writer = os.pipe()",
      "if os.fork() == 0:",
      "    os.setsid()",
      "    if os.fork() == 0:",
      "        for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)",
      "        os.write(writer, b'x')",
      "        while True: print('still here', flush=True); time.sleep(0.001)",
      "    os._exit(0)",
      "os.read(reader, 1)",
    ].join("\n");
    const end = await run(pool, daemon);
    expect(end).toMatchObject({ verdict: "ok", leftoverCount: 1, isDrained: true });
    expect((await run(pool, "print('next')")).text).toBe("next\n");
  });
});

test("a job that stops its terminal loses nothing and holds up nobody", async () => {
  const pool = openPool();
  const program = "import os, termios; os.write(1, b'x' * 3000); termios.tcflow(1, termios.TCOOFF)";
  const end = await run(pool, program);
  expect(end).toMatchObject({ verdict: "ok", outputBytes: 3_000, isDrained: true });
  expect((await run(pool, "print('next')")).text).toBe("next\n");
});

test("every job has random states of its own, and those of its seed if it has one", async () => {
  const program = "import random, uuid; print(random.random(), uuid.uuid4(), uuid.uuid1())";
  const pool = openPool({ modules: ["random", "uuid"] });
  const texts = [await run(pool, program), await run(pool, program)].map(({ text }) => text);
  expect(new Set(texts.join(" ").split(/\s/).filter(Boolean)).size).toBe(6);
  const seeded = "import random; print(random.random())";
  const [one, same, other] = [
    await run(pool, seeded, generous, { seed: 1 }),
    await run(pool, seeded, generous, { seed: 1 }),
    await run(pool, seeded, generous, { seed: 2 }),
  ];
  expect(one.text).toBe("0.13436424411240122\n"); // random.Random(1).random(), in any Python
  expect(same.text).toBe(one.text);
  expect(other.text).not.toBe(one.text);
});

test("a job that kills its zygote fails with the cause, and the queue behind it goes on", async () => {
  const pool = openPool();
  const killer = await pool.run(jobOf("import os, time; os.kill(os.getppid(), 9); time.sleep(600)"), generous);
  const behind = run(pool, "print('alive')");
  expect(await failureOf(killer.exit)).toEqual({
    cause: "zygote_died",
    message: "the zygote ended with SIGKILL - pid P - look for what killed it: a job, or the system for want of memory",
  });
  expect((await behind).text).toBe("alive\n");
  expect(pool.stats).toMatchObject({ deathCount: 1, rotationCount: 0, runningCount: 0 });
});

test("a job that stops its zygote fails when it should have ended, and the zygote is replaced", async () => {
  const pool = openPool({ killDeadlineMs: 300 });
  const stopper = await pool.run(jobOf("import os; os.kill(os.getppid(), 19)"), {
    limits: { wallMs: 200 },
    ladder: { interruptMs: 10, terminateMs: 10 },
  });
  expect(await failureOf(stopper.exit)).toMatchObject({
    cause: "zygote_died",
    message: expect.stringContaining("the zygote did not kill a job within 300 ms"),
  });
  expect((await run(pool, "print('alive')")).text).toBe("alive\n");
});

test("a zygote that dies idle is replaced before the next job", async () => {
  const pool = openPool();
  await run(pool, "pass");
  const [before] = pool.stats.pids;
  process.kill(before!, "SIGKILL");
  await vi.waitUntil(() => pool.stats.deathCount === 1, 60_000); // noticed: a job given before that would fail with it
  expect((await run(pool, "print('alive')")).text).toBe("alive\n");
  expect(pool.stats.pids).not.toContain(before);
});

test("a zygote is rotated after its jobs, and one that has grown too large after one", async () => {
  const pids = async (pool: ZygotePool) => {
    const seen: number[] = [];
    for (let at = 0; at < 4; at += 1) seen.push(Number((await run(pool, "import os; print(os.getppid())")).text));
    return seen;
  };
  const counted = openPool({ jobCount: 2 });
  const [first, second, third, fourth] = await pids(counted);
  expect([first === second, second === third, third === fourth]).toEqual([true, false, true]);
  const large = openPool({ maxRssBytes: 1 });
  expect(new Set(await pids(large)).size).toBe(4);
  expect(large.stats.deathCount).toBe(0);
});

test("two zygotes run two jobs at once; the metrics say who waited and how long it took", async () => {
  const pool = openPool({ zygoteCount: 2 });
  await pool.ready;
  await vi.waitUntil(() => pool.stats.depth === 2, 60_000);
  const blocked = [1, 2].map(() => pool.run(jobOf("input()"), { ...generous, input: "open" }));
  const terminals = await Promise.all(blocked);
  const third = run(pool, "print('third')");
  await setImmediate();
  expect(pool.stats).toMatchObject({ depth: 0, runningCount: 2, queuedCount: 1, jobCount: 2 });
  await terminals[0]!.write(Buffer.from("\n"));
  expect((await third).text).toBe("third\n");
  await terminals[1]!.close();
  await vi.waitUntil(() => pool.stats.depth === 2, 60_000);
  const { firstByteMs, refillMs, startMs } = pool.stats;
  expect([firstByteMs?.count, startMs?.count]).toEqual([1, 2]);
  expect(refillMs!.count).toBeGreaterThanOrEqual(2);
  expect(firstByteMs!.p50).toBeLessThanOrEqual(firstByteMs!.p99);
});

test("a queue that is full refuses the next job, and a job that is aborted leaves it", async () => {
  const pool = openPool({ maxQueue: 1 });
  const running = await pool.run(jobOf("input()"), { ...generous, input: "open" });
  const controller = new AbortController();
  const queued = pool.run(jobOf("print('never')"), { ...generous, signal: controller.signal });
  expect(await failureOf(pool.run(jobOf("pass"), generous))).toEqual({
    cause: "zygote_busy",
    message: `1 jobs wait for a zygote - ${join(folder, "job.py")} - give fewer at once or raise maxQueue`,
  });
  controller.abort(new Error("enough"));
  await expect(queued).rejects.toThrow("enough");
  const next = run(pool, "print('next')");
  await running.close();
  expect((await next).text).toBe("next\n");
  expect(pool.stats.jobCount).toBe(2);
});

test("close fails what runs and what waits, leaves no process, and may be called twice", async () => {
  const pool = openPool();
  const running = await pool.run(jobOf("import time; time.sleep(600)"), generous);
  const waiting = failureOf(pool.run(jobOf("pass"), generous));
  const pids = [...pool.stats.pids, running.pid];
  await pool.close();
  await pool.close();
  expect((await failureOf(running.exit)).cause).toBe("zygote_closed");
  const closed = { cause: "zygote_closed", message: "the pool of zygotes was closed - open another" };
  expect(await waiting).toEqual(closed);
  expect(await failureOf(pool.run(jobOf("pass"), generous))).toEqual(closed);
  await vi.waitUntil(() => pids.every(isGone), 60_000);
});

test("a zygote and its job end with a parent that was killed", async () => {
  const orphaner = fileURLToPath(new URL("./fixtures/orphans-its-zygote.js", import.meta.url));
  const parent = spawn(process.execPath, [orphaner, codePython, pythonPath[0]!], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = (await once(parent.stdout, "data")) as [Buffer];
  const pids = JSON.parse(said.toString()) as number[];
  expect(pids.map(isGone)).toEqual([false, false]);
  parent.kill("SIGKILL");
  await vi.waitUntil(() => pids.every(isGone), 60_000);
});

test("packages that do not load are tried three times, and every job says why", async () => {
  const pool = openPool({ modules: ["nowhere"] });
  const failure = await failureOf(run(pool, "pass"));
  expect(failure.cause).toBe("zygote_start");
  expect(failure.message).toMatch(
    /^the zygote ended with code 1 - pid P - its last words:\nTraceback[\s\S]*'nowhere'$/,
  );
  expect(pool.stats.deathCount).toBe(3);
});

test("a package that starts a thread is refused: what is forked from it could hang", async () => {
  writeFileSync(
    join(folder, "threaded.py"),
    "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
  );
  const { cause, message } = await failureOf(openPool({ modules: ["threaded"], maxFailedStarts: 1 }).ready);
  expect(cause).toBe("zygote_start");
  expect(message).toContain("RuntimeError: 2 threads after the imports of threaded - set OPENBLAS_NUM_THREADS=1");
});

test("packages that take too long to load are not waited for", async () => {
  writeFileSync(join(folder, "endless.py"), "import time; time.sleep(600)");
  const pool = openPool({ modules: ["endless"], startDeadlineMs: 300, maxFailedStarts: 1 });
  const { cause, message } = await failureOf(pool.ready);
  expect(cause).toBe("zygote_start");
  expect(message).toContain("the zygote did not load its packages within 300 ms and was killed");
});

test("a Python that is not there is said so", async () => {
  const { cause, message } = await failureOf(openPool({ python: "/nowhere/python", maxFailedStarts: 1 }).ready);
  expect(cause).toBe("zygote_start");
  expect(message).toContain("the zygote could not be started: spawn /nowhere/python ENOENT - pid none");
});

test("a job is confined further by a function that is handed in, before a line of it runs", async () => {
  const confine =
    "import os\ndef confine(call):\n    os.write(1, b'confined ' + call['file'].encode() + b'\\n')\n    os.umask(0o77)";
  writeFileSync(join(folder, "walls.py"), confine);
  const pool = openPool({ confine: "walls:confine" });
  const { text } = await run(pool, "import os; print(oct(os.umask(0)))");
  expect(text).toBe(`confined ${join(folder, "job.py")}\n0o77\n`);
});

test("a launcher of one's own starts the zygote, and is killed with it", async () => {
  let launched: ReturnType<typeof spawn> | undefined;
  const pool = openPool({
    launch({ file, args, env }, stdio) {
      launched = spawn("sh", ["-c", '"$@"; exit $?', "launcher", file, ...args], {
        env: { ...env },
        stdio,
        detached: true,
      });
      return launched;
    },
  });
  const zygote = Number((await run(pool, "import os; print(os.getppid())")).text);
  expect(zygote).not.toBe(launched!.pid);
  expect(pool.stats.pids).toEqual([launched!.pid]);
  await pool.close();
  await vi.waitUntil(() => isGone(zygote), 60_000);
});

test("a job finds numpy, pandas and scikit-learn loaded, and its first byte comes at once", async ({ skip }) => {
  skip(!hasPackages, lacksPackages);
  const pool = openPool({ modules: packages, jobCount: 12 });
  const { versions } = await pool.ready;
  expect(Object.keys(versions).sort()).toEqual(["numpy", "pandas", "python", "sklearn"]);
  const program = [
    "import sys; print(all(name in sys.modules for name in ('numpy', 'pandas', 'sklearn')), flush=True)",
    "import numpy; from sklearn.linear_model import LinearRegression",
    "x = numpy.random.rand(50, 3); print(LinearRegression().fit(x, x @ [1, 2, 3]).coef_.round(6).tolist(), x[0, 0])",
  ].join("\n");
  const texts: string[] = [];
  for (let at = 0; at < 10; at += 1) texts.push((await run(pool, program)).text);
  expect(texts.every((text) => text.startsWith("True\n[1.0, 2.0, 3.0] "))).toBe(true);
  expect(new Set(texts).size).toBe(10);
  const seeded = [await run(pool, program, generous, { seed: 5 }), await run(pool, program, generous, { seed: 5 })];
  expect(seeded[0]!.text).toBe(seeded[1]!.text);
  // 2.3 ms on a quiet machine; cold it is a second and a half, which no load of the machine brings this near to.
  expect(pool.stats.firstByteMs!.p50).toBeLessThan(200);
});

const walls = ["--user", "--map-root-user", "--pid", "--mount-proc", "--fork", "--kill-child"];
const hasNamespaces = spawnSync("unshare", [...walls, "true"]).status === 0;

test("inside walls of its own a zygote outlives a job that would kill everybody", async ({ skip }) => {
  skip(!hasNamespaces, "this user may not make namespaces");
  const launch: ZygoteLauncher = ({ file, args, env }, stdio) =>
    spawn("unshare", [...walls, file, ...args], { env: { ...env }, stdio, detached: true });
  const pool = openPool({ launch });
  const killer = "import os; print(os.getpid() < 100, os.getppid(), flush=True); os.kill(os.getppid(), 9)";
  expect(await run(pool, killer)).toMatchObject({ verdict: "ok", text: "True 1\n", isDrained: true });
  const runaway = [
    "import os",
    "reader, writer = os.pipe()",
    "if os.fork() == 0:",
    "    os.setsid(); os.write(writer, b'x')",
    "    while True: pass",
    "os.read(reader, 1)",
  ].join("\n");
  expect(await run(pool, runaway)).toMatchObject({ verdict: "ok", leftoverCount: 1 });
  expect(await run(pool, "while True: pass", { limits: { wallMs: 200 } })).toMatchObject({ verdict: "wall" });
  expect(pool.stats.deathCount).toBe(0);
});

test("a job can read its own memory and not its zygote's", async ({ skip }) => {
  skip(process.getuid?.() === 0, "to root every process's memory is open");
  const program = [
    "import os",
    "for path in ('/proc/%d/mem' % os.getppid(), '/proc/self/mem'):",
    "    try: open(path, 'rb').close(); print('open')",
    "    except PermissionError: print('closed')",
    "try: print(os.listdir('/proc/%d/fd' % os.getppid()))",
    "except PermissionError: print('closed')",
  ].join("\n");
  expect((await run(openPool(), program)).text).toBe("closed\nopen\nclosed\n");
});

test("a slow consumer holds a warm job back as it does any other", async () => {
  const pool = openPool();
  const tap = new Tap({ highWaterBytes: 16 * 1024 });
  const options = { limits: { wallMs: 60_000 }, tap };
  const terminal = await pool.run(jobOf("for at in range(60000): print(at)"), options);
  await vi.waitUntil(() => tap.isFull, 60_000);
  let byteCount = 0;
  for await (const chunk of tap) byteCount += chunk.length;
  expect(await terminal.exit).toMatchObject({ verdict: "ok", outputBytes: byteCount });
  expect(byteCount).toBe(348_890);
});
