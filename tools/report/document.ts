// The frame of a page that stands alone: styles, scripts and data inside, nothing loaded, no other script runs.
// The content policy names the page's own scripts and styles by hash, so that markup that slipped through would be inert.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Chart } from "./charts.ts";
import { Html, html, jsonOf } from "./html.ts";
import { readUplot } from "./uplot.ts";

/** Plain CSS and JavaScript that run in a browser, read from the sources. */
const asset = (name: string) => readFileSync(new URL(`../../../tools/report/page/${name}`, import.meta.url), "utf8");

export function documentOf({ title, body, charts }: { title: string; body: Html; charts: readonly Chart[] }): string {
  const { script, style } = readUplot();
  const styles = `${style}\n${asset("page.css")}`;
  const scripts = [script, asset("charts.js")].map((text) => text.replaceAll("</script", "<\\/script"));
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(styles)}'`,
    `script-src ${scripts.map((text) => `'${hashOf(text)}'`).join(" ")}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${new Html(styles)}</style>
</head>
<body>
${body}
<script type="application/json" id="charts-data">${jsonOf(charts)}</script>
<script>${new Html(scripts[0]!)}</script>
<script type="module">${new Html(scripts[1]!)}</script>
</body>
</html>
`.text;
}

/** A chart's place on the page; charts.js fills it. */
export function chartPlace({ id, title, note }: Chart): Html {
  return html`<figure class="chart" id="chart-${id}">
<figcaption><h3>${title}</h3><p>${note}</p></figcaption>
<div class="plot"></div>
</figure>`;
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
