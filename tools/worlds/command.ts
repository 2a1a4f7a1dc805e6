// `iterant worlds`: which worlds there are, a seat at the table of one, problems from templates, and a check before a run.
import { Command, Option } from "commander";
import { openWorld, worldConfigOf } from "../../actors/index.ts";
import { generate, generatorOf, knownBad, mathSets, type Task } from "../../envs/index.ts";
import { exitCodes, Failure } from "../failure.ts";
import { collect, configOf, parseCount } from "../train/command.ts";
import { loadProblems } from "../train/problems.ts";
import { checkWorld, renderCheck } from "./check.ts";
import { openNamedWorld, worldNames } from "./named.ts";
import { type Game, play } from "./play.ts";

export function worldsCommand(): Command {
  return new Command("worlds")
    .description(
      "the worlds that a policy can act in: list them, check one before a run, play one yourself, make problems",
    )
    .addCommand(listCommand())
    .addCommand(checkCommand())
    .addCommand(playCommand())
    .addCommand(makeCommand())
    .addHelpText(
      "after",
      `
Examples:
  iterant worlds list                                       worlds, and published sets of problems by name
  iterant worlds play --problems math-500=./test.parquet    answer a problem yourself
  iterant worlds play gymnasium:FrozenLake-v1               act in an environment of Gymnasium's
  iterant worlds play --preset tools --task multi_turn_base_100   call BFCL's functions yourself
  iterant worlds check --preset code                        grade gold and sample of every competition
  iterant worlds make --levels 1-3 --count 500 > p.jsonl    problems from templates, with worked solutions`,
    );
}

function listCommand(): Command {
  return new Command("list").description("worlds, and published sets of problems by name").action(() => {
    const width = Math.max(...mathSets.map(({ name }) => name.length));
    const sets = mathSets.map(({ name, purpose, hub, rowCount, note }) => {
      const count = rowCount === null ? "" : `, ${rowCount} rows`;
      return `  ${name.padEnd(width)}  ${purpose.padEnd(5)}  ${hub.id}${count}\n  ${" ".repeat(width)}         ${note}`;
    });
    console.log(
      [
        "worlds",
        "  math   competition problems: one response, right or wrong by math-verify",
        "  mle    competitions: a program in a sandbox, graded by what it leaves (presets code, tiny-code)",
        "  tools  requests that are met by calling functions, turn by turn (presets tools, tiny-tools)",
        "  gymnasium:ID   any registered environment, as gymnasium:FrozenLake-v1?is_slippery=false&return=0..1",
        "                 (npm run setup -- adapters); other settings than return are its constructor's arguments",
        "  openenv:URL    whatever an OpenEnv server serves",
        "",
        "sources of problems for --problems and --held-out",
        "  FILE              JSON lines, a JSON array or parquet",
        "  generated[:1-8]   templates of ours, by the number of steps; generated-test is disjoint from it",
        "  NAME, NAME=FILE   a published set, fetched from the hub once, or read from your file and counted:",
        "",
        ...sets,
        "",
        "sources of tasks for tools",
        "  bfcl              BFCL's multi-turn tasks, from the installed package (npm run setup -- tools)",
        `  bfcl:sound        without the ${Object.keys(knownBad).length} that nobody can be expected to solve:`,
        ...Object.entries(knownBad).map(([id, why]) => `    ${id.padEnd(20)}  ${why}`),
        "  office[:LEVEL[:COUNT]]   services of an office of ours; levels tiny, easy, full",
        "",
        "sources of competitions for mle",
        "  synthetic         six of ours, made at first use (npm run setup -- code)",
        "  mlebench=FOLDER   the real ones, where mlebench is installed and FOLDER holds its prepared data",
        "  mlebench-sanitized=FOLDER   the same without a field of pizza's that tells the answers",
      ].join("\n"),
    );
  });
}

interface CheckFlags {
  preset: string;
  problems?: string;
  json?: boolean;
  set: string[];
}

