// Bad days of a run, seen from the command line: what can be restarted is, and the run goes on; otherwise one message,
// an exit code, nothing left running, and a run that can be resumed. Takes about two minutes.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { RunSummary } from "../../actors/index.ts";
import { allGone, iterationsDone, LiveCommand, makeRunsFolder, readRows, runCli, survivors } from "./cli.ts";

const runs = makeRunsFolder();
const env = { ITERANT_RUNS: runs.path };
afterAll(runs.remove);

const small = [
  ...["--set", "training.promptsPerBatch=6", "--set", "training.targetMinutes=null"],
  ...["--set", "evaluation.problems=6", "--set", "evaluation.K=1", "--set", "evaluation.every=0"],
  ...["--set", "checkpoint.every=3"],
];

function start(name: string, iterations: number, options: { env?: Record<string, string> } = {}): LiveCommand {
  const flags = ["train", "--preset", "tiny", "--name", name, "--iterations", String(iterations), ...small];
  return new LiveCommand(flags, { env: { ...env, ...options.env } });
}

const folderOf = (name: string) => join(runs.path, name);
const rowsFile = (name: string) => join(folderOf(name), "metrics.jsonl");

function summaryOf(name: string): RunSummary {
  return JSON.parse(readFileSync(join(folderOf(name), "summary.json"), "utf8")) as RunSummary;
}

/** Every admitted episode has ended, each in one way. */
function expectBalanced({ ledger }: RunSummary): void {
  const { admitted, ...ends } = ledger;
  expect(Object.values(ends).reduce((sum, count) => sum + count, 0)).toBe(admitted);
}

/** The process of an actor, as attach tells it. */
async function pidOf(name: string, actor: string): Promise<number> {
  const { stdout, stderr } = await runCli(["attach", name, "--json"], { env });
  const pid = stdout.match(new RegExp(`${actor}[^}]*pid (\\d+)`))?.[1];
  if (pid === undefined) throw new Error(`attach does not show ${actor}: ${stdout}${stderr}`);
  return Number(pid);
}

describe("a part that dies is brought back, and the run goes on to its end", () => {
  test("the learner, the engine, and an environment's thread, in one run", async () => {
    const run = start("killed", 14);
    await run.until(rowsFile("killed"), iterationsDone(2));
    process.kill(await pidOf("killed", "learner"), "SIGKILL");
    await run.until(rowsFile("killed"), iterationsDone(5));
    process.kill(await pidOf("killed", "engine-1"), "SIGKILL");
    await run.until(rowsFile("killed"), iterationsDone(8));
    await runCli(["attach", "killed", "environment-1", "--write", "--eval", "process.exit(3)"], { env });
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(0);
    const summary = summaryOf("killed");
    expect(summary).toMatchObject({ steps: 14, finished: true, policy_lag: { max: 1 } });
    expectBalanced(summary);
    const iterations = readRows(folderOf("killed")).flatMap((row) => (row.kind === "iteration" ? [row.iteration] : []));
    expect(iterations).toEqual(Array.from({ length: 14 }, (_, at) => at + 1));
    const notices = readRows(folderOf("killed")).flatMap((row) => (row.kind === "notice" ? [row.text] : []));
    expect(notices).toContainEqual(expect.stringMatching(/^the learner was lost; it is brought back to version \d+$/));
  }, 600_000);
});

