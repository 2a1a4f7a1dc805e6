// Programs that were run, as a recording keeps them: shown, played, graded by another range, run again; and what is lost
// when a byte of it is altered.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  defaultConfig,
  improvementReward,
  openGrader,
  type RecordedStep,
  type RunConfig,
  readGroups,
} from "../../../actors/index.ts";
import { packRecord, recordTypes } from "../../../actors/record.ts";
import { competitionTaskOf, outputOfAsciicast } from "../../../envs/index.ts";
import { Journal } from "../../../runtime/index.ts";
import { python } from "../../envs/python.ts";
import { cliFile, inTerminal, iterant } from "./cli.ts";
import { playRun } from "./played.ts";

const root = mkdtempSync(join(tmpdir(), "replay-programs-"));
process.env.ITERANT_CACHE = join(root, "cache"); // for the actors' threads; the command gets it by name
const env = { ITERANT_RUNS: root, ITERANT_CACHE: join(root, "cache") };
const defaults = defaultConfig("mle", "grpo");
// What is recorded does not depend on the walls, and these are everywhere.
const config: RunConfig = { ...defaults, code: { ...defaults.code, sandbox: "unsafe-local", stdio: "pty" } };
const folder = join(root, "programs");
const blobs = join(folder, "episodes", "blobs");

const fenced = (...lines: string[]) => `\`\`\`python\n${lines.join("\n")}\n\`\`\``;
const copySample = [
  "import glob, os, shutil",
  "shutil.copy(glob.glob(os.environ['PUBLIC_RESOURCE_PATH'] + '/sample_submission*')[0], 'submission.csv')",
];
const colours = fenced(...copySample, "print('\\x1b[31mred\\x1b[0m')", "print('10%\\r20%')");
const broken = fenced("print('so far')", "raise SystemExit('no further')");

/** Where it is there the program that looks for it never ends, and says who it is. */
const slow = join(root, "slow");
const begun = join(root, "begun");
const waiting = fenced(
  "import os, time",
  `if os.path.exists(${JSON.stringify(slow)}):`,
  `    with open(${JSON.stringify(join(root, "cache", "begun"))}, 'w') as file: file.write(str(os.getpid()))`,
  `    os.rename(file.name, ${JSON.stringify(begun)})`,
  "    time.sleep(600)",
);

/** The first step of each episode, by id. */
const steps = new Map<string, RecordedStep>();
const stepOf = (id: string) => steps.get(id)!;

