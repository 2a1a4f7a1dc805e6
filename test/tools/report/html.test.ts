import fc from "fast-check";
import { expect, test } from "vitest";
import { html, jsonOf, nothing } from "../../../tools/report/html.ts";

test("a text in a template stays text, a piece of HTML stays HTML", () => {
  const piece = html`<b>${`<i>"it's" & more</i>`}</b>`;
  expect(html`<p>${piece}${nothing}${[piece, piece]}${3}</p>`.text).toBe(
    `<p>${"<b>&lt;i&gt;&quot;it&#39;s&quot; &amp; more&lt;/i&gt;</b>".repeat(3)}3</p>`,
  );
});

test("no JSON value can end the script it stands in, and every value comes back", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom("</script>", "<!--", "<script"), (value, hostile) => {
      const written = jsonOf([value, hostile]).text;
      expect(written).not.toContain("<");
      expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify([value, hostile])));
    }),
  );
});
