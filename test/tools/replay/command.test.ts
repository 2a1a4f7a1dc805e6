import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SelectionFlags, selectEpisodes } from "../../../tools/replay/selection.ts";
import { cliFile, type Ended, inTerminal, iterant, shell } from "./cli.ts";
import { config, groupOf, threeGroups, writeRun, writeTokenizer } from "./recordings.ts";

let runs: string;
beforeAll(async () => {
  runs = mkdtempSync(join(tmpdir(), "replay-runs-"));
  await writeRun(join(runs, "three"), threeGroups());
  writeTokenizer(join(runs, "three"));
  mkdirSync(join(runs, "empty"));
  writeFileSync(join(runs, "empty", "config.json"), JSON.stringify(config));
});
afterAll(() => rmSync(runs, { recursive: true, force: true }));

const replay = (...words: string[]): Ended => iterant(["replay", ...words], { ITERANT_RUNS: runs });
describe("the list", () => {
  test("has a row for each episode and a line that sums them up", () => {
    expect(replay("three")).toEqual({
      code: 0,
      stderr: "",
      stdout: `\
episode   iteration  mode     depth  task                   reward  tokens  versions  end
g0.0.0/0          0  base         0  math-8ac25a17e4401827       1      28  0         stop
g0.0.0/1          0  base         0  math-8ac25a17e4401827       0      28  0         stop
g1.0.0/0          1  improve      1  math-8ac25a17e4401827       1      37  1..2      stop
g1.0.0/1          1  improve      1  math-8ac25a17e4401827       0      15  1..2      stop
g2.0.0/0          2  base         0  math-fb79896ca64e1988       1      10  0         stop
g2.0.0/1          2  base         0  math-fb79896ca64e1988       0       9  0         stop
g2.0.0/2          2  base         0  math-fb79896ca64e1988       -      10  0         verifier_timeout
7 episodes · mean reward 0.5 · base 5, improve 2 · 137 tokens · 1 failed (verifier_timeout 1)
`,
    });
  });

  test("leaves over what all filters agree on, and says of how many", async () => {
    const { stdout } = replay("three", "--mode", "base", "--reward", "0");
    expect(stdout).toBe(`\
episode   iteration  mode  depth  task                   reward  tokens  versions  end
g0.0.0/1          0  base      0  math-8ac25a17e4401827       0      28  0         stop
g2.0.0/1          2  base      0  math-fb79896ca64e1988       0       9  0         stop
2 of 7 episodes · mean reward 0 · base 2 · 37 tokens
`);
    const chosenBy = async (flags: SelectionFlags) => {
      const ids: string[] = [];
      await selectEpisodes(join(runs, "three", "episodes"), flags, expect.unreachable, ({ id }) => ids.push(id));
      return ids;
    };
    expect(await chosenBy({ failed: true })).toEqual(["g2.0.0/2"]);
    expect(await chosenBy({ depth: "1.." })).toEqual(["g1.0.0/0", "g1.0.0/1"]);
    expect(await chosenBy({ iteration: "1..2", reward: ">=0.5" })).toEqual(["g1.0.0/0", "g2.0.0/0"]);
    expect(await chosenBy({ task: "math-fb", limit: 1 })).toEqual(["g2.0.0/0"]);
    expect(await chosenBy({ last: 2 })).toEqual(["g2.0.0/1", "g2.0.0/2"]);
    expect(await chosenBy({ last: 0 })).toEqual([]);
  });

  test("as JSON is the index itself", () => {
    expect(replay("three", "--json").stdout).toBe(readFileSync(join(runs, "three/episodes/index.jsonl"), "utf8"));
  });

  test("shows the last 40 of many unless asked for all", async () => {
    const task = { problem: "What is 1 + 1?", answer: "2" };
    const said = Array.from({ length: 50 }, (_, at) => [`\\boxed{${at}}`, at === 2 ? 1 : 0] as const);
    await writeRun(join(runs, "many"), [groupOf({ task, said }, 0)]);
    const short = replay("many").stdout.trimEnd().split("\n");
    expect(short.length).toBe(42);
    expect(short[1]).toMatch(/^g0\.0\.0\/10 /);
    expect(short.at(-1)).toBe("50 episodes · the last 40 shown (--all) · mean reward 0.02 · base 50 · 490 tokens");
    expect(replay("many", "--all").stdout.trimEnd().split("\n").length).toBe(52);
    expect(replay("many", "--limit", "3").stdout).toContain("50 episodes · 3 shown · mean reward 0.02");
  });

  test("of a run without episodes says so", () => {
    expect(replay("empty")).toEqual({ code: 0, stderr: "", stdout: "no episodes yet\n" });
  });

  test("of a run that is not there names those that are", () => {
    const { code, stderr } = replay("thre");
    expect(code).toBe(2);
    expect(stderr).toContain(`no run 'thre' in ${runs}. There are: empty, `);
  });

  test("refuses a filter that says nothing", () => {
    expect(replay("three", "--reward", "good")).toEqual({
      code: 2,
      stdout: "",
      stderr: "iterant: --reward good: give a number, a bound or a range, as in 1, >=0.5 or 0.2..0.8.\n",
    });
    expect(replay("three", "--depth", "..").stderr).toBe(
      "iterant: --depth ..: give a number or a range, as in 3, 3..7, 3.. or ..7.\n",
    );
    expect(replay("three", "--limit", "1", "--last", "1").code).toBe(2);
  });
});

