import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { report } from "../../../tools/report/command.ts";
import { writeReport } from "../../../tools/report/index.ts";
import { runFiles } from "../../../tools/run-folder.ts";
import { tinyTasks, writeRun } from "../../fixtures/run-folder.ts";
import { drawn, needChromium, openBrowser, openPage, pixelsOf } from "./browser.ts";

const runs = mkdtempSync(join(tmpdir(), "iterant-page-"));
let browser: Browser | undefined;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
  rmSync(runs, { recursive: true });
});

const allCharts = ["accuracy", "steps", "reward", "entropy", "draws", "depth", "score", "buffer", "lag", "learner"];

async function reportOf(name: string, run: Parameters<typeof writeRun>[1] = {}): Promise<string> {
  writeRun(join(runs, name), run);
  return await writeReport(join(runs, name));
}

test("the page draws every chart from its file alone, by day and by night, without a complaint or a request", async (context) => {
  needChromium(context);
  const file = await reportOf("whole");
  const { page, complaints, requests } = await openPage(browser!, file);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await drawn(page);
    const pixels = await pixelsOf(page);
    expect([...new Set(Object.keys(pixels).map((name) => name.split(":")[0]))]).toEqual(allCharts);
    for (const [series, count] of Object.entries(pixels))
      expect(count, `${colorScheme}, ${series}`).toBeGreaterThan(30);
  }
  expect({ complaints, requests }).toEqual({ complaints: [], requests: [] });
  await page.close();
});

test("at 360 and at 1400 pixels nothing is wider than the page", async (context) => {
  needChromium(context);
  const word = "x".repeat(300);
  const file = await reportOf("long-words", {
    respond: () => word,
    tasks: [word, "b", "c"],
    notices: [word],
    config: { model: word },
  });
  const { page } = await openPage(browser!, file, { width: 1400 });
  for (const width of [1400, 360]) {
    await page.setViewportSize({ width, height: 900 });
    await drawn(page);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    const plots =
      '[...document.querySelectorAll(".plot")].map((plot) => plot.firstChild.offsetWidth - plot.clientWidth)';
    expect(Math.max(...((await page.evaluate(plots)) as number[]))).toBeLessThanOrEqual(0);
  }
  await page.close();
});

test("the key figures, the problems and the configuration can be read", async (context) => {
  needChromium(context);
  const { page } = await openPage(browser!, await reportOf("read"));
  const text = await page.innerText("main");
  for (const expected of [
    "33.3 % → 66.7 %",
    "+33.3 points",
    "50.0 % → 83.3 %",
    "5x+8=48",
    "answer 8",
    "before, iteration 0",
    "after, iteration 40",
    "what became of 3\u00a0840 episodes",
  ]) {
    expect(text).toContain(expected);
  }
  expect(await page.locator(".episode").count()).toBe(3);
  expect(await page.locator(".configuration").isVisible()).toBe(false);
  await page.click("summary");
  expect(JSON.parse(await page.innerText(".configuration"))).toMatchObject({ strategy: "exit", seed: 1 });
  await page.close();
});

