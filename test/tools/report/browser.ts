// A real browser for tests of pages: opened once, everything that it complains about or asks the network for is kept.
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import type { TestContext } from "vitest";

const executablePath = "/usr/bin/chromium";

export function needChromium({ skip }: Pick<TestContext, "skip">): void {
  skip(!existsSync(executablePath), `there is no Chromium at ${executablePath}`);
}

export async function openBrowser(): Promise<Browser | undefined> {
  if (!existsSync(executablePath)) return undefined;
  return await chromium.launch({
    executablePath,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
}

export interface OpenPage {
  page: Page;
  /** Console messages, uncaught errors and dialogs. */
  complaints: string[];
  /** Addresses asked for besides the page itself. */
  requests: string[];
}

export async function openPage(
  browser: Browser,
  file: string,
  { width = 1400, colorScheme = "light" as "light" | "dark" } = {},
): Promise<OpenPage> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const url = pathToFileURL(file).href;
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.url() !== url) requests.push(request.url());
  });
  await page.goto(url);
  return { page, complaints, requests };
}

/**
 * For each chart, how many pixels its canvas has in the colour of each of its series; faint and broken lines left out.
 * In words of the browser, where this runs.
 */
const countPixels = `(() => {
  const resolve = (role) => {
    const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--" + role).trim();
    probe.fillRect(0, 0, 1, 1);
    return probe.getImageData(0, 0, 1, 1).data;
  };
  const counts = {};
  for (const { id, series } of JSON.parse(document.getElementById("charts-data").textContent)) {
    const canvas = document.querySelector("#chart-" + id + " canvas");
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    for (const { label, role, style, values } of series) {
      if (style || values.every((value) => !value)) continue;
      const [r, g, b] = resolve(role);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        const near = Math.abs(data[at] - r) + Math.abs(data[at + 1] - g) + Math.abs(data[at + 2] - b) < 24;
        if (near && data[at + 3] > 100) count += 1;
      }
      counts[id + ": " + label] = count;
    }
  }
  return counts;
})()`;

export async function pixelsOf(page: Page): Promise<Record<string, number>> {
  return (await page.evaluate(countPixels)) as Record<string, number>;
}

/** Resolves once the page has drawn what it has to draw. */
export async function drawn(page: Page): Promise<void> {
  await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))");
}