describe("one episode", () => {
  const undated = (text: string) => text.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, "DATE");

  test("is read from its task to its group, the iterate it was grown from beside it", () => {
    const { stdout, stderr, code } = replay("three", "g1.0.0/0");
    expect({ stdout: undated(stdout), stderr, code }).toEqual({
      code: 0,
      stderr: "",
      stdout: `\
g1.0.0/0  iteration 1 · improve · depth 1 · DATE

task math-8ac25a17e4401827
  What is 1 + 1?
  gold 2

shown to the policy (173 tokens)
  user
    Write a better response to this request than the current one.

    ## Request
    What is 1 + 1?

    Put the final answer in \\boxed{}.

    ## Current response
    One and one.
    It is \\boxed{3}

turn 1 (37 tokens)
  One and one.
  No: two.
  It is \\boxed{2}

what was improved
  g0.0.0/1 · depth 0                                g1.0.0/0 · depth 1
  One and one.                                      One and one.
                                                  > No: two.
  It is \\boxed{3}                                 ~ It is \\boxed{2}
  grown from g0.0.0/1 (0), quality 0 before

reward 1 · advantage +1 · ended by stop
37 tokens sampled by version 1..2, 1.5 s of sampling, 3 ms of the world

group g1.0.0 (2 episodes)
  S 0.25 · mean reward 0.5 · trainable
  started at turn 1 of instance c98143f6, S 0.25 when it was drawn
  ▸ g1.0.0/0      1       +1  It is \\boxed{2}
    g1.0.0/1      0       -1  It is \\boxed{4}
`,
    });
  });

  test("that failed says why, beside siblings that did not", () => {
    const { stdout } = replay("three", "g2.0.0/2");
    expect(stdout).toContain("\nnot scored  verifier_timeout: verifier_timeout happened\n");
    expect(stdout).toContain(`\
group g2.0.0 (3 episodes)
  S 0.25 · mean reward 0.5 · trainable
    g2.0.0/0      1       +1  \\boxed{12}
    g2.0.0/1      0       -1  \\boxed{7}
  ▸ g2.0.0/2      -        0  verifier_timeout
`);
  });

  test("token by token has text, log-probability, version and advantage of each", () => {
    const { stdout, code } = replay("three", "g1.0.0/1", "--tokens");
    expect(code).toBe(0);
    expect(stdout.slice(stdout.indexOf("   #  "))).toBe(`\
   #      id text  mask  logprob version advantage
   0      73 'I'      1  -0.1250       1        -1
   1     116 't'      1  -0.5000       1        -1
   2      32 ' '      1   0.0000       1        -1
   3     105 'i'      1  -0.1250       1        -1
   4     115 's'      1  -0.3750       1        -1
   5      32 ' '      1   0.0000       1        -1
   6      92 '\\'      1  -0.5000       1        -1
   7      98 'b'      1  -0.2500       2        -1
   8     111 'o'      1  -0.8750       2        -1
   9     120 'x'      1   0.0000       2        -1
  10     101 'e'      1  -0.6250       2        -1
  11     100 'd'      1  -0.5000       2        -1
  12     123 '{'      1  -0.3750       2        -1
  13      52 '4'      1  -0.5000       2        -1
  14     125 '}'      1  -0.6250       2        -1
15 of 15 tokens sampled · log-probability -5.375 in all, -0.358 a token
`);
  });

  test("without a Python shows ids, and says what is lacking", () => {
    const { stdout, stderr, code } = iterant(["replay", "three", "g1.0.0/1", "--tokens"], {
      ITERANT_RUNS: runs,
      ITERANT_PYTHON: "no-such-python",
    });
    expect(code).toBe(0);
    expect(stderr).toBe("iterant: ids without texts: spawnSync no-such-python ENOENT\n");
    expect(stdout).toContain(
      "   #      id  mask  logprob version advantage\n   0      73     1  -0.1250       1        -1\n",
    );
  });

  test("as JSON holds every token, the group and the way it came", () => {
    const episode = JSON.parse(replay("three", "g1.0.0/1", "--json", "--tokens").stdout);
    expect(episode).toMatchObject({
      id: "g1.0.0/1",
      reward: 0,
      advantage: expect.closeTo(-1, 6),
      texts: [..."It is \\boxed{4}"],
      versions: [...Array(7).fill(1), ...Array(8).fill(2)],
      group: { groupId: "g1.0.0", score: 0.25, verdict: { kind: "trainable" }, siblings: [{ id: "g1.0.0/0" }, {}] },
      ancestors: [{ id: "g0.0.0/1", iteration: 0, mode: "base", reward: 0 }],
    });
    expect(episode.promptIds.length).toBe(173);
  });

  test("is found by the beginning of its id, in the newest run too", async () => {
    await writeRun(join(runs, "latest"), [groupOf({ task: { problem: "1?", answer: "1" }, said: [["1", 1]] }, 7)]);
    expect(undated(replay("g7.").stdout)).toMatch(/^g7\.0\.0\/0 {2}iteration 7/);
    expect(undated(replay("three", "g2.0.0/1").stdout)).toMatch(/^g2\.0\.0\/1 {2}iteration 2/);
    rmSync(join(runs, "latest"), { recursive: true });
  });

  test("named by what begins several ids lists them; by none, the nearest", () => {
    expect(replay("three", "g2")).toEqual({
      code: 2,
      stdout: "",
      stderr: "iterant: 3 episodes begin with g2: g2.0.0/0, g2.0.0/1, g2.0.0/2.\n",
    });
    expect(replay("three", "g2.0.0/7").stderr).toBe(
      `iterant: no episode g2.0.0/7 in ${join(runs, "three")}. Did you mean g2.0.0/0?\n`,
    );
    expect(replay("three", "something-else").stderr).toContain(
      "The first is g0.0.0/0, the last g2.0.0/2; all of them: iterant replay three --all\n",
    );
  });

  test("draws what a terminal would obey", async () => {
    const task = { problem: "1?", answer: "1" };
    const said = [["\u001b[2J\u001b]52;c;eHg=\u0007\u202egone\r1", 1] as const];
    await writeRun(join(runs, "hostile"), [groupOf({ task, said }, 0)]);
    const { stdout } = replay("hostile", "g0", "--tokens");
    expect(stdout).toContain("␛[2J␛]52;c;eHg=␇<U+202E>gone␍1");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });
});

