// Verdicts from real helper processes: what is kept, what is killed, what the real problems of GSM8K get.
import { readFileSync } from "node:fs";
import { afterAll, expect, test, vi } from "vitest";
import { MathVerifier, type MathVerifierOptions, mathTaskOf } from "../../../envs/index.ts";
import { isGone, python, sharedData } from "../python.ts";

const opened: MathVerifier[] = [];
const open = (options: Partial<MathVerifierOptions> = {}) => {
  const verifier = new MathVerifier({ ...python, processCount: 1, ...options });
  opened.push(verifier);
  return verifier;
};
const verifier = open();
afterAll(() => Promise.all(opened.map((one) => one.close())));

test("hello names the packages that verdicts depend on", async () => {
  const { name, versions } = await verifier.ready;
  expect(name).toBe("math-verifier");
  expect(Object.keys(versions).sort()).toEqual([
    "antlr4-python3-runtime",
    "latex2sympy2_extended",
    "math-verify",
    "python",
    "sympy",
  ]);
});

test.each([
  ["72", "She sold \\boxed{72} clips.", "correct", "box"],
  ["72", "She sold 71 clips.", "wrong", "anywhere"],
  ["72", "I do not know.", "unparsed_response", null],
  ["\\frac{1}{", "\\boxed{72}", "unparsed_gold", null],
  ["5", "\ud800 \\boxed{5} \udfff", "correct", "box"],
  ["5", `${"The sum of \\(1\\) and $2$ is [3]. ".repeat(2_000)}\\boxed{5}`, "correct", "box"],
])("for %s, %s is %s", async (gold, response, kind, rule) => {
  expect(await verifier.verify(gold, response)).toMatchObject({ kind, rule });
});

test("a verdict is kept by its box where the box decides, by the whole response otherwise", async () => {
  const own = open();
  const hits = async (response: string) => {
    const before = own.stats.hitCount;
    const { kind } = await own.verify("3", response);
    return [kind, own.stats.hitCount - before];
  };
  expect(await hits("One and two is \\boxed{3}.")).toEqual(["correct", 0]);
  expect(await hits("Two and one is \\boxed{3}!")).toEqual(["correct", 1]);
  expect(await hits("Four less one is \\boxed{ 3}.")).toEqual(["correct", 0]);
  expect(await hits("It is $3$.")).toEqual(["correct", 0]);
  expect(await hits("It is $3$.")).toEqual(["correct", 1]);
  expect(await hits("It is $3$!")).toEqual(["correct", 0]);
  expect(await hits("With a box that cannot be read, \\boxed{@@}, it is 3")).toEqual(["correct", 0]);
  expect(await hits("With a box that cannot be read, \\boxed{@@}, it is 4")).toEqual(["wrong", 0]);
  expect(own.stats.cachedCount).toBe(6);
});

test("the verdict used longest ago is let go first, and none is kept of a cache of size 0", async () => {
  const small = open({ cacheSize: 2 });
  for (const answer of ["1", "2", "1", "3"]) await small.verify("1", `\\boxed{${answer}}`);
  expect(small.stats).toMatchObject({ cachedCount: 2, hitCount: 1 });
  await small.verify("1", "\\boxed{1}");
  expect(small.stats.hitCount).toBe(2);
  await small.verify("1", "\\boxed{2}");
  expect(small.stats.hitCount).toBe(2);
  const none = open({ cacheSize: 0 });
  for (let index = 0; index < 2; index += 1) await none.verify("1", "\\boxed{1}");
  expect(none.stats).toMatchObject({ cachedCount: 0, hitCount: 0 });
});

test("a verification that hangs is killed at its deadline and ends as a timeout; the others are judged", async () => {
  const own = open({ deadlineMs: 1_000 });
  await own.verify("1", "\\boxed{1}");
  const [pid] = own.stats.pids;
  const pairs = ["9^{9^9}", "4", "10^8!", "5"].map((answer) => ({ gold: "4", response: `\\boxed{${answer}}` }));
  const kinds = (await own.verifyAll(pairs)).map(({ kind }) => kind);
  expect(kinds).toEqual(["timeout", "correct", "timeout", "wrong"]);
  expect(isGone(pid!)).toBe(true);
  const { cachedCount } = own.stats;
  expect(cachedCount, "a timeout is not kept: it may be the machine's").toBe(3);
});

test("a process that dies fails the verification as infrastructure, not as a verdict", async () => {
  const own = open();
  await own.ready;
  const verdict = own.verify("4", "\\boxed{9^{9^9}}");
  const failure = expect(verdict).rejects.toMatchObject({ failure: { kind: "failed", cause: "worker_died" } });
  process.kill(own.stats.pids[0]!, "SIGKILL");
  await failure;
  expect(await own.verify("4", "\\boxed{4}")).toMatchObject({ kind: "correct" });
});

test("an aborted verification rejects with the signal's reason", async () => {
  await expect(verifier.verify("4", "\\boxed{44}", { signal: AbortSignal.abort("enough") })).rejects.toBe("enough");
});

test("a gold can be checked before a run", async () => {
  expect(await verifier.checkGold("\\sqrt{17}")).toEqual({ kind: "correct", extracted: "\\sqrt{17}" });
  expect(await verifier.checkGold("\\frac{1}{")).toMatchObject({ kind: "unparsed_gold" });
});

test("a Python without the package says what is missing", async () => {
  const own = open({ pythonPath: [], firstBackoffMs: 1, maxFailedStarts: 1 });
  await expect(own.ready).rejects.toThrow(
    /^worker_start: the helper process ended with code 1 - math-verifier, pid \d+ - its last words:\n.*No module named/,
  );
});

const gsm8k = sharedData("gsm8k/train-500.jsonl");

test("every gold of real GSM8K rows is read, equals itself in a box and differs from its successor", async ({
  skip,
}) => {
  if (gsm8k === undefined) return skip("no shared/data/gsm8k beside the checkout");
  const lines = readFileSync(gsm8k, "utf8").trim().split("\n");
  const tasks = lines.map((line) => mathTaskOf(JSON.parse(line)));
  expect(tasks.length).toBe(500);
  const answers = tasks.map(({ answer }) => answer);
  const golds = await Promise.all(answers.map((answer) => verifier.checkGold(answer)));
  expect(golds.filter(({ kind }) => kind !== "correct")).toEqual([]);
  const right = await verifier.verifyAll(answers.map((gold) => ({ gold, response: `So it is \\boxed{${gold}}.` })));
  expect(right.filter(({ kind }) => kind !== "correct")).toEqual([]);
  const next = (gold: string) => String(Number(gold.replaceAll(",", "")) + 1);
  const wrong = await verifier.verifyAll(
    answers.map((gold) => ({ gold, response: `So it is \\boxed{${next(gold)}}.` })),
  );
  expect(wrong.filter(({ kind }) => kind !== "wrong")).toEqual([]);
  const worked = await verifier.verifyAll(
    tasks.map(({ answer, solution }) => ({ gold: answer, response: `${solution}\n#### ${answer}` })),
  );
  expect(worked.filter(({ kind }) => kind === "correct").length).toBeGreaterThan(450);
});

test("close leaves no process", async () => {
  const own = open();
  await own.ready;
  const { pids } = own.stats;
  await own.close();
  await vi.waitUntil(() => pids.every(isGone), 60_000);
});
