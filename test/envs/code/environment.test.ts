// The world of competitions with real programs, a real grader, and no sandbox.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  CompetitionGrader,
  type CompetitionPrograms,
  type CompetitionTask,
  competitionTaskOf,
  type EpisodeStart,
  type Execution,
  type Executor,
  InfrastructureError,
  type Message,
  type MleOptions,
  mleEnvironment,
  outputOfAsciicast,
  programName,
  programShownIn,
  readAsciicast,
  scriptedPolicy,
  submissionName,
  type Turn,
  templatePolicy,
  templateWording,
  terminalName,
  unsafeLocalExecutor,
} from "../../../envs/index.ts";
import { environmentSuite } from "../../conformance/environment.ts";
import { codePython } from "./python.ts";

const folder = mkdtempSync(join(tmpdir(), "iterant-competitions-"));
const grader = new CompetitionGrader({ ...codePython, folder, salt: "published", firstBackoffMs: 1 });
const executor = unsafeLocalExecutor(codePython);
let task: CompetitionTask;
let programs: CompetitionPrograms;
beforeAll(async () => {
  task = await competitionTaskOf(grader, "synth-insults");
  programs = (await grader.programs("synth-insults"))!;
});
afterAll(async () => {
  await Promise.all([grader.close(), executor.close()]);
  rmSync(folder, { recursive: true });
});

const fenced = (program: string) => `My program:\n\n\`\`\`python\n${program}\n\`\`\`\n`;
/** Starts in a few hundredths of a second: it imports nothing heavy. */
const copySample = [
  "import os, shutil",
  "shutil.copy(os.environ['PUBLIC_RESOURCE_PATH'] + '/sample_submission_null.csv', 'submission.csv')",
].join("\n");
const fail = "import sys\nsys.exit('no luck')";

describe("the contract", () => {
  // The suite wants the task when its tests are registered; the task is made before they run.
  const lazily = { get: (_: object, key: keyof CompetitionTask) => task[key] };
  for (const [name, play] of [
    ["mle", [fenced(copySample)]],
    ["mle, several programs", [fenced(fail), fenced(copySample)]],
  ] as const) {
    environmentSuite({
      name,
      create: (options) => mleEnvironment({ ...options, mle: { grader, executor, programCount: play.length } }),
      task: new Proxy({} as CompetitionTask, lazily),
      seed: 0,
      play,
    });
  }
});

const start = (prefix: readonly Turn[] = [], mode: EpisodeStart["mode"] = "base") => ({ task, seed: 0, prefix, mode });

async function play(response: string, options: Partial<MleOptions> = {}) {
  await using environment = mleEnvironment({ mle: { grader, executor, ...options } });
  await environment.reset(start());
  const step = await environment.step(response);
  return { step, info: step.info as any, feedback: environment.feedback(), quality: environment.quality() };
}

test.each([
  ["no program at all", "I would rather not.", "no_code", /^The response held no complete program/],
  ["a program that was cut off", "```python\nprint(1)\n", "no_code", /one fenced block/],
  ["a program only in its reasoning", `<think>${fenced(copySample)}</think>Done.`, "no_code", /no complete program/],
  ["a program that is no Python", fenced("def f(:"), "syntax_error", /^ {2}File "solution.py", line 1\n.*SyntaxError/s],
  ["a program that evaluates nonsense", fenced("eval('1 +')"), "runtime_error", /SyntaxError: invalid syntax$/],
  ["an exception", fenced("1 / 0"), "runtime_error", /^Traceback .*\n {2}File "solution.py", line 1, in <module>/],
  ["an exit code and no word", fenced("raise SystemExit(3)"), "runtime_error", /exit code 3 and no output/],
  ["a crash", fenced("import os; os.abort()"), "killed", /^The program was stopped: it was ended by SIGABRT\.$/],
  ["no submission", fenced("pass"), "no_submission", /left no submission\.csv in its working directory/],
  [
    "a link as its submission",
    fenced("import os; os.symlink('/etc/passwd', 'submission.csv')"),
    "invalid_submission",
    /^submission\.csv was not accepted: submission\.csv is a symbolic link/,
  ],
  [
    "a submission of other columns",
    fenced("open('submission.csv', 'w').write('a,b\\n1,2\\n')"),
    "invalid_submission",
    /^submission\.csv was not accepted: no column 'Insult': the columns are a, b$/,
  ],
])("%s is of quality 0, and what came of it is told", async (_, response, outcome, told) => {
  const { step, info, feedback, quality } = await play(response);
  expect(step).toMatchObject({ terminated: true, reward: 0, responseKind: outcome === "no_code" ? "none" : "code" });
  expect([info.outcome, quality]).toEqual([outcome, 0]);
  expect(feedback).toMatch(told);
  expect(feedback).not.toContain(tmpdir());
});

