// Episodes executed again: those that come to the same, and what is said of one whose record was altered.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultConfig, openToolSuite, type RecordedGroup, type RunConfig, readGroups } from "../../../actors/index.ts";
import { packRecord, recordTypes } from "../../../actors/record.ts";
import type { ToolTask } from "../../../envs/index.ts";
import { Journal } from "../../../runtime/index.ts";
import { iterant } from "./cli.ts";
import { playRun } from "./played.ts";

const root = mkdtempSync(join(tmpdir(), "replay-verify-"));
const defaults = defaultConfig("tools", "grpo");
const config: RunConfig = {
  ...defaults,
  problems: { ...defaults.problems, train: "office:tiny:60" },
  tools: { ...defaults.tools, docs: "none" },
};
let group: RecordedGroup;

/** Reads `move 3 bolt A to B then move …`; another count of each, for a wrong answer. */
function calls({ requests }: ToolTask, more = 0): string {
  const moves = [...requests[0]!.matchAll(/move (\d) (\w+) (\w) to (\w)/g)].map(([, count, part, source, target]) => {
    return { name: "move_part", args: { part, count: Number(count) + more, source, target } };
  });
  return `<tool>${JSON.stringify(moves)}</tool>`;
}

beforeAll(async () => {
  await using suite = await openToolSuite("office:tiny:60");
  const tasks = await suite.tasks();
  const task = await tasks.get((await tasks.ids("train"))[0]!);
  const said = [
    [calls(task), "<TASK_FINISHED>"],
    ["<TASK_FINISHED>"],
    [calls(task, -1), "I wonder.", "<TASK_FINISHED>"],
    ["<TASK_ERROR>"],
  ];
  await playRun(join(root, "true"), config, [{ task, said }]);
  // The same parts moved one by one: the state is right, the calls are others.
  const oneByOne = calls(task).replace(/<tool>(.*)<\/tool>/, (_, text: string) => {
    const moves = JSON.parse(text) as { name: string; args: { count: number } }[];
    const single = moves.flatMap((move) => Array(move.args.count).fill({ ...move, args: { ...move.args, count: 1 } }));
    return `<tool>${JSON.stringify(single)}</tool>`;
  });
  const others = [[oneByOne, "<TASK_FINISHED>"], ["<TASK_ERROR>"]];
  await playRun(join(root, "others"), config, [{ task, said: others }]);
  for await (const one of readGroups(join(root, "true", "episodes"))) group = one;
}, 60_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Episode = RecordedGroup["episodes"][number];

/** The recording with its first episodes altered, as a run of its own. */
async function altered(name: string, ...changes: ((episode: Episode) => object)[]): Promise<string> {
  const folder = join(root, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const journal = await Journal.open(join(folder, "episodes"), { name: "episodes" });
  const episodes = group.episodes.map((episode, at) => ({ ...episode, ...changes[at]?.(episode) }));
  journal.append(recordTypes.group, packRecord({ ...group, episodes }));
  await journal.close();
  return name;
}

const verify = (run: string, ...words: string[]) =>
  iterant(["replay", run, "--verify", ...words], { ITERANT_RUNS: root });
const compared = "compared: the world's version, openings, readings, observations, state digests, ends, qualities\n";

test("an untouched recording comes to the same, at every turn", () => {
  expect(group.episodes.map(({ quality }) => quality)).toEqual([1, 0, 0, 0]);
  expect(verify("true")).toEqual({
    code: 0,
    stderr: "  verifying 0 of 4 …\n",
    stdout: `4 episodes verified · 4 same · 0 diverged · 0 could not be told\n${compared}`,
  });
  expect(verify("true", "g0.0.0/2").stdout).toMatch(/^1 episode verified · 1 same/);
});

test("an altered response is named: the turn, what was recorded and what came now", async () => {
  const run = await altered("response", ({ turns: [first, ...rest] }) => {
    return { turns: [{ ...first, response: first!.response.replace(/"count":(\d)/, '"count":9') }, ...rest] };
  });
  const { stdout, code } = verify(run);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^g0\.0\.0\/0 {2}diverged at turn 1: observation · recorded tool: .*moved.*: \d\}.*now tool: .*moved.*: 9\}.*\n4 episodes verified · 3 same · 1 diverged/,
  );
  const json = verify(run, "--json", "--limit", "1");
  expect(JSON.parse(json.stdout)).toMatchObject({
    id: "g0.0.0/0",
    outcome: "diverged",
    divergence: { turn: 1, what: "observation", recorded: expect.stringContaining("moved") },
    cause: null,
  });
  expect(json.stderr).toContain("1 episode verified · 0 same · 1 diverged · 0 could not be told\n");
});

