// The REPL as a person has it: the command in a terminal, a live run, keys.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Handle, pythonActor } from "../../../runtime/index.ts";
import { type Counter, CounterActor } from "../../fixtures/counter.ts";
import { type LiveRun, readLines, startRun, Terminal } from "./live-run.ts";

const prompt = /counter-1> $/;
let run: LiveRun;
let counter: Handle<Counter>;
const open: Terminal[] = [];

beforeAll(async () => {
  run = await startRun();
  counter = await run.node.spawn(CounterActor, [3], { name: "counter-1" });
  await run.node.spawn(pythonActor("counter:Counter"), [5], { name: "python-1" });
});
afterAll(() => run.end());
afterEach(() => {
  for (const terminal of open.splice(0)) terminal.close();
});

async function attach(...args: string[]): Promise<Terminal> {
  const terminal = new Terminal(run, ["attach", ...args]);
  open.push(terminal);
  await terminal.shows(/> $/);
  return terminal;
}

describe("the REPL", () => {
  test("greets with who the actor is and what is allowed, evaluates, and leaves with Ctrl-D", async () => {
    const terminal = await attach("run-1", "counter-1");
    expect(await terminal.shows(prompt)).toMatch(
      "counter-1@node-a, a Counter on thread 1 of node-a. self is the actor, in JavaScript.\n" +
        "read-only: what would change something is refused. .help lists commands, Tab completes, Ctrl-D leaves.\n",
    );
    expect(await terminal.ask("self.#value + 1", prompt)).toMatch(/\n4\n/);
    expect(await terminal.ask("self.add(1)", prompt)).toMatch("refused: this expression would change something.");
    expect(await terminal.ask("nope", prompt)).toMatch("ReferenceError: nope is not defined");
    expect(await counter.get()).toBe(3);
    terminal.type("\x04");
    expect((await terminal.end()).exitCode).toBe(0);
    expect(run.said).toEqual([]);
  });

  test("completes fields, private ones too, methods, names further down, commands and actors", async () => {
    const terminal = await attach("run-1", "counter-1");
    terminal.type("self.#v\t");
    await terminal.shows(/self\.#value$/);
    terminal.type("\x15self.co\t");
    await terminal.shows(/self\.countTo$/);
    terminal.type("\x15self.startedAs.toLow\t");
    await terminal.shows(/self\.startedAs\.toLowerCase$/);
    terminal.type("\x15.las\t");
    await terminal.shows(/\.last$/);
    terminal.type("\x15.use py\t");
    await terminal.shows(/\.use python-1$/);
    terminal.type("\x15self.");
    await terminal.shows(/self\.$/);
    await terminal.shows(/#value[\s\S]*lastAbort[\s\S]*startedAs/, "\t"); // a second Tab lists them
  });

  test("goes to another actor, a Python one, and takes its language along", async () => {
    const terminal = await attach("run-1", "counter-1");
    const python = /python-1> $/;
    expect(await terminal.ask(".use python-1", python)).toMatch("self is the actor, in Python.");
    expect(await terminal.ask("[self.value, None]", python)).toMatch("[5, None]");
    expect(await terminal.ask("self.add(1)", python)).toMatch("refused: self.add() may change something.");
    terminal.type("self.star\t");
    await terminal.shows(/self\.started_as$/);
    terminal.type("\x15");
    expect(await terminal.ask(".use conter-1", python)).toMatch("has no actor conter-1. Did you mean counter-1?");
  });

  test("takes an expression over several lines, typed or pasted", async () => {
    const terminal = await attach("run-1", "counter-1");
    terminal.type("[self.#value,\r");
    await terminal.shows(/\.\.\. $/);
    expect(await terminal.ask("2]", prompt)).toMatch("[ 3, 2 ]");
    expect(await terminal.ask("({\r  value: self.#value,\r  two: [1,\r 2],\r})", prompt)).toMatch(
      "{ value: 3, two: [ 1, 2 ] }",
    );
    terminal.type(".use python-1\r");
    await terminal.shows(/python-1> $/);
    expect(await terminal.ask("sum([\r  1,\r  2])", /python-1> $/)).toMatch(/\n3\n/);
  });

  test("Ctrl-C drops the line, gives up waiting, and twice on an empty line leaves", async () => {
    const terminal = await attach("run-1", "counter-1", "--write");
    const writing = /counter-1 \(write\)> $/;
    terminal.type("self.startedAs = 'never'\x03");
    await terminal.shows(writing);
    expect(await counter.reason()).toBe("first");
    terminal.type("await new Promise(() => {})\r");
    await terminal.shows(/\n/);
    await expect.poll(() => readLines(join(run.folder, "logs/audit.jsonl")).at(-1)?.outcome).toBe("begun");
    terminal.type("\x03");
    expect(await terminal.shows(writing)).toMatch("not waited for any longer. The actor goes on.");
    terminal.type("\x03");
    await terminal.shows(/To exit, press Ctrl\+C again/);
    terminal.type("\x03");
    expect((await terminal.end()).exitCode).toBe(0);
  });

  test("shows the flight recorder, the counts, the methods and all actors", async () => {
    await expect(counter.fail("on purpose") as Promise<never>).rejects.toThrow("on purpose");
    const terminal = await attach("run-1", "counter-1");
    expect(await terminal.ask(".last 1", prompt)).toMatch(
      /time +from +method +outcome +queue ms +run ms +bytes\n\S+ +driver@node-a +fail +error +\d/,
    );
    expect(await terminal.ask(".last none", prompt)).toMatch("'none' is no count: .last 20");
    expect(await terminal.ask(".stats", prompt)).toMatch(/mailbox +0\/10000\n +running +0\n/);
    expect(await terminal.ask(".methods", prompt)).toMatch(/methods +abortReason add .*\n +fields +#value lastAbort/);
    expect(await terminal.ask(".actors", prompt)).toMatch(/python-1@node-a +Counter +python +up/);
    expect(await terminal.ask(".nope", prompt)).toMatch("Invalid REPL keyword");
  });

  test("remembers what was typed, for the next time too, in a file of its owner's", async () => {
    const first = await attach("run-1", "counter-1");
    await first.ask("1000 + 234", prompt);
    first.type("\x04");
    await first.end();
    const second = await attach("run-1", "counter-1");
    second.type("\x1b[A");
    await second.shows(/1000 \+ 234$/);
    const file = join(run.runs, "state/iterant/attach-history");
    expect(statSync(file).mode & 0o077).toBe(0);
    expect(readFileSync(file, "utf8")).toMatch("1000 + 234");
  });
});

describe("with --write", () => {
  test("an expression changes the actor, and the record says who did what and what came of it", async () => {
    const terminal = await attach("run-1", "counter-1", "--write");
    const writing = /counter-1 \(write\)> $/;
    expect(await terminal.shows(writing)).toMatch(
      /WRITE: what you type can change this actor\. Every line is recorded in .*logs\/audit\.jsonl\./,
    );
    const before = await counter.get();
    expect(await terminal.ask("await self.add(2)", writing)).toMatch(`\n${before + 2}\n`);
    expect(await counter.get()).toBe(before + 2);
    await terminal.ask("throw new Error('no')", writing);
    const file = join(run.folder, "logs/audit.jsonl");
    const common = { actor: "counter-1@node-a", user: expect.any(String), time: expect.stringMatching(/Z$/) };
    expect(readLines(file).slice(-4)).toMatchObject([
      { ...common, expression: "await self.add(2)", outcome: "begun" },
      { ...common, expression: "await self.add(2)", outcome: "ok", text: String(before + 2) },
      { ...common, expression: "throw new Error('no')", outcome: "begun" },
      { ...common, expression: "throw new Error('no')", outcome: "error" },
    ]);
    expect(statSync(file).mode & 0o077).toBe(0);
  });
});

describe("when the run ends", () => {
  test("whoever is attached gets one line, and the command ends with 0", async () => {
    const other = await startRun("run-2");
    await other.node.spawn(CounterActor, [1], { name: "counter-1" });
    const terminal = new Terminal(other, ["attach", "run-2", "counter-1"]);
    open.push(terminal);
    await terminal.shows(prompt);
    terminal.type("");
    await other.end("its work is done");
    const { exitCode, shown } = await terminal.end();
    expect([exitCode, shown]).toEqual([0, "\nthe run has ended: node-a said goodbye: its work is done\n"]);
    expect(existsSync(other.folder)).toBe(false);
  });
});