beforeAll(async () => {
  await using grader = openGrader("synthetic");
  const [insults, authors] = await Promise.all(
    ["synth-insults", "synth-authors"].map((id) => competitionTaskOf(grader, id)),
  );
  await playRun(folder, config, [
    { task: insults!, said: [[colours], [broken], ["no program"], [colours]] },
    { task: authors!, said: [[fenced(...copySample)], [waiting]] },
  ]);
  for await (const { episodes } of readGroups(join(folder, "episodes"))) {
    for (const { id, steps: [first] = [] } of episodes) steps.set(id, first!);
  }
  const recording = { terminalBytes: 0, blobBytes: 40 };
  await playRun(join(root, "small"), { ...config, recording }, [{ task: insults!, said: [[colours], [broken]] }]);
}, 60_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const replay = (...words: string[]) => iterant(["replay", "programs", ...words], env);

test("a record holds outcome, score and execution, and its evidence once, under its hash", () => {
  const step = stepOf("g0.0.0/0");
  expect(step.info).toMatchObject({
    outcome: "ok",
    score: 0.5,
    isSampleCopy: true,
    execution: { end: "ok", exitCode: 0, tier: "unsafe-local", stdio: "pty" },
  });
  expect(Object.keys(step.blobs)).toEqual(["solution.py", "terminal.cast", "submission.csv"]);
  expect(readFileSync(join(blobs, step.blobs["solution.py"]!.sha256), "utf8")).toContain("shutil.copy");
  const twin = stepOf("g0.0.0/3");
  expect([twin.blobs["solution.py"], twin.blobs["submission.csv"]]).toEqual([
    step.blobs["solution.py"],
    step.blobs["submission.csv"],
  ]);
  expect(stepOf("g0.0.0/2")).toMatchObject({ info: { outcome: "no_code" }, blobs: {} });
  expect(readdirSync(blobs).every((name) => /^[0-9a-f]{64}$/.test(name))).toBe(true);
});

test("an episode is shown with what its program came to and where it lies", () => {
  const { stdout } = replay("g0.0.0/0");
  expect(stdout).toMatch(
    /outcome ok · the program ended: ok, exit code 0 · \d+\.\d s on a pty · tier unsafe-local · 21 bytes/,
  );
  expect(stdout).toContain("score 0.5, a copy of the sample submission\n");
  const { sha256 } = stepOf("g0.0.0/0").blobs["submission.csv"]!;
  expect(stdout).toMatch(/\n {2}submission\.csv: 5\d \d{3} bytes, /);
  expect(stdout).toContain(`${blobs}/${sha256.slice(0, 12)}*\n`);
  expect(replay("g0.0.0/1").stdout).toContain("outcome runtime_error · the program ended: nonzero, exit code 1");
});

test("a terminal is played: in a pipe its lines, to a person pictures, to a file every byte", async () => {
  expect(replay("g0.0.0/0", "--terminal")).toEqual({ code: 0, stderr: "", stdout: "red\n20%\n" });
  expect(replay("g0.0.0/1", "--terminal", "1").stdout).toBe("so far\nno further\n");
  const { raw, lines } = await inTerminal(
    ["replay", join(root, "programs"), "g0.0.0/0", "--terminal", "--speed", "100"],
    80,
    root,
  );
  expect(raw).toContain("\u001b[38;5;1mred\u001b[0m");
  expect(lines).toContain("\r20%");
  const file = join(root, "out.cast");
  expect(replay("g0.0.0/0", "--terminal", "--asciicast", file)).toEqual({ code: 0, stderr: "", stdout: "" });
  expect(outputOfAsciicast(readFileSync(file, "utf8")).toString()).toBe("\x1b[31mred\x1b[0m\r\n10%\r20%\r\n");
});

test("where there is no terminal, or no such turn, that is said", () => {
  expect(replay("g0.0.0/2", "--terminal").stderr).toMatch(/no terminal is recorded of g0\.0\.0\/2: no program ran/);
  expect(replay("g0.0.0/0", "--terminal", "3").stderr).toBe("iterant: g0.0.0/0 has no turn 3: there are 1.\n");
  expect(replay("--terminal", "1").stderr).toMatch(/--terminal is about one episode/);
  expect(replay("g0.0.0/0", "--instant").stderr).toMatch(/--instant is about a terminal/);
});

test("scores again what was left behind, without running it, and shows what another range would pay", () => {
  expect(replay("--rescore").stdout).toBe("6 episodes re-scored · 6 equal · 0 different · 0 could not be told\n");
  const { stdout, code } = replay("--rescore", "paper");
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^rewards by paper\n {2}unchanged 5 · up 1 · down 0 · mean 0\.\d+ before, 0\.\d+ after \(\+0\.\d+\)\n {2}g0\.1\.0\/0 +\+0\.\d+ {2}0\.\d+ → 0\.\d+ {2}synth-authors\n6 episodes re-scored/,
  );
  expect(replay("--rescore", "state_only").stderr).toBe(
    "iterant: --rescore state_only: the profiles of this run's world, mle, are paper, full.\n",
  );
});

test("what an improvement would be worth is counted from the attempt before it, in the other range too", async () => {
  const improving = async (name: string, prevQuality: number) => {
    for await (const group of readGroups(join(folder, "episodes"))) {
      if (group.task.id !== "synth-authors") continue;
      const { draw, episodes } = group;
      const [episode] = episodes;
      const reward = improvementReward(episode!.quality!, prevQuality);
      const journal = await Journal.open(join(root, name, "episodes"), { name: "episodes" });
      const instance = { ...draw.instance, prevQuality };
      const improved = { ...group, draw: { ...draw, mode: "improve", instance }, episodes: [{ ...episode, reward }] };
      journal.append(recordTypes.group, packRecord(improved));
      await journal.close();
    }
    cpSync(blobs, join(root, name, "episodes", "blobs"), { recursive: true });
    writeFileSync(join(root, name, "config.json"), JSON.stringify({ ...config, strategy: "exit" }));
    return iterant(["replay", name, "--rescore", "paper", "--json"], env).stdout;
  };
  const { score } = stepOf("g0.1.0/0").info as { score: number };
  // A quality of 0.2 of 1.5 … 0 is a score of 1.2, and 0.6 of 1.5 … 1.
  const expected = improvementReward((1.5 - score) / 0.5, 0.6);
  expect(JSON.parse(await improving("improving", 0.2)).rescored).toBeCloseTo(expected, 9);
  const best = JSON.parse(await improving("perfect", 1)) as { outcome: string };
  expect(best).toMatchObject({ rescored: improvementReward((1.5 - score) / 0.5, 1) });
});

