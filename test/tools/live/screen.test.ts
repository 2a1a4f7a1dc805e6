import { expect, test } from "vitest";
import type { LogRow } from "../../../actors/index.ts";
import { columnsOf } from "../../../tools/live/line.ts";
import { render } from "../../../tools/live/screen.ts";
import { addRow, beginState, endState, type LiveState, phaseOf, timeLeft_s } from "../../../tools/live/state.ts";
import { ascii } from "../../../tools/live/strokes.ts";
import { iterationRow, makeRun } from "../../fixtures/run-folder.ts";

const { config, rows } = makeRun();

function after(shown: readonly LogRow[], of = config): LiveState {
  return shown.reduce(addRow, beginState(of));
}

function until(iteration: number): LogRow[] {
  return rows.slice(0, rows.findIndex((row) => row.kind === "iteration" && row.iteration === iteration) + 1);
}

test("before the first row the screen says what is going on", () => {
  expect(render(after([]), 80, { sinceRow_s: 7 })).toEqual([
    "  exit  seed 1   tiny model, tiny equations",
    "  ────────────────────────────────────────  iteration 0 of 40  0:07  0 %",
    "  first evaluation: up to 3 problems, 2 chains of 5 answers each …",
    "",
    "  held-out accuracy: not measured yet",
    "",
    "  learner             waits for its first batch",
    "",
    "  Ctrl-C ends it in order · to look inside, in another terminal: iterant attach",
  ]);
});

test("in the middle it shows where the run stands", () => {
  expect(render(after(until(24)), 80, { sinceRow_s: 2 })).toEqual([
    "  exit  seed 1   tiny model, tiny equations",
    "  ━━━━━━━━━━━━━━━━━────────────  iteration 24 of 40  0:14, about 0:06 left  60 %",
    "  next evaluation at iteration 30",
    "",
    "  held-out accuracy      before      now   points",
    "  first answer, k=0      33.3 %   50.0 %    +16.7   ▁▅▅",
    "  after 4 steps, k=4     50.0 %   66.7 %    +16.7   ▅▅█",
    "",
    expect.stringMatching(/^ {2}reward {14}0\.4\d {3}[▁▂▃▄▅▆▇█]{24}$/),
    "  speed               192 samples/s   version 24",
    "  learner             █████████▓▓▓▓▓▒▒  updates 60 %  waits 30 %  gives out 8 %",
    "  groups              12 running   8 waiting   lag 0.90 mean, 1 max of 1",
    "  draws               █████████▓▓▓▓▓▒▒  base 56 %  improve 34 %  diverge 10 %",
    "  buffer              256 instances   depth 1.60   S 0.180 mean   40 in play",
    "  episodes            2400 admitted = 1728 trained + 576 filtered + 96 open",
    "",
    "  Ctrl-C ends it in order · to look inside, in another terminal: iterant attach",
  ]);
});

test("at most 20 lines, none wider than the terminal, for any width and moment, coloured or not", () => {
  const notices = Array.from(
    { length: 5 },
    (_, at): LogRow => ({ kind: "notice", at_s: at, text: "word ".repeat(60) }),
  );
  for (const shown of [[], rows.slice(0, 1), until(1), until(24), [...rows, ...notices]]) {
    for (const width of [1, 12, 30, 40, 55, 56, 80, 100, 200]) {
      for (const state of [after(shown), endState(after(shown))]) {
        const lines = render(state, width);
        expect(lines.length).toBeLessThanOrEqual(20);
        for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(width);
        const coloured = render(state, width, { isColoured: true });
        // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours are what is looked for
        expect(coloured.map((line) => line.replace(/\x1b\[\d*m/g, "").trimEnd())).toEqual(lines);
      }
    }
  }
});

test("a terminal without block characters gets plain ones", () => {
  const text = render(after(until(24)), 80, { strokes: ascii })
    .join("\n")
    .replace("·", "");
  expect(text).toMatch(/^[\n\x20-\x7e]*$/);
});

test("without a curriculum the screen says so instead of showing an empty buffer", () => {
  const plain = makeRun({ strategy: "grpo" });
  const lines = render(after(plain.rows, plain.config), 80);
  expect(lines).toContain("  draws               base tasks only: no curriculum");
  expect(lines.join("\n")).not.toMatch(/buffer|NaN/);
});

test("ends that nothing met are left out of the ledger line, a failure is not", () => {
  const row = iterationRow(config, 10);
  const ledger = { ...row.ledger, trained: row.ledger.trained - 4, failed: 4 };
  expect(render(after([{ ...row, ledger }]), 100).join("\n")).toContain(
    "1056 admitted = 716 trained + 240 filtered + 4 failed + 96 open",
  );
});

test("a notice that changes the plan is shown whole, with its time, and the progress follows it", () => {
  const text = "this machine needs 2.00 s an iteration: 60 instead of 300, because 300 would take 10 min";
  const shorter = { ...iterationRow(config, 6), iterations: 12 };
  const lines = render(after([shorter, { kind: "notice", at_s: 3, text }]), 70);
  expect(lines[1]).toContain("iteration 6 of 12");
  expect(lines).toContain("  0:03    this machine needs 2.00 s an iteration: 60 instead of 300,");
  expect(lines).toContain("          because 300 would take 10 min");
});

test("the phase names the evaluation that is under way, and the end", () => {
  expect(phaseOf(after(until(20)))).toBe("evaluation at iteration 20 under way …");
  expect(phaseOf(after(until(21)))).toBe("next evaluation at iteration 30");
  expect(phaseOf(after(until(40)))).toBe("last evaluation, of version 40 …");
  expect(phaseOf(endState(after(rows)))).toBe("done");
  expect(phaseOf(endState(after(until(21))))).toBe("ended at iteration 21 of 40");
});

test("what was measured last is called after only where the run is done", () => {
  const heads = (state: LiveState) => render(state, 80).find((line) => line.startsWith("  held-out accuracy"));
  expect(heads(after(rows))).toMatch(/before +now +points$/);
  expect(heads(endState(after(until(21))))).toMatch(/before +now +points$/);
  expect(heads(endState(after(rows)))).toMatch(/before +after +points$/);
});

test("an evaluation that was passed over is not waited for", () => {
  const late = rows.filter((row) => row.kind !== "evaluation" || row.iteration !== 20);
  const first = late.find((row) => row.kind === "evaluation" && row.iteration === 10)!;
  const others = late.filter((row) => row !== first && row.kind === "iteration" && row.iteration <= 22);
  expect(phaseOf(after([rows[0]!, ...others, first]))).toBe("next evaluation at iteration 30");
});

test("the time left follows the speed of the newest iterations, and there is none before two of them", () => {
  expect(timeLeft_s(after(until(1)))).toBeNull();
  expect(timeLeft_s(after(until(24)))).toBeCloseTo(8);
});
