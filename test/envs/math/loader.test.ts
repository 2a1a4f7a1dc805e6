// From files to sets: bad lines by file and line, choice and split by content.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadMathTasks } from "../../../envs/index.ts";
import { sharedData } from "../python.ts";

const folder = mkdtempSync(join(tmpdir(), "iterant-loader-"));
afterAll(() => rmSync(folder, { recursive: true }));

let fileCount = 0;
function file(...lines: (object | string)[]): string {
  fileCount += 1;
  const path = join(folder, `set-${fileCount}.jsonl`);
  writeFileSync(path, lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
  return path;
}
const problem = (index: number) => ({ problem: `What is ${index} + 1?`, answer: index + 1 });
const problems = (count: number, from = 0) => Array.from({ length: count }, (_, index) => problem(from + index));

async function messageOf(loading: Promise<unknown>): Promise<string> {
  return loading.then(
    () => "loaded",
    (error: Error) => error.message.replaceAll(`${folder}/`, ""),
  );
}

test("a file is read in order, blank lines, a byte order mark and carriage returns aside", async () => {
  const path = file(
    `\uFEFF${JSON.stringify(problem(1))}\r`,
    "",
    `${JSON.stringify(problem(2))}\r`,
    "  ",
    problem(3),
    "",
  );
  const { tasks, skipped } = await loadMathTasks(path, { id: "sums" });
  expect(tasks.id).toBe("sums");
  expect(await Promise.all([0, 1, 2].map(async (index) => (await tasks.get(index)).answer))).toEqual(["2", "3", "4"]);
  expect(tasks.length).toBe(3);
  expect(skipped).toEqual([]);
});

test("bad lines are named all at once, before anything starts", async () => {
  const path = file(
    problem(1),
    "7",
    { problem: "P" },
    problem(1),
    { id: "a", ...problem(2) },
    { id: "a", ...problem(3) },
  );
  expect(await messageOf(loadMathTasks(path))).toBe(
    `bad_data: 4 bad lines - set-2.jsonl - mend them, or load with skipBad:
  set-2.jsonl:2: not a JSON object
  set-2.jsonl:3: no answer: it has the fields problem, none of them answer or solution
  set-2.jsonl:4: the id stands already at set-2.jsonl:1
  set-2.jsonl:6: the id stands already at set-2.jsonl:5`,
  );
});

test("of many bad lines the first ten are shown and the rest counted", async () => {
  const message = await messageOf(loadMathTasks(file(...Array(25).fill("oops"))));
  expect(message.split("\n").length).toBe(12);
  expect(message).toMatch(/^bad_data: 25 bad lines - .*\n {2}and 15 more$/s);
});

test("with skipBad the bad lines are left out and counted", async () => {
  const path = file(problem(1), "{", problem(2), { problem: "P", answer: "proof" });
  const { tasks, skipped } = await loadMathTasks(path, { skipBad: true });
  expect(tasks.length).toBe(2);
  expect(skipped.map(({ line }) => line)).toEqual([2, 4]);
  expect(skipped[1]).toEqual({ file: path, line: 4, reason: "the answer is 'proof', which cannot be verified" });
});

test("a file with nothing in it is a mistake, and so is one with nothing good in it, or none", async () => {
  expect(await messageOf(loadMathTasks(file("", "")))).toBe(
    `bad_data: the file is empty - set-${fileCount}.jsonl - it should hold one JSON object a line`,
  );
  expect(await messageOf(loadMathTasks(file("{"), { skipBad: true }))).toMatch(
    /^bad_data: no problem is left of 1 bad lines - set-\d+.jsonl - the first: set-\d+.jsonl:1: not JSON/,
  );
  expect(await messageOf(loadMathTasks(join(folder, "absent.jsonl")))).toMatch(
    /^bad_data: it cannot be read: ENOENT.* - absent.jsonl - give the path of a JSONL, JSON or parquet file$/,
  );
});

test("a subset is drawn by seed and content: another order of the file draws the same problems", async () => {
  const subset = { count: 20, seed: 3 };
  const one = await loadMathTasks(file(...problems(100)), { subset, id: "sums" });
  const other = await loadMathTasks(file(...problems(100).reverse()), { subset, id: "sums" });
  expect(one.tasks.length).toBe(20);
  expect(await other.tasks.ids()).toEqual(await one.tasks.ids());
  expect(other.tasks.version).toBe(one.tasks.version);
  const third = await loadMathTasks(file(...problems(100)), { subset: { count: 20, seed: 4 } });
  expect(await third.tasks.ids()).not.toEqual(await one.tasks.ids());
});

test("a subset larger than the file is a mistake", async () => {
  expect(await messageOf(loadMathTasks(file(...problems(5)), { subset: { count: 6, seed: 1 } }))).toBe(
    `bad_data: a subset of 6 from 5 problems - set-${fileCount}.jsonl - ask for less`,
  );
});

test("a split keeps its share from training, and a problem stays on its side when the file grows", async () => {
  const split = { heldOut: 0.2, seed: 5 };
  const small = await loadMathTasks(file(...problems(100)), { split });
  const large = await loadMathTasks(file(...problems(300).reverse()), { split });
  const heldOut = await small.tasks.ids("heldOut");
  expect(heldOut.length).toBeGreaterThan(8);
  expect(heldOut.length).toBeLessThan(35);
  const grown = new Set(await large.tasks.ids("heldOut"));
  expect(heldOut.every((id) => grown.has(id))).toBe(true);
  expect((await small.tasks.ids("train")).every((id) => !grown.has(id))).toBe(true);
});

test("a held-out file is held out whole, and a problem of it is not trained on", async () => {
  const train = file(...problems(10));
  const heldOut = file(...problems(3, 100), { ...problem(4), id: "four", source: "  copied" });
  expect(await messageOf(loadMathTasks({ train, heldOut }))).toContain(
    `set-${fileCount - 1}.jsonl:5: the problem stands already at set-${fileCount}.jsonl:4`,
  );
  const { tasks } = await loadMathTasks({ train, heldOut }, { skipBad: true });
  expect((await tasks.ids("train")).length).toBe(9);
  expect(await tasks.ids("heldOut")).toContain("four");
  expect(await messageOf(loadMathTasks({ train, heldOut }, { split: { heldOut: 0.1, seed: 1 } }))).toMatch(
    /^bad_data: a held-out file and a split - .* - give one of them$/,
  );
});

test("golds that cannot be read are bad lines, and a subset draws others for them", async () => {
  const asked: string[] = [];
  const verifier = {
    checkGold: async (gold: string) => {
      asked.push(gold);
      const kind = Number(gold) % 2 === 0 ? ("correct" as const) : ("unparsed_gold" as const);
      return { kind, extracted: gold };
    },
  };
  const path = file(...problems(200));
  expect(await messageOf(loadMathTasks(path, { verifier }))).toContain(":1: math-verify cannot read the answer '1'");
  asked.length = 0;
  const { tasks, skipped } = await loadMathTasks(path, { verifier, subset: { count: 20, seed: 1 }, skipBad: true });
  expect(tasks.length).toBe(20);
  expect(skipped.length).toBe(asked.length - 20);
  expect(asked.length).toBeLessThan(80);
});

test("loading stops with its signal", async () => {
  const loading = loadMathTasks(file(...problems(3)), { signal: AbortSignal.abort("enough") });
  await expect(loading).rejects.toBe("enough");
});

const gsm8k = sharedData("gsm8k/train-500.jsonl");

test("real GSM8K rows load, with their steps counted", async ({ skip }) => {
  if (gsm8k === undefined) return skip("no shared/data/gsm8k beside the checkout");
  const { tasks } = await loadMathTasks(gsm8k, { split: { heldOut: 0.2, seed: 1 } });
  expect(tasks.length).toBe(500);
  expect(await tasks.get(0)).toMatchObject({ answer: "72", steps: 2 });
  for await (const { answer, steps, solution } of tasks) {
    expect(answer).toMatch(/^-?[\d,.]+$/);
    expect(steps).toBeGreaterThan(0);
    expect(solution).not.toContain("<<");
  }
});