function checkCommand(): Command {
  return new Command("check")
    .description("whether every task of a world can be won here: golds read, references run, competitions graded")
    .option("--preset <name>", "the world and its settings", "tiny")
    .option("--problems <source>", "tasks, instead of the preset's own")
    .option("--json", "one JSON object instead of a table")
    .option("--set <key=value>", "any other key of a configuration; repeatable", collect, [])
    .addHelpText("after", `\nExit codes: ${exitCodes.ok} all can be won · ${exitCodes.failed} some cannot`)
    .action(async ({ problems, json, ...flags }: CheckFlags) => {
      const config = configOf(flags);
      if (problems !== undefined) config.problems = { ...config.problems, train: problems, heldOut: null };
      const checked = await checkWorld(config);
      console.log(json ? JSON.stringify(checked) : renderCheck(checked));
      const lost = checked.tasks.filter(({ problem }) => problem !== null).length;
      if (lost > 0) throw new Failure(exitCodes.failed, `${lost} of ${checked.tasks.length} tasks cannot be won.`);
    });
}

interface PlayFlags {
  preset: string;
  problems?: string;
  task?: string;
  seed: number;
  improve?: string;
  diverge?: string;
}

function playCommand(): Command {
  return new Command("play")
    .description("be the policy, one turn at a time")
    .argument("[world]", `one by name, instead of a preset: ${worldNames}`)
    .option("--preset <name>", "the world and its settings", "tiny")
    .option("--problems <source>", "where the task comes from, instead of the preset's held-out ones")
    .option("--task <id>", "which one; drawn by the seed unless given")
    .option("--seed <n>", "of the task and of whatever the world draws", parseCount, 0)
    .addOption(new Option("--improve <response>", "be shown this response and asked for a better one"))
    .addOption(
      new Option("--diverge <response>", "be shown this response and asked for another approach").conflicts("improve"),
    )
    .action(async (name: string | undefined, { preset, problems, task: id, seed, improve, diverge }: PlayFlags) => {
      const again = againOf(improve, diverge);
      if (name !== undefined) {
        await using named = await openNamedWorld(name);
        const { world, train, heldOut } = named;
        if (world.difference) console.log(`it does not replay: ${world.difference}`);
        await using environment = world.environment("evaluate");
        await play(
          { environment, task: chosen([...heldOut, ...train], id, seed), seed, ...again },
          { input: process.stdin, output: process.stdout },
        );
        return;
      }
      const config = configOf({ preset, seed, set: [] });
      if (problems !== undefined) {
        config.problems = { ...config.problems, train: problems, heldOut: null, heldOutShare: 1 };
      }
      config.evaluation.problems = Number.MAX_SAFE_INTEGER;
      const { heldOut } = await loadProblems(config, { isTrainingNeeded: false });
      const task = chosen(heldOut, id, seed);
      const world = await openWorld(worldConfigOf(config));
      try {
        await using environment = world.environment("evaluate");
        await play({ environment, task, seed, ...again }, { input: process.stdin, output: process.stdout });
      } finally {
        await world.close();
      }
    });
}

function againOf(improve: string | undefined, diverge: string | undefined): Pick<Game, "again"> {
  if (improve !== undefined) return { again: { mode: "improve", response: improve } };
  return diverge === undefined ? {} : { again: { mode: "diverge", response: diverge } };
}

function chosen(tasks: readonly Task[], id: string | undefined, seed: number): Task {
  if (id === undefined) return tasks[seed % tasks.length]!;
  const found = tasks.find((task) => task.id === id);
  if (found) return found;
  const some = tasks.slice(0, 5).map((task) => task.id);
  throw new Failure(exitCodes.usage, `no task ${id} among ${tasks.length}; there are ${some.join(", ")}, …`);
}

function makeCommand(): Command {
  return new Command("make")
    .description("problems from templates as JSON lines, with worked solutions and wrong answers that look right")
    .option("--levels <a-b>", "steps of the worked solution, from 1 to 8", "1-8")
    .option("--count <n>", "how many", parseCount, 1000)
    .option("--seed <n>", "the same seed makes the same problems", parseCount, 0)
    .option("--test", "of the part that is disjoint from the other, to measure with")
    .action(({ levels, count, seed, test }: { levels: string; count: number; seed: number; test?: boolean }) => {
      const source = `generated${test ? "-test" : ""}:${levels}:${count}@${seed}`;
      const options = generatorOf(source);
      if (options === null)
        throw new Failure(exitCodes.usage, `--levels ${levels}: give a level or a range, as 2 or 1-3.`);
      for (const row of generate(options)) process.stdout.write(`${JSON.stringify(row)}\n`);
    });
}
