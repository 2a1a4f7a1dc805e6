// Programs as plain child processes: how each of them ends, and that nothing of it is left.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  defaultExecutionLimits,
  type ExecutionLimits,
  outputText,
  type Program,
  unsafeLocalExecutor,
} from "../../../envs/index.ts";
import { isGone } from "../python.ts";
import { codePython } from "./python.ts";

const executor = unsafeLocalExecutor(codePython);
let dataFolder: string;
beforeAll(() => {
  dataFolder = mkdtempSync(join(tmpdir(), "iterant-data-"));
});
afterAll(async () => {
  await executor.close();
  rmSync(dataFolder, { recursive: true });
});

function programOf(text: string, limits: Partial<ExecutionLimits> = {}): Program {
  return {
    text,
    dataFolder,
    dataVariable: "DATA",
    limits: { ...defaultExecutionLimits, ...limits },
    stdio: "pipe",
  };
}
const run = (text: string, limits?: Partial<ExecutionLimits>) => executor.run(programOf(text, limits));

test("a program that writes its submission ends as ok, and leaves nothing but the bytes", async () => {
  const execution = await run("print('hello'); open('submission.csv', 'w').write('id\\n1\\n')");
  expect(execution).toMatchObject({
    end: "ok",
    exitCode: 0,
    signal: null,
    message: "",
    submission: { kind: "file", bytes: Buffer.from("id\n1\n") },
  });
  expect(outputText(execution.output)).toBe("hello\n");
  expect(existsSync(execution.paths.work)).toBe(false);
});

test.each([
  ["raise ValueError('no')", { end: "nonzero", exitCode: 1 }],
  ["import sys; sys.exit(7)", { end: "nonzero", exitCode: 7 }],
  ["def f(:", { end: "nonzero", exitCode: 1 }],
  ["import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", { end: "signal", exitCode: null, signal: "SIGSEGV" }],
  ["pass", { end: "ok", submission: { kind: "missing" } }],
  ["import os; os.symlink('/etc/passwd', 'submission.csv')", { end: "ok", submission: { reason: "symlink" } }],
])("%s", async (text, expected) => {
  expect(await run(text)).toMatchObject(expected);
});

test("a submission of a program that failed is not read", async () => {
  const execution = await run("open('submission.csv', 'w').write('id\\n'); raise SystemExit(1)");
  expect(execution).toMatchObject({ end: "nonzero", submission: { kind: "missing" } });
});

test("a program sees the data's folder and nothing of our environment", async () => {
  process.env.ITERANT_TEST_SECRET = "1";
  const execution = await run("import os; print(os.environ['DATA'], 'ITERANT_TEST_SECRET' in os.environ, os.getcwd())");
  delete process.env.ITERANT_TEST_SECRET;
  expect(outputText(execution.output)).toBe(`${dataFolder} False ${execution.paths.work}\n`);
});

test("a program that never ends is killed at the wall, its children with it", async () => {
  const text = [
    "import subprocess, sys",
    "child = subprocess.Popen([sys.executable, '-c', 'while True: pass'])",
    "print(child.pid, flush=True)",
    "while True: pass",
  ].join("\n");
  const execution = await run(text, { wallMs: 1_500 });
  expect(execution).toMatchObject({ end: "wall", exitCode: null, signal: "SIGKILL" });
  const pid = Number(outputText(execution.output));
  expect(pid).toBeGreaterThan(1);
  await vi.waitUntil(() => isGone(pid), 60_000);
});

test("a program that prints without end is killed at the output limit, and both ends are kept", async () => {
  const execution = await run("while True: print('x' * 1000)", { outputBytes: 1_000_000 });
  expect(execution.end).toBe("output");
  expect(execution.output.byteCount).toBeGreaterThan(1_000_000);
  expect(outputText(execution.output).length).toBeLessThan(100_000);
});

test("an abort kills the program and rejects with the signal's reason", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith("iterant-program-"));
  const running = executor.run(programOf("while True: pass"), { signal: controller.signal });
  await vi.waitUntil(() => readdirSync(tmpdir()).some((name) => isNew(name, before)), 60_000);
  controller.abort(reason);
  await expect(running).rejects.toBe(reason);
  await expect(executor.run(programOf("pass"), { signal: controller.signal })).rejects.toBe(reason);
});

const isNew = (name: string, before: string[]) => name.startsWith("iterant-program-") && !before.includes(name);

test("an interpreter that is not there is no fault of the program", async () => {
  const nowhere = unsafeLocalExecutor({ python: "/nowhere/python" });
  expect(await nowhere.run(programOf("pass"))).toMatchObject({
    end: "setup",
    message: "spawn /nowhere/python ENOENT - unsafe-local - name an interpreter that exists",
  });
});

test("a terminal is not offered", async () => {
  expect(await executor.run({ ...programOf("pass"), stdio: "pty" })).toMatchObject({ end: "setup" });
});

test("only so many programs run at a time, and one that waits can be called off", async () => {
  const narrow = unsafeLocalExecutor({ ...codePython, maxRunning: 1 });
  const diary = join(dataFolder, "diary");
  // Each says when it begins and when it ends; side by side they would both begin first.
  const note = `import time\ndef note(word): open(${JSON.stringify(diary)}, "a").write(word)\n`;
  const program = programOf(`${note}note("begin ")\ntime.sleep(0.5)\nnote("end ")`);
  const first = narrow.run(program);
  const second = narrow.run(program);
  const third = new AbortController();
  const called = narrow.run(program, { signal: third.signal });
  third.abort("called off");
  await expect(called).rejects.toBe("called off");
  expect((await Promise.all([first, second])).map(({ end }) => end)).toEqual(["ok", "ok"]);
  expect(readFileSync(diary, "utf8")).toBe("begin end begin end ");
  await narrow.close();
});

test("close ends what runs and refuses what comes", async () => {
  const own = unsafeLocalExecutor(codePython);
  const running = own.run(programOf("while True: pass"));
  const failure = expect(running).rejects.toThrow(
    "sandbox_closed: the executor was closed - unsafe-local - open another",
  );
  await own.close();
  await own.close();
  await failure;
  await expect(own.run(programOf("pass"))).rejects.toThrow("closed");
});