test("each iterate is marked right or wrong as it was scored, and a repeated answer is said to be one", async (context) => {
  needChromium(context);
  const task = tinyTasks[0]!;
  const file = await reportOf("marks", { tasks: [task], respond: (_task, k) => (k < 2 ? "same" : `other ${k}`) });
  const chains = readFileSync(join(runs, "marks", runFiles.evaluations), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const { page } = await openPage(browser!, file);
  const marks = await page.locator(".chain:last-child .mark").allInnerTexts();
  const shown = chains
    .filter(({ iteration }) => iteration === 40)
    .map(({ scores }) => scores.map((score: number) => (score === 1 ? "✓" : "✗")));
  expect(shown).toContainEqual(marks);
  expect(await page.locator(".chain:last-child li").allInnerTexts()).toEqual(
    ["same", "the same again", "other 2", "other 3", "other 4"].map((said, k) =>
      expect.stringMatching(new RegExp(`k=${k}[\\s\\S]*${said}`)),
    ),
  );
  await page.close();
});

const hostile = `</pre></script><script>alert(1)</script><img src=x onerror=alert(2)><!--\u2028"'\`\${x}`;

test("what a policy has said stays text, wherever it stands", async (context) => {
  needChromium(context);
  const file = await reportOf("hostile", {
    tasks: [hostile, "b", "c"],
    notices: [hostile],
    respond: () => hostile,
    config: { model: hostile },
  });
  const { page, complaints, requests } = await openPage(browser!, file);
  expect({ complaints, requests }).toEqual({ complaints: [], requests: [] });
  expect(await page.evaluate("document.images.length")).toBe(0);
  expect(await page.evaluate("document.scripts.length")).toBe(3);
  expect(await page.locator(".chain pre").first().textContent()).toBe(hostile);
  expect(await page.locator(".notices").textContent()).toContain(hostile);
  expect(Object.keys(await pixelsOf(page)).length).toBeGreaterThan(10);
  await page.close();
});

test("markup that slipped through would be inert: the page runs its own scripts only", async (context) => {
  needChromium(context);
  const file = await reportOf("planted");
  const planted = readFileSync(file, "utf8").replace(
    "<main>",
    "<main><script>document.title = 'taken'</script><img src=x onerror='document.title = `taken`'>",
  );
  writeFileSync(file, planted);
  const { page, complaints } = await openPage(browser!, file);
  expect(await page.title()).toBe("planted · Iterant");
  expect(complaints.join("\n")).toMatch(/Content Security Policy/);
  await page.close();
});

test("a run without evaluations, episodes or an end has a report that says what is missing", async (context) => {
  needChromium(context);
  const folder = join(runs, "bare");
  writeRun(folder, { brokeOffAt: 1 });
  for (const file of [runFiles.metrics, runFiles.evaluations]) rmSync(join(folder, file));
  const { page, complaints } = await openPage(browser!, await writeReport(folder));
  expect(complaints).toEqual([]);
  expect(await page.innerText("h1")).toBe("bare no end recorded, at iteration 0 of 40");
  expect(await page.locator(".missing").allInnerTexts()).toEqual([
    "No evaluation has been recorded: the run ended before its first one was done.",
    "There are no two evaluations with answers to compare.",
    "No iteration has been recorded: the run ended before its first update.",
    "No iteration has been recorded: the run ended before its first update.",
    "No iteration has been recorded.",
  ]);
  await page.close();
});

test("a run that goes on is reported as far as it came", async (context) => {
  needChromium(context);
  const { page, complaints } = await openPage(browser!, await reportOf("going-on", { brokeOffAt: 9 }));
  expect(complaints).toEqual([]);
  expect(await page.innerText("h1")).toBe("going-on no end recorded, at iteration 8 of 40");
  expect((await pixelsOf(page))["reward: smoothed"]).toBeGreaterThan(30);
  expect(await page.locator(".legend").innerText()).toMatch(/under way 96/);
  await page.close();
});

test("the comparison draws a curve for each strategy, and the picture for a README is one that browsers show", async (context) => {
  needChromium(context);
  for (const strategy of ["exit", "grpo"] as const) {
    for (const seed of [1, 2])
      writeRun(join(runs, `${strategy}-${seed}`), { strategy, seed, gain: strategy === "exit" ? 0.6 : 0.2 });
  }
  const names = ["exit-1", "exit-2", "grpo-1", "grpo-2"].map((name) => join(runs, name));
  const [out, svg] = [join(runs, "compare.html"), join(runs, "accuracy.svg")];
  await report(names, { out, svg });
  const { page, complaints, requests } = await openPage(browser!, out);
  const pixels = await pixelsOf(page);
  expect(Object.keys(pixels)).toEqual(["k0: grpo", "k0: exit", "kK: grpo", "kK: exit"]);
  for (const count of Object.values(pixels)) expect(count).toBeGreaterThan(30);
  expect({ complaints, requests }).toEqual({ complaints: [], requests: [] });
  writeFileSync(join(runs, "readme.html"), `<img src="accuracy.svg">`);
  await page.goto(`file://${join(runs, "readme.html")}`);
  expect(await page.evaluate("document.images[0].naturalWidth")).toBe(860);
  await page.close();
});
