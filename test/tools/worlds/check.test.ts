// `iterant worlds check` as a person types it: what can be won here, what cannot and why.
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { CheckedWorld } from "../../../tools/worlds/check.ts";
import { runCli } from "../cli.ts";

const folder = mkdtempSync(join(tmpdir(), "iterant-check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const env = { ITERANT_CACHE: folder };

test("gold beats the sample in every competition; a file that was changed is named, the others are graded", async () => {
  const check = () => runCli(["worlds", "check", "--preset", "tiny-code", "--json"], { env });
  const { code, stdout } = await check();
  const { about, tasks } = JSON.parse(stdout) as CheckedWorld;
  expect(code).toBe(0);
  expect(Object.keys(about)).toContain("sandbox");
  expect(tasks.map(({ problem, best }) => ({ problem, best }))).toEqual(Array(6).fill({ problem: null, best: 1 }));
  expect(Object.fromEntries(tasks.map(({ task, sample }) => [task, sample]))).toMatchObject({
    "synth-insults": 0.5,
    "synth-glyphs": 0.5,
  });
  appendFileSync(join(folder, "competitions", "synth-pizza", "prepared", "private", "test.csv"), "\n");
  const damaged = await check();
  expect(damaged.code).toBe(1);
  const lost = (JSON.parse(damaged.stdout) as CheckedWorld).tasks.filter(({ problem }) => problem !== null);
  expect(lost).toEqual([
    {
      task: "synth-pizza",
      best: null,
      sample: null,
      problem: expect.stringMatching(/test\.csv is not as it was made/),
    },
  ]);
  expect(damaged.stderr).toMatch(/1 of 6 tasks cannot be won\.\n$/);
});

test("functions: every reference is run; problems: every gold is compared with itself", async () => {
  const tools = await runCli(["worlds", "check", "--preset", "tiny-tools", "--problems", "office:easy:40"], { env });
  expect(tools).toMatchObject({ code: 0 });
  expect(tools.stdout).toMatch(/^ {2}tools, office:easy:40\n(.|\n)* {2}40 of 40 tasks can be won\n$/);
  const file = join(folder, "problems.jsonl");
  const problems = Array.from({ length: 12 }, (_, at) =>
    JSON.stringify({ problem: `${at}+1`, answer: String(at + 1) }),
  );
  writeFileSync(file, `${problems.join("\n")}\n`);
  const maths = await runCli(["worlds", "check", "--problems", file], { env });
  expect(maths.stdout).toMatch(/ math-verify .*\n(.|\n)* {2}12 of 12 tasks can be won\n$/);
});

test("tasks that cannot be read are refused as input, a world that this machine lacks as the machine's fault", async () => {
  const nowhere = await runCli(["worlds", "check", "--problems", join(folder, "nowhere.jsonl")], { env });
  expect(nowhere).toMatchObject({ code: 2, stdout: "" });
  const lacking = await runCli(["worlds", "check", "--preset", "code"], {
    env: { ...env, ITERANT_CODE_PYTHON: join(folder, "python") },
  });
  expect(lacking).toMatchObject({ code: 3, stdout: "" });
  expect(lacking.stderr).toMatch(/no Python with the packages of this world: .*npm run setup -- code/);
});