test("a program that does not end in time is stopped, its words untold", async () => {
  const { info, feedback, quality } = await play(fenced(programs.endless), { limits: { wallMs: 1_000 } });
  expect([info.outcome, quality, feedback]).toEqual([
    "timeout",
    0,
    "The program was stopped: it ran for longer than 1 s.",
  ]);
});

test("the sample submission is graded like any other, and known for what it is", async () => {
  const { step, info, feedback, quality } = await play(fenced(copySample));
  expect([info.outcome, info.score, info.isSampleCopy, quality, step.reward]).toEqual(["ok", 0.5, true, 0.5, 0.5]);
  expect(feedback).toBeNull();
  expect(info.grade.report).toMatchObject({ competition_id: "synth-insults", valid_submission: true, score: 0.5 });
  expect(info.execution).toMatchObject({ tier: "unsafe-local", end: "ok", exitCode: 0 });
  expect(info.execution.submission.sha256).toMatch(/^[0-9a-f]{64}$/);
});

test("the evidence is the program, its submission and what its terminal showed, to the byte", async () => {
  const text = ["import sys", "sys.stdout.buffer.write(b'50%\\xff\\n')", copySample].join("\n");
  const { step } = await play(fenced(text), { terminalBytes: 10_000 });
  const { [programName]: program, [submissionName]: submission, [terminalName]: terminal } = step.evidence!;
  expect(Object.keys(step.evidence!).length).toBe(3);
  expect(Buffer.from(program!).toString()).toBe(`${text}\n`);
  expect(createHash("sha256").update(submission!).digest("hex")).toBe(
    (step.info as { execution: { submission: { sha256: string } } }).execution.submission.sha256,
  );
  expect(outputOfAsciicast(Buffer.from(terminal!).toString())).toEqual(Buffer.from("50%\xff\n", "latin1"));
  expect(step.info.execution).toMatchObject({ stdio: "pipe" });
  expect(step.info.execution).not.toHaveProperty("output");
});

test("of a failed program the evidence has no submission, of a response without one there is none, nor a terminal unasked", async () => {
  expect(Object.keys((await play(fenced(fail))).step.evidence!)).toEqual([programName]);
  expect((await play("no program")).step).not.toHaveProperty("evidence");
});

test("a flood is kept at either end, and says what is missing", async () => {
  const flood = "for at in range(5000): print(at)";
  const { step } = await play(fenced(flood), { terminalBytes: 4_096 });
  const { events } = readAsciicast(Buffer.from(step.evidence![terminalName]!).toString());
  const text = events.map((event) => (event.kind === "output" ? event.bytes.toString() : "…")).join("");
  expect(text).toMatch(/^0\n1\n[\s\S]*…[\s\S]*\n4999\n$/);
  expect(text.length).toBeLessThan(4_096);
});

