// Grades from a real helper process: reports, checks before a run, and failures that are nobody's score.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import {
  CompetitionGrader,
  type CompetitionGraderOptions,
  checkCompetitions,
  competitionTaskSet,
  syntheticSplit,
} from "../../../envs/index.ts";
import { isGone } from "../python.ts";
import { codePython } from "./python.ts";

const folders: string[] = [];
const opened: CompetitionGrader[] = [];
function open(options: Partial<CompetitionGraderOptions> = {}) {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "iterant-competitions-"));
  const grader = new CompetitionGrader({ ...codePython, folder, firstBackoffMs: 1, ...options });
  folders.push(folder);
  opened.push(grader);
  return grader;
}
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const grader = open({ salt: "published" });
const publicFile = async (id: string, name: string) => readFileSync(join((await grader.open(id)).publicFolder, name));

test("hello names the versions that grades depend on", async () => {
  const { name, versions } = await grader.ready;
  expect(name).toBe("competition-grader");
  expect(Object.keys(versions).sort()).toEqual(["competitions", "mlebench", "numpy", "python"]);
});

test("before a run gold and sample of every competition are graded, and gold is the better", async () => {
  const checked = await checkCompetitions(grader);
  expect(checked.map(({ id }) => id)).toEqual([...syntheticSplit.train, ...syntheticSplit.heldOut]);
  for (const { problem, gold, sample } of checked) {
    expect(problem).toBeNull();
    expect([gold!.valid_submission, sample!.valid_submission, gold!.gold_medal]).toEqual([true, true, true]);
  }
  // As the package publishes them, to the fifth decimal.
  expect(Object.fromEntries(checked.map(({ id, sample }) => [id, sample!.score]))).toEqual({
    "synth-insults": 0.5,
    "synth-authors": 1.09843,
    "synth-pizza": 0.5,
    "synth-conductors": 0.15002,
    "synth-toxic": 0.5,
    "synth-glyphs": 0.5,
  });
});

test("a competition whose answers are gone is reported with what is wrong, the others are checked", async () => {
  const folder = mkdtempSync(join(tmpdir(), "iterant-competitions-"));
  const own = open({ folder });
  await own.open("synth-pizza");
  unlinkSync(join(folder, "synth-pizza/prepared/private/test.csv"));
  const [pizza, insults, none] = await checkCompetitions(own, ["synth-pizza", "synth-insults", "synth-chess"]);
  expect(pizza!.problem).toMatch(/^grader_failed: .*FileNotFoundError in check: .*No such file/s);
  expect(insults!.problem).toBeNull();
  expect(none!.problem).toMatch(/no competition 'synth-chess' - there are synth-insults, .* - name mlebench's data/s);
});

test("an invalid submission has a report and a reason; the sample is known", async () => {
  const sample = await publicFile("synth-glyphs", "sample_submission.csv");
  expect(await grader.grade("synth-glyphs", sample)).toMatchObject({
    report: { competition_id: "synth-glyphs", score: 0.5, valid_submission: true, submission_path: "submission.csv" },
    reason: null,
    isSampleCopy: true,
  });
  expect(await grader.grade("synth-glyphs", Buffer.from("id,has_low_left_arm\n"))).toMatchObject({
    report: { score: null, valid_submission: false, submission_exists: true },
    reason: "0 rows instead of 600",
    isSampleCopy: false,
  });
});

test("a submission too large for a line goes by file, and the file is gone afterwards", async () => {
  const isOurs = (name: string) => name.startsWith("iterant-submission-");
  const before = readdirSync(tmpdir()).filter(isOurs);
  const row = `${"x".repeat(80)},0.5\n`;
  const large = Buffer.from(`id,has_low_left_arm\n${row.repeat(120_000)}`);
  expect(large.length).toBeGreaterThan(8 * 1024 ** 2);
  expect((await grader.grade("synth-glyphs", large)).reason).toBe("120000 rows instead of 600");
  expect(readdirSync(tmpdir()).filter(isOurs)).toEqual(before);
});

test("a process that dies fails the grade as infrastructure, and the next grade is given", async () => {
  const own = open();
  await own.open("synth-glyphs");
  const grade = own.grade("synth-glyphs", Buffer.from(`id,has_low_left_arm\n${"a,0.5\n".repeat(900_000)}`));
  const failure = expect(grade).rejects.toMatchObject({ failure: { kind: "failed", cause: "worker_died" } });
  process.kill(own.stats.pids[0]!, "SIGKILL");
  await failure;
  expect((await own.grade("synth-glyphs", Buffer.from("id,has_low_left_arm\n"))).report.valid_submission).toBe(false);
});

test("answers lie apart, for us alone, and the salt is on no command line", async () => {
  const { publicFolder } = await grader.open("synth-authors");
  const answers = join(publicFolder, "../private");
  expect(statSync(answers).mode & 0o777).toBe(0o700);
  expect(existsSync(join(publicFolder, "salt"))).toBe(false);
  const [pid] = grader.stats.pids;
  if (existsSync("/proc/self")) expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).not.toContain("published");
});

test("competitions are a task set with the paper's split; other data is another version", async () => {
  const tasks = await competitionTaskSet(grader);
  expect(await tasks.ids("train")).toEqual(syntheticSplit.train);
  expect(await tasks.ids("heldOut")).toEqual(syntheticSplit.heldOut);
  const task = await tasks.get("synth-pizza");
  expect(task.previews).toMatch(/^## sampleSubmission\.csv \(\d+ bytes\)\n```\nrequest_id,requester_received_pizza\n/);
  expect(JSON.parse(JSON.stringify(task))).toEqual(task);
  expect((await competitionTaskSet(open({ salt: "published" }))).version).toBe(tasks.version);
  expect((await competitionTaskSet(open())).version).not.toBe(tasks.version);
});

test("close leaves no process", async () => {
  const own = open();
  await own.ready;
  const { pids } = own.stats;
  await own.close();
  await vi.waitUntil(() => pids.every(isGone), 60_000);
  await expect(own.ids()).rejects.toThrow("worker_closed");
});
