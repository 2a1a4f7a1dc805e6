// Completion as a shell has it: the script that the command prints, sourced by the real shell, asked at a cursor.
// zsh and fish are asked where they are installed.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CounterActor } from "../../fixtures/counter.ts";
import { cliShim, iterant, type LiveRun, startRun } from "../attach/live-run.ts";

let run: LiveRun;
let path: string;
const scripts = new Map<string, string>();

function skipUnlessInstalled(shell: string, skip: (note: string) => never): void {
  if (spawnSync(shell, ["--version"]).status !== 0) skip(`${shell} is not installed`);
}

beforeAll(async () => {
  run = await startRun();
  await run.node.spawn(CounterActor, [3], { name: "counter-1" });
  await run.node.spawn(CounterActor, [3], { name: "counter-2" });
  mkdirSync(join(run.runs, "bin"));
  cliShim(join(run.runs, "bin/iterant"));
  path = `${join(run.runs, "bin")}:${process.env.PATH}`;
  writeFileSync(join(run.runs, "problems.jsonl"), "");
  for (const shell of ["bash", "zsh", "fish"]) {
    const { stdout, stderr, exitCode } = await iterant(run, ["completion", shell]);
    expect([stderr, exitCode]).toEqual(["", 0]);
    scripts.set(shell, join(run.runs, `completion.${shell}`));
    writeFileSync(scripts.get(shell)!, stdout);
  }
});
afterAll(() => run.end());

/** Runs a shell on these words without blocking: the node that it asks for actors lives in this process. */
async function ask(shell: string, args: string[]): Promise<string[]> {
  const child = spawn(shell, args, {
    cwd: run.runs,
    env: { PATH: path, HOME: run.runs, ITERANT_RUNS: run.runs, TERM: "dumb" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  await new Promise((resolve) => child.once("close", resolve));
  return stdout.split("\n").filter((line) => line !== "");
}

describe("bash", () => {
  beforeEach(({ skip }) => skipUnlessInstalled("bash", skip));

  /** What Tab offers after these words, the last of which is being typed. */
  const complete = (...words: string[]) => {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const script = `source ${scripts.get("bash")}; compopt() { :; }
      COMP_WORDS=(iterant ${quoted}); COMP_CWORD=${words.length}; _iterant; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return ask("bash", ["--norc", "-c", script]);
  };

  test("knows who completes iterant", async () => {
    const script = `eval "$(cat ${scripts.get("bash")})"; complete -p iterant`;
    expect(await ask("bash", ["--norc", "-c", script])).toEqual(["complete -F _iterant iterant"]);
  });

  test("is offered commands, and never the hidden one", async () => {
    const commands = await complete("");
    expect(commands).toEqual(expect.arrayContaining(["train", "eval", "resume", "launch", "attach", "completion"]));
    expect(commands).not.toContain("__complete");
    expect(await complete("att")).toEqual(["attach"]);
    expect(await complete("help", "att")).toEqual(["attach"]);
  });

  test("is offered a command's own options, and what may follow them", async () => {
    expect(await complete("attach", "--w")).toEqual(["--write", "--watch", "--wait"]);
    expect(await complete("train", "--strategy", "c")).toEqual(["curriculum"]);
    expect(await complete("train", "--strategy", "=", "c")).toEqual(["curriculum"]);
    expect(await complete("train", "--preset", "")).toEqual(expect.arrayContaining(["math", "tiny"]));
    expect(await complete("train", "--problems", "prob")).toEqual(["problems.jsonl"]);
    expect(await complete("train", "--seed", "")).toEqual([]);
    expect(await complete("completion", "")).toEqual(["bash", "zsh", "fish"]);
  });

  test("is offered runs, and the actors of the run that was named", async () => {
    expect((await complete("eval", "")).slice(0, 2)).toEqual(["latest", "run-1"]);
    expect(await complete("attach", "run-1", "coun")).toEqual(["counter-1", "counter-2"]);
    expect(await complete("attach", "--wait", "2", "latest", "counter-2")).toEqual(["counter-2"]);
    expect(await complete("attach", "no-such-run", "")).toEqual([]);
  });
});

describe("fish", () => {
  beforeEach(({ skip }) => skipUnlessInstalled("fish", skip));

  const complete = async (line: string) => {
    const lines = await ask("fish", ["--no-config", "-c", `source ${scripts.get("fish")}; complete -C '${line}'`]);
    return lines.map((found) => found.split("\t")[0]);
  };

  test("is offered commands, options, what follows them, runs and actors", async () => {
    expect(await complete("iterant att")).toEqual(["attach"]);
    expect(await complete("iterant train --strategy c")).toEqual(["curriculum"]);
    expect(await complete("iterant train --strat")).toEqual(["--strategy"]);
    expect(await complete("iterant attach run-1 coun")).toEqual(["counter-1", "counter-2"]);
    expect(await complete("iterant eval la")).toEqual(["latest"]);
  });
});

describe("zsh", () => {
  beforeEach(({ skip }) => skipUnlessInstalled("zsh", skip));

  test("takes the script without a complaint", async () => {
    const script = `autoload -U compinit; compinit -u -d ${run.runs}/dump; source ${scripts.get("zsh")} && print loaded`;
    expect(await ask("zsh", ["-f", "-c", script])).toEqual(["loaded"]);
  });
});