test("a program finds public files only: nothing of the answers is in reach of its data's folder or environment", async () => {
  const look = [
    "import os",
    "data = os.environ['PUBLIC_RESOURCE_PATH']",
    "print(sorted(os.listdir(data)), sorted(os.environ), data.endswith('/public'))",
    copySample,
  ].join("\n");
  const { info } = await play(fenced(look));
  expect(info.execution.output).toMatch(
    /^\['description.md', 'sample_submission_null.csv', 'test.csv', 'train.csv'\] \['HOME'/,
  );
  expect(info.execution.output).not.toMatch(/SALT|ITERANT/);
});

test("what the prompt shows: the starting program, the competition, its files, the limits, and no answer", async () => {
  await using environment = mleEnvironment({ mle: { grader, executor } });
  const { messages } = await environment.reset(start());
  expect(messages.length).toBe(1);
  const [{ content }] = messages as [Message];
  const parts = [
    "# Current solution.py\n\n```python\nimport os\n",
    'DATA = os.environ["PUBLIC_RESOURCE_PATH"]',
    "Improve solution.py",
    "# The competition\n\n# Task\n\nPredict whether a comment is meant to insult",
    "# The files in `PUBLIC_RESOURCE_PATH`\n\n## sample_submission_null.csv (",
    "## train.csv (",
    "End within 5 minutes and 4 GiB of memory",
    "in one block fenced by triple backticks.",
  ];
  let at = -1;
  for (const part of parts) {
    expect(content.indexOf(part), part).toBeGreaterThan(at);
    at = content.indexOf(part);
  }
  expect(content).toMatch(/\n## train\.csv \(\d+ bytes\)\n```\nInsult,Date,Comment\n[01],/);
  expect(content).not.toContain(folder);
  expect(content).not.toContain("What came of running it");
});

test("a second attempt is shown the program and its trace in the place of the first, under another goal", async () => {
  await using environment = mleEnvironment({ mle: { grader, executor } });
  const opening = (await environment.reset(start())).messages[0]!.content;
  await environment.step(fenced(programs.broken));
  const broken = environment.turns();
  expect(broken[0]!.feedback).toMatch(/KeyError: 'Insulting'$/);
  const ask = async (mode: "improve" | "diverge", prefix: readonly Turn[]) => {
    const { messages } = await environment.reset(start(prefix, mode));
    expect(messages.length, "it stands in the place of the first request").toBe(1);
    const [{ content }] = messages as [Message];
    expect(content.slice(content.indexOf("# The competition"))).toBe(
      opening.slice(opening.indexOf("# The competition")),
    );
    expect(content).not.toMatch(/score of|quality|0\.\d{3}/);
    return content;
  };
  const debug = await ask("improve", broken);
  expect(programShownIn(debug)).toContain('train["Insulting"]');
  expect(debug).toContain("# What came of running it\n\n```\nTraceback (most recent call last):");
  expect(debug).toContain("Find out why solution.py failed");
  const good: Turn = { response: fenced(copySample), observation: [], iterDepth: 0 };
  expect(await ask("improve", [good])).toContain("Improve solution.py");
  expect(await ask("diverge", [good])).toContain("a radically different approach");
  expect(await ask("diverge", broken)).toContain("KeyError");
  const silent: Turn = { response: "I have none.", observation: [], iterDepth: 0, feedback: "No program." };
  expect(programShownIn(await ask("improve", [silent]))).toContain(
    "# The files of the competition are in this folder.",
  );
});

test("four improve steps of a scripted policy raise the score, through a broken program", async () => {
  const policy = scriptedPolicy([`${copySample}\n`, programs.baseline, programs.broken, programs.good]);
  await using environment = mleEnvironment({ mle: { grader, executor } });
  const found: { outcome: string; quality: number; best: number }[] = [];
  let prefix: readonly Turn[] = [];
  for (let step = 0; step <= 4; step += 1) {
    const { messages } = await environment.reset(start(prefix, step === 0 ? "base" : "improve"));
    const { info } = await environment.step(policy(messages));
    const quality = environment.quality()!;
    const best = Math.max(quality, found.at(-1)?.best ?? 0);
    found.push({ outcome: info.outcome as string, quality, best });
    prefix = environment.turns();
  }
  expect(found.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "runtime_error", "ok", "ok"]);
  const bests = found.map(({ best }) => best);
  expect(bests[0]).toBe(0.5);
  expect(bests[1], "the baseline beats the sample").toBeCloseTo(0.81154, 2);
  expect(bests[2], "a failure loses nothing").toBe(bests[1]);
  expect(bests[3], "the good one beats the baseline").toBeCloseTo(0.86178, 2);
  expect(bests[4]).toBe(bests[3]);
  expect(prefix[0]!.iterDepth).toBe(4);
  expect(environment.rewardKind).toBe("improvement");
  expect(environment.maxImprovement(bests[1]!)).toBeCloseTo(1 - bests[1]!, 10);
});

test("a policy of a few words runs real programs, and a bad choice of words is a program that is not there", async () => {
  const glyphs = await competitionTaskOf(grader, "synth-glyphs");
  await using environment = mleEnvironment({ mle: { grader, executor, wording: templateWording } });
  const begin = { task: glyphs, seed: 0, prefix: [] as readonly Turn[], mode: "base" as const };
  const { messages } = await environment.reset(begin);
  expect(messages[0]!.content).toBe(
    "synth-glyphs\nfeatures: pixels aligned\nmodel: logistic forest boosting\nstrength: weak strong\nanswer: one word of each line",
  );
  expect(await environment.step("pixels forest")).toMatchObject({ reward: 0, responseKind: "none" });
  await environment.reset(begin);
  await environment.step("pixels logistic weak");
  const before = environment.quality()!;
  const again = await environment.reset({ ...begin, prefix: environment.turns(), mode: "improve" });
  expect(again.messages[0]!.content).toMatch(/\ncurrent: pixels logistic weak\nimprove$/);
  expect(templatePolicy("synth-glyphs", 1)(again.messages).split(" ").length).toBe(3);
  await environment.step("aligned logistic weak");
  expect(environment.quality()! - before, "the stem was the point").toBeGreaterThan(0.1);
});

/** An executor that answers as it is told. */
const answering = (end: Partial<Execution>): Pick<Executor, "tier" | "run"> => ({
  tier: "of-paper",
  run: async () => ({
    end: "ok",
    exitCode: 0,
    signal: null,
    message: "",
    output: { head: Buffer.alloc(0), tail: Buffer.alloc(0), byteCount: 0 },
    submission: { kind: "missing" },
    wallMs: 1,
    paths: { program: "/x/solution.py", work: "/x", data: "/data" },
    ...end,
  }),
});

test.each([
  ["cpu", "timeout", "it used more than 600 s of processor time"],
  ["oom", "oom", "it used more than 4096 MiB of memory"],
  ["pids", "killed", "it had more than 256 processes and threads"],
  ["output", "killed", "it printed more than 8388608 bytes"],
  ["disk", "killed", "it wrote more than 256 MiB to disk"],
] as const)("an end by %s is %s", async (end, outcome, why) => {
  const { info, feedback } = await play(fenced("pass"), { executor: answering({ end }) });
  expect([info.outcome, feedback]).toEqual([outcome, `The program was stopped: ${why}.`]);
});

test.each(["setup", "sandbox_error"] as const)("%s fails the episode and earns nothing, not 0", async (end) => {
  const { step, quality } = await play(fenced("pass"), { executor: answering({ end, message: "no room" }) });
  expect(step.failed).toEqual({ kind: "failed", cause: "sandbox_error", message: "no room - of-paper" });
  expect([step.reward, quality]).toEqual([undefined, null]);
});

test("a grader that fails fails the episode and earns nothing, not 0", async () => {
  const failing = {
    open: grader.open.bind(grader),
    grade: async () => {
      throw new InfrastructureError("grader_failed", "no leaderboard");
    },
  };
  const { step, quality } = await play(fenced(copySample), { grader: failing });
  expect(step.failed).toEqual({ kind: "failed", cause: "grader_failed", message: "no leaderboard" });
  expect(quality).toBeNull();
});

test("the program alone stands for a response where solutions are compared", () => {
  const environment = mleEnvironment({ mle: { grader, executor } });
  const turnOf = (response: string): Turn => ({ response, observation: [], iterDepth: 0 });
  expect(environment.solutionText([turnOf("First"), turnOf(fenced("pass"))])).toBe("pass\n");
  expect(environment.solutionText([turnOf("<think>hm</think>I have none.")])).toBe("I have none.");
});

test("a task of other files than those of this machine is refused", async () => {
  await using environment = mleEnvironment({ mle: { grader, executor } });
  await expect(environment.reset({ ...start(), task: { ...task, hash: "another" } })).rejects.toThrow(
    "bad_data: the files here are not the task's - mle, task synth-insults - share the folder of the competitions",
  );
});

test("what is told and what is paid are part of the version", () => {
  const version = (mle: Partial<MleOptions>) => mleEnvironment({ mle: { grader, executor, ...mle } }).version;
  expect(version({})).toBe("1-programs-full-1");
  expect(version({ wording: templateWording, scoreRanges: "paper", programCount: 3 })).toBe("1-templates-paper-3");
});