describe("a run that is ended", () => {
  test("by SIGKILL leaves nothing running, and is resumed without training anything twice", async () => {
    const run = start("murdered", 12);
    await run.until(rowsFile("murdered"), iterationsDone(7));
    const children = run.descendants();
    expect(children.length).toBeGreaterThan(2);
    run.kill("SIGKILL");
    await run.ended;
    await allGone(children);
    const before = readRows(folderOf("murdered")).length;
    const { code, stderr } = await runCli(["resume", "murdered"], { env });
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/going on from iteration [36]\n/);
    const after = readRows(folderOf("murdered")).slice(before);
    const iterations = after.flatMap((row) => (row.kind === "iteration" ? [row] : []));
    const first = iterations[0]!.iteration;
    expect(iterations.map(({ iteration }) => iteration)).toEqual(
      Array.from({ length: 13 - first }, (_, at) => first + at),
    );
    const summary = summaryOf("murdered");
    expect(summary).toMatchObject({ steps: 12, finished: true });
    expectBalanced(summary);
    // What the ledger calls trained is what the updates that count were made of, in whichever life.
    const kept = [...readRows(folderOf("murdered")).slice(0, before), ...after].filter(
      (row, at) => row.kind === "iteration" && (at >= before || row.iteration < first),
    );
    const trained = kept.reduce((sum, row) => sum + (row.kind === "iteration" ? row.trainedCount : 0), 0);
    expect(kept).toHaveLength(12);
    expect(summary.ledger.trained).toBe(trained);
  }, 600_000);

  test("by Ctrl-C once ends in order with a checkpoint, says how to go on, and leaves nothing running", async () => {
    const run = start("stopped", 1000);
    await run.until(rowsFile("stopped"), iterationsDone(4));
    const children = run.descendants();
    run.kill("SIGINT");
    const { code, stderr, stdout } = await run.ended;
    expect(code).toBe(130);
    expect(stderr).toContain("ending after the update under way, with a checkpoint");
    expect(stderr).toContain(`iterant: interrupted; go on with: iterant resume ${folderOf("stopped")}`);
    expect(stdout).toContain("stopped");
    expect(survivors(children)).toEqual([]);
    const summary = summaryOf("stopped");
    expect(summary.finished).toBe(false);
    expectBalanced(summary);
    expect(existsSync(join(folderOf("stopped"), "node.json"))).toBe(false);
    const steps = summary.steps;
    const resumed = await runCli(["resume", "stopped", "--iterations", String(steps + 2)], { env });
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stderr).toContain(`going on from iteration ${steps}\n`);
    expect(summaryOf("stopped")).toMatchObject({ steps: steps + 2, finished: true });
  }, 600_000);

  test("by Ctrl-C twice ends at once, and leaves nothing running", async () => {
    const run = start("stopped-twice", 1000);
    await run.until(rowsFile("stopped-twice"), iterationsDone(2));
    const children = run.descendants();
    run.kill("SIGINT");
    run.kill("SIGTERM"); // a second SIGINT may be merged with the first before it is delivered
    expect((await run.ended).code).toBe(130);
    await allGone(children);
  }, 600_000);

  test("by Ctrl-C while its parts are starting leaves nothing at all", async () => {
    const run = start("unborn", 1000);
    await run.until(join(folderOf("unborn"), "node.json"), () => true);
    const children = run.descendants();
    run.kill("SIGINT");
    const { code, stderr } = await run.ended;
    expect(code).toBe(130);
    expect(stderr).toContain("iterant: interrupted before anything was trained; nothing is left of it");
    expect(existsSync(folderOf("unborn"))).toBe(false);
    await allGone(children);
  }, 600_000);

  test("by its terminal closing ends in order", async () => {
    const run = start("hung-up", 1000);
    await run.until(rowsFile("hung-up"), iterationsDone(2));
    run.child.stderr!.destroy();
    run.child.stdout!.destroy();
    run.kill("SIGHUP");
    expect((await run.ended).code).toBe(130);
    expect(summaryOf("hung-up").finished).toBe(false);
  }, 600_000);
});

const canMount = (() => {
  try {
    execFileSync("unshare", ["--mount", "true"], { stdio: "ignore" });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
})();

describe.skipIf(!canMount)("a disk that is full (skipped where this user may not mount one)", () => {
  test("ends the run with one message that names who and where, and nothing is left running", async () => {
    const disk = join(runs.path, "disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", disk]);
    try {
      const run = start("full", 1000, { env: { ITERANT_RUNS: disk } });
      const { code, stderr } = await run.ended;
      expect(code).toBe(1);
      expect(stderr).toMatch(/iterant: the run broke off: .*(no space left|ENOSPC|No space left)/i);
      expect(survivors(run.descendants())).toEqual([]);
    } finally {
      execFileSync("umount", [disk]);
    }
  }, 600_000);
});