test("executed again they come to the same, and say what was compared", () => {
  const { stdout, code } = replay("--verify");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^6 episodes verified · 6 same · 0 diverged · 0 could not be told\ncompared: .*not output/);
}, 60_000);

test("what is larger than a run keeps is cut and says so; its recorded score stands for it", () => {
  const small = (...words: string[]) => iterant(["replay", "small", ...words], env);
  const { steps: found } = JSON.parse(small("g0.0.0/0", "--json").stdout) as { steps: RecordedStep[] };
  const { blobs: kept } = found[0]!;
  expect(kept["solution.py"]).toMatchObject({ byteCount: 24, truncated: 174 });
  expect(kept).not.toHaveProperty(["terminal.cast"]);
  expect(small("g0.0.0/0").stdout).toMatch(/solution\.py: 24 bytes of 174, the rest was not kept,\s/);
  expect(small("g0.0.0/0", "--terminal").stderr).toMatch(/no terminal is recorded of g0\.0\.0\/0/);
  expect(small("--rescore").stdout).toBe("2 episodes re-scored · 2 equal · 0 different · 0 could not be told\n");
});

test("Ctrl-C leaves at once with what is known by then, and no program behind", async () => {
  writeFileSync(slow, "");
  const verifying = spawn(process.execPath, [cliFile, "replay", "programs", "--verify"], {
    env: { ...process.env, ...env, ITERANT_PYTHON: python.python, NO_COLOR: "1" },
  });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    verifying[name].setEncoding("utf8").on("data", (text: string) => {
      said[name] += text;
    });
  const watcher = watch(root);
  await once(watcher, "change"); // the slow program has begun
  watcher.close();
  verifying.kill("SIGINT");
  const [code] = await once(verifying, "close");
  expect(code).toBe(130);
  expect(said.stdout).toMatch(/^4 episodes verified · 4 same · 0 diverged/);
  expect(() => process.kill(Number(readFileSync(begun, "utf8")), 0)).toThrow(/ESRCH/);
}, 60_000);

test("on a machine with other files of a competition nothing is told of it, and why is said once", () => {
  const elsewhere = { ...env, ITERANT_CACHE: join(root, "elsewhere") };
  const { stdout, stderr, code } = iterant(["replay", "programs", "--verify", "--task", "synth-insults"], elsewhere);
  expect(code).toBe(0);
  expect(stdout).toContain("4 episodes verified · 0 same · 0 diverged · 4 could not be told (bad_data 4)\n");
  expect(stderr.match(/could not be told: .*the files here are not the task's/g)?.length).toBe(1);
});

test("one altered byte of a blob is named with its file, and everything else is readable", () => {
  const { sha256 } = stepOf("g0.0.0/0").blobs["terminal.cast"]!;
  const path = join(blobs, sha256);
  const bytes = readFileSync(path);
  const altered = Buffer.from(bytes);
  altered[altered.length - 5]! ^= 1;
  writeFileSync(path, altered);
  const damaged = replay("g0.0.0/0", "--terminal");
  expect(damaged).toMatchObject({ code: 1, stdout: "" });
  expect(damaged.stderr).toContain(`iterant: ${path} is damaged: its ${bytes.length} bytes are not those of its name`);
  expect(replay("g0.0.0/0").code).toBe(0);
  expect(replay("g0.0.0/1", "--terminal").stdout).toBe("so far\nno further\n");
  rmSync(path);
  expect(replay("g0.0.0/0", "--terminal").stderr).toContain(`iterant: ${path} is missing; `);
  writeFileSync(path, bytes);
  const submission = stepOf("g0.0.0/0").blobs["submission.csv"]!.sha256;
  writeFileSync(join(blobs, submission), "id,label\n");
  expect(replay("--rescore", "--task", "synth-insults").stdout).toBe(
    `4 episodes re-scored · 2 equal · 0 different · 2 could not be told (damaged evidence ${submission.slice(0, 12)} 2)\n`,
  );
});
