// Competitions in the real sandbox: the executor of runs, its outcomes, and that no program need run twice.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  CompetitionGrader,
  type CompetitionPrograms,
  type CompetitionTask,
  competitionTaskOf,
  defaultExecutionLimits,
  type Executor,
  mleEnvironment,
  openSandbox,
  reusingExecutor,
  type Sandbox,
  sandboxExecutor,
} from "../../../envs/index.ts";
import { python } from "../python.ts";
import { codePython } from "./python.ts";

const folder = mkdtempSync(join(tmpdir(), "iterant-sandboxed-"));
const grader = new CompetitionGrader({ ...codePython, folder, salt: "test" });
let sandbox: Sandbox;
let executor: Executor;
let task: CompetitionTask;
let programs: CompetitionPrograms;
beforeAll(async () => {
  sandbox = await openSandbox({ ...python, programPython: codePython.python, allowWeak: true });
  executor = sandboxExecutor(sandbox);
  task = await competitionTaskOf(grader, "synth-insults");
  programs = (await grader.programs("synth-insults"))!;
}, 300_000);
afterAll(async () => {
  await executor?.close();
  await grader.close();
  rmSync(folder, { recursive: true, force: true });
});

async function attempt(program: string, more: object = {}) {
  await using environment = mleEnvironment({ mle: { executor, grader, ...more } });
  await environment.reset({ task, seed: 0, prefix: [], mode: "base" });
  const step = await environment.step(`\`\`\`python\n${program}\n\`\`\``);
  return { step, quality: environment.quality(), feedback: environment.feedback() };
}

describe("a program of the policy", () => {
  test("is graded alike on pipes and on a terminal", async () => {
    const [onPipes, onTerminal] = await Promise.all([
      attempt(programs.baseline),
      attempt(programs.baseline, { stdio: "pty" }),
    ]);
    expect(onPipes.step.info).toMatchObject({ outcome: "ok", isValid: true });
    expect(onPipes.quality).toBeGreaterThan(0.7);
    expect(onTerminal.quality).toBe(onPipes.quality);
  });

  test("that fails is told its trace, without a path of this machine", async () => {
    const { step, quality, feedback } = await attempt(programs.broken);
    expect([step.info.outcome, quality]).toEqual(["runtime_error", 0]);
    expect(feedback).toContain("Traceback");
    expect(feedback).not.toMatch(/\/work|\/data\//);
  });

  test("that never ends is ended, and finds neither answers nor salt nor grader", async () => {
    const { step } = await attempt(programs.endless, { limits: { wallMs: 2000 } });
    expect(step.info.outcome).toBe("timeout");
    const looking = `import os, pathlib
found = [str(p) for p in pathlib.Path(os.environ["PUBLIC_RESOURCE_PATH"]).rglob("*")]
found += [str(p) for name in ("private", "salt") for p in pathlib.Path("/").rglob(name) if not str(p).startswith(("/usr/", "/root/"))]
print(sorted(found), dict(os.environ)); raise SystemExit(3)`;
    const { feedback } = await attempt(looking);
    expect(feedback).toContain("train.csv");
    expect(feedback).not.toMatch(/private|answers|salt/);
  });
});

test("no program runs twice where that is wanted, and each is told the same", async () => {
  let count = 0;
  const counting: Executor = {
    ...executor,
    run(program, options) {
      count += 1;
      return executor.run(program, options);
    },
  };
  const reusing = reusingExecutor(counting);
  const program = {
    text: "open('submission.csv', 'w').write('a')",
    dataFolder: folder,
    dataVariable: "DATA",
    limits: defaultExecutionLimits,
    stdio: "pipe" as const,
  };
  const leaving = AbortSignal.abort(new Error("we left"));
  const [one, other, left] = await Promise.all([
    reusing.run(program),
    reusing.run(program),
    reusing.run(program, { signal: leaving }).catch((error: Error) => error.message),
  ]);
  expect([count, other === one, left]).toEqual([1, true, "we left"]);
  expect(one.submission.kind).toBe("file");
  await reusing.run({ ...program, stdio: "pty" });
  expect(count).toBe(2);
});