describe("where the output goes", () => {
  test("a reader that has had enough ends the command without a word", async () => {
    const task = { problem: "1?", answer: "1" };
    const said = Array.from({ length: 3000 }, (_, at) => [`${at}`, at % 2] as const);
    await writeRun(join(runs, "long"), [groupOf({ task, said }, 0)]);
    const { stdout, stderr } = shell(`"${process.execPath}" "${cliFile}" replay long --json | head -n 1`, runs);
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toMatchObject({ id: "g0.0.0/0" });
  });

  test.each([44, 130])("no line is wider than a terminal of %i columns, colours not counted", async (columns) => {
    const list = await inTerminal(["replay", "three"], columns, runs);
    const episode = await inTerminal(["replay", "three", "g1.0.0/0", "--tokens"], columns, runs);
    expect(list.lines.some((line) => line.startsWith("g2.0.0/0"))).toBe(true);
    expect(episode.lines).toContain("what was improved");
    expect(list.lines.concat(episode.lines).filter((line) => line.length > columns)).toEqual([]);
    expect(episode.raw).toContain("\u001b[");
  });
});

describe("a damaged recording", () => {
  test("is listed whole from its index, and what is lost is said once", async () => {
    await writeRun(join(runs, "cut"), threeGroups());
    const segment = join(runs, "cut/episodes/episodes-000001.journal");
    const size = readFileSync(segment).length;
    const lines = readFileSync(join(runs, "cut/episodes/index.jsonl"), "utf8").trimEnd().split("\n");
    const { offset } = JSON.parse(lines.at(-1)!) as { offset: number };
    truncateSync(segment, size - 100);
    const damage = `iterant: ${segment} is damaged at byte ${offset}: cut off in a record; the rest is shown.\n`;
    const list = replay("cut");
    expect(list.stderr).toBe(damage);
    expect(list.stdout).toContain("7 episodes");
    expect(replay("cut", "g1.0.0/0").stderr).toBe(damage);
    const lost = replay("cut", "g2.0.0/0");
    expect(lost.code).toBe(1);
    expect(lost.stdout).toBe("");
    expect(lost.stderr).toBe(
      `${damage}iterant: the record of g2.0.0/0 cannot be read: ${segment} is damaged at byte ${offset}. ` +
        `The index knows of it: ${lines.at(-3)}\n`,
    );
  });
});