test("so is another state behind the same words, another reading, another end, another quality", async () => {
  const other = "0".repeat(64);
  const run = await altered(
    "four",
    ({ steps: [first, ...rest] = [] }) => ({ steps: [{ ...first, digest: other }, ...rest] }),
    ({ steps: [first, ...rest] = [] }) => ({ steps: [{ ...first, responseKind: "none" }, ...rest] }),
    ({ turns, messages }) => ({ turns: turns.slice(0, 2), messages: messages.slice(0, 4) }),
    () => ({ quality: 0.5 }),
  );
  expect(verify(run)).toMatchObject({
    code: 1,
    stdout: `g0.0.0/0  diverged at turn 1: state
    - ${other}
    + ${group.episodes[0]!.steps![0]!.digest}
g0.0.0/1  diverged at turn 1: reading · recorded none, now finished
g0.0.0/2  diverged at turn 2: end · recorded the episode ended, now the episode went on
g0.0.0/3  diverged at turn 1: quality · recorded 0.5, now 0
4 episodes verified · 0 same · 4 diverged · 0 could not be told
${compared}`,
  });
});

test("another version of the world is the first thing that is said", async () => {
  const folder = await altered("version");
  const config = JSON.parse(readFileSync(join(root, folder, "config.json"), "utf8")) as RunConfig;
  config.tools.profile = "state_only";
  writeFileSync(join(root, folder, "config.json"), JSON.stringify(config));
  expect(verify(folder, "--limit", "1").stdout).toContain(
    "g0.0.0/0  diverged before the first turn: world · recorded tools-office 1-first-exit-none, now tools-office 1-first-state_only-none\n",
  );
});

test("what failed when it was recorded cannot be told, and is no divergence", async () => {
  const run = await altered("failed", () => ({
    quality: null,
    reward: null,
    failure: { cause: "engine", message: "gone" },
  }));
  const { stdout, code } = verify(run);
  expect(code).toBe(0);
  expect(stdout).toContain(
    "4 episodes verified · 3 same · 0 diverged · 1 could not be told (engine when recorded 1)\n",
  );
});

test("other rules are a table: state_only does not ask for the calls", () => {
  const rescore = (run: string) => iterant(["replay", run, "--rescore", "state_only"], { ITERANT_RUNS: root });
  expect(rescore("true")).toMatchObject({
    code: 0,
    stdout: `rewards by state_only
  unchanged 4 · up 0 · down 0 · mean 0.25 before, 0.25 after (0)
4 episodes re-scored · 4 equal · 0 different · 0 could not be told
`,
  });
  expect(rescore("others")).toMatchObject({
    code: 1,
    stdout: `rewards by state_only
  unchanged 1 · up 1 · down 0 · mean 0 before, 0.5 after (+0.5)
  g0.0.0/0       +1  0 → 1  ${group.task.id}
2 episodes re-scored · 1 equal · 1 different · 0 could not be told
`,
  });
});

test("the episode shows its calls and their states", () => {
  const { stdout } = iterant(["replay", "true", "g0.0.0/0"], { ITERANT_RUNS: root });
  const { digest } = group.episodes[0]!.steps![0]!.info as { digest: string };
  expect(stdout).toContain(`  all calls were made · state ${digest.slice(0, 12)}\n`);
  expect(stdout).toContain("  the request is fulfilled\n");
});

test("--verify and --rescore are not asked for together", () => {
  expect(verify("true", "--rescore").stderr).toBe("iterant: --rescore and --verify are two things: ask for one.\n");
});

test("a recording of the first version is listed, shown and scored again as ever", () => {
  const fixture = join(import.meta.dirname, "../../../../test/fixtures/recording-of-version-1");
  cpSync(fixture, join(root, "old"), { recursive: true });
  const replay = (...words: string[]) => iterant(["replay", "old", ...words], { ITERANT_RUNS: root });
  expect(readdirSync(join(root, "old", "episodes"))).not.toContain("blobs");
  expect(replay().stdout).toContain("7 episodes · mean reward 0.5 · base 5, improve 2");
  expect(replay("g1.0.0/0").stdout).toContain("turn 1 (37 tokens)\n  One and one.\n  No: two.\n");
  expect(replay("--rescore").stdout).toContain("7 episodes re-scored · 6 equal · 0 different · 1 could not be told");
  expect(replay("g1.0.0/0", "--terminal")).toEqual({
    code: 2,
    stdout: "",
    stderr: "iterant: g1.0.0/0 was recorded before there were terminals in records.\n",
  });
  expect(replay("--verify").stdout).toMatch(/7 episodes verified · /);
});
