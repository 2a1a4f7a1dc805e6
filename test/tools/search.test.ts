// `iterant search` as a person types it, on the shipped model: the same nodes whether it was broken off or not.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readFindings, type SearchReport } from "../../actors/index.ts";
import { LiveCommand, makeRunsFolder, runCli, survivors } from "./cli.ts";

const runs = makeRunsFolder();
afterAll(runs.remove);
const env = { ITERANT_RUNS: runs.path };
const about = ["search", "--model", "tiny", "--steps", "6", "--count", "4", "--samples", "2", "--json"];

const reportIn = (name: string) =>
  JSON.parse(readFileSync(join(runs.path, name, "report.json"), "utf8")) as SearchReport;

async function responses(name: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { task, sample, node } of readFindings(join(runs.path, name, "search"))) {
    found.push(`${task} ${sample} ${node.index} ${node.operator} ${node.parent} ${node.response}`);
  }
  return found.sort();
}

/** What does not depend on the clock. */
const scoresOf = ({ tasks, mean, rule }: SearchReport) => ({
  rule,
  mean,
  tasks: tasks.map(({ wall_s, ...rest }) => rest),
});

test("a search that was killed goes on at its last node, and comes to what it would have come to", async () => {
  const whole = await runCli([...about, "--name", "whole"], { env });
  expect(whole).toMatchObject({ code: 0 });
  const command = new LiveCommand([...about, "--name", "killed"], { env });
  await command.until(
    join(runs.path, "killed", "search", "search-000001.journal"),
    (text) => text.length > 1500 || undefined,
  );
  command.kill("SIGKILL");
  await command.ended;
  const before = await responses("killed");
  const resumed = await runCli(["search", "--resume", "killed", "--json"], { env });
  expect(resumed).toMatchObject({ code: 0 });
  expect(before.length).toBeLessThan(56);
  expect(await responses("killed")).toEqual(await responses("whole"));
  expect(await responses("killed")).toEqual(expect.arrayContaining(before));
  expect(scoresOf(reportIn("killed"))).toEqual(scoresOf(reportIn("whole")));
});

test("Ctrl-C ends it in order, says how to go on, and leaves nobody behind", async () => {
  const command = new LiveCommand([...about, "--name", "interrupted"], { env });
  const journal = join(runs.path, "interrupted", "search", "search-000001.journal");
  await command.until(journal, (text) => text.length > 500 || undefined);
  const children = command.descendants();
  command.kill("SIGINT");
  const { code, stdout, stderr } = await command.ended;
  expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
  expect(stderr).toMatch(/interrupted; go on with: iterant search --resume interrupted\n$/);
  expect(survivors(children)).toEqual([]);
  expect(await runCli(["search", "--resume", "interrupted", "--json"], { env })).toMatchObject({ code: 0 });
  expect(await responses("interrupted")).toEqual(await responses("whole"));
});

test("without steps it is plain evaluation: the same first answers, the same accuracy", async () => {
  const flags = ["--model", "tiny", "--count", "10", "--samples", "2", "--json"];
  const searched = await runCli(["search", ...flags, "--steps", "0", "--name", "plain"], { env });
  const evaluated = await runCli(["eval", ...flags, "--steps", "0"], { env });
  const { mean } = JSON.parse(searched.stdout) as SearchReport;
  const { accuracy } = JSON.parse(evaluated.stdout) as { accuracy: number[] };
  expect(mean[0]).toBeCloseTo(accuracy[0]!, 10);
});

test("flags that make no sense are refused before anything starts", async () => {
  const refusal = async (...args: string[]) => (await runCli(["search", ...args], { env })).stderr;
  expect(await refusal("--model", "tiny", "--debug", "2")).toMatch(
    /--debug 2 is no probability: give a number from 0 to 1/,
  );
  expect(await refusal("--resume", "nowhere")).toMatch(/no search 'nowhere' in .*: give the name it was started with/);
  expect(await refusal("--model", "tiny", "--name", "whole")).toMatch(/there is a whole already .*--resume whole/);
});