describe("a run that is going on", () => {
  test("is shown without a word about its last record, which is being written", async () => {
    const run = join(runs, "live");
    await writeRun(run, threeGroups());
    const segment = join(run, "episodes/episodes-000001.journal");
    truncateSync(segment, readFileSync(segment).length - 100);
    const index = join(run, "episodes/index.jsonl");
    truncateSync(index, readFileSync(index).length - 10);
    writeFileSync(
      join(run, "node.json"),
      JSON.stringify({ node: "node-a", pid: process.pid, endpoints: {}, token: "" }),
    );
    const list = replay("live");
    expect(list.stderr).toBe("");
    expect(list.stdout).toContain("6 episodes · ");
    rmSync(join(run, "node.json"));
    expect(replay("live").stderr.split("\n").length).toBe(3);
  });
});

describe("rewards scored again", () => {
  test("that are all as recorded end with exit code 0", () => {
    expect(replay("three", "--rescore")).toEqual({
      code: 0,
      stderr: "  re-scoring 0 of 7 …\n",
      stdout: "7 episodes re-scored · 6 equal · 0 different · 1 could not be told (verifier_timeout when recorded 1)\n",
    });
  });

  test("that differ are named with the answer that was read, and end with exit code 1", async () => {
    const said = [
      ["It is \\boxed{12}", 0],
      ["It is \\boxed{7}", 1],
      ["nothing to see", 1],
      ["It is \\boxed{12}", 1],
    ] as const;
    const task = { problem: "What is 3 times 4?", answer: "12" };
    await writeRun(join(runs, "wrong"), [groupOf({ task, said }, 0)]);
    const { stdout, code } = replay("wrong", "--rescore");
    expect(code).toBe(1);
    expect(stdout).toBe(`\
g0.0.0/0  recorded 0, re-scored 1 · gold 12 · answer '12' (box)
g0.0.0/1  recorded 1, re-scored 0 · gold 12 · answer '7' (box)
g0.0.0/2  recorded 1, re-scored 0 · gold 12 · no answer found
4 episodes re-scored · 1 equal · 3 different · 0 could not be told
`);
    const json = replay("wrong", "--rescore", "--json", "--reward", "0");
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toEqual({
      id: "g0.0.0/0",
      task: expect.stringMatching(/^math-/),
      outcome: "different",
      recorded: 0,
      rescored: 1,
      gold: "12",
      answer: "12",
      rule: "box",
      cause: null,
    });
    expect(json.stderr).toContain("1 episode re-scored · 0 equal · 1 different · 0 could not be told\n");
  });

  test("with another setting show what it would have changed", async () => {
    const task = { problem: "What is 3 times 4?", answer: "12" };
    await writeRun(join(runs, "loose"), [
      groupOf(
        {
          task,
          said: [
            ["It is 12", 1],
            ["It is \\boxed{12}", 1],
          ],
        },
        0,
      ),
    ]);
    expect(replay("loose", "--rescore").code).toBe(0);
    const strict = replay("loose", "--rescore", "--set", "environments.requireBoxed=true");
    expect(strict.code).toBe(1);
    expect(strict.stdout).toContain("g0.0.0/0  recorded 1, re-scored 0 · gold 12 · no answer found\n");
    expect(strict.stdout).toContain("2 episodes re-scored · 1 equal · 1 different · 0 could not be told\n");
    expect(replay("loose", "--set", "seed=1").stderr).toBe(
      "iterant: --set changes how rewards come about: it goes with --rescore.\n",
    );
  });

  test("cannot be told where the record is damaged", async () => {
    await writeRun(join(runs, "torn"), threeGroups());
    const segment = join(runs, "torn/episodes/episodes-000001.journal");
    truncateSync(segment, readFileSync(segment).length - 1);
    const { stdout, code } = replay("torn", "--rescore", "--reward", "0..1");
    expect(code).toBe(0);
    expect(stdout).toBe("6 episodes re-scored · 4 equal · 0 different · 2 could not be told (damaged record 2)\n");
  });

  test("need a Python, and say so with exit code 3", () => {
    const { code, stderr } = iterant(["replay", "three", "--rescore"], {
      ITERANT_RUNS: runs,
      ITERANT_PYTHON: "no-such-python",
    });
    expect(code).toBe(3);
    expect(stderr).toContain("iterant: the reward code cannot run: worker_start: ");
    expect(stderr).toContain("See iterant doctor.\n");
  });
});
