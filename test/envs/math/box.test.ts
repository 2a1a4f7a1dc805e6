// Boxes by their braces; and the proof, against math-verify, that a deciding box decides.
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { MathVerifier } from "../../../envs/index.ts";
import { boxesOf, decidingBox } from "../../../envs/math/box.ts";
import { python } from "../python.ts";

const verifier = new MathVerifier({ ...python, processCount: 1, cacheSize: 0 });
afterAll(() => verifier.close());

test.each([
  ["So \\boxed{72}.", ["72"]],
  ["\\boxed{\\frac{1}{2}} or \\fbox{0.5}", ["\\frac{1}{2}", "0.5"]],
  ["\\boxed {5}", ["5"]],
  ["\\boxed{never closed", []],
  ["\\boxed{} and \\boxed 7", [""]],
  ["no box", []],
])("the boxes of %s", (text, boxes) => {
  expect(boxesOf(text)).toEqual(boxes);
});

test.each([
  ["the only box", "So it is \\boxed{72}, as 71 is odd.", "72"],
  ["braces inside and after", "\\boxed{\\frac{1}{2}} {so}", "\\frac{1}{2}"],
  ["an interval in the box", "\\boxed{[0, 1)}", "[0, 1)"],
  ["two boxes", "\\boxed{1} and \\boxed{2}", null],
  ["a frame beside it", "\\boxed{1} and \\fbox{2}", null],
  ["a formula beside it", "$x = 3$, so \\boxed{3}", "3"],
  ["dollars around it", "so $x = \\boxed{3}$.", "3"],
  ["a percent sign after the dollars around it", "so $\\boxed{3}$\\%", null],
  ["a dollar in it", "\\boxed{\\$5}", null],
  ["brackets around it", "so [\\boxed{5}] it is", "5"],
  ["a bracket before it and one in it", "so [ \\boxed{[0,1) }", null],
  ["a display around it", "\\[\\boxed{5}\\]", "5"],
  ["a final answer beside it", "Final answer is 4. \\boxed{5}", null],
  ["a final answer in Turkish letters", "fınal answer is 4. \\boxed{5}", null],
  ["an empty box", "\\boxed{ } }", null],
  ["a box that is not closed", "\\boxed{5", null],
  ["no box", "5", null],
])("%s", (_, text, content) => {
  expect(decidingBox(text)).toBe(content);
});

const contents = fc.constantFrom(
  ...["5", "-5", "1,000", "0.5", "033", "50%", "5\\%", "5 km", "\\frac{1}{2}", "1/2", "\\sqrt{17}", "x=5", "\\pi"],
  ...["(1,2)", "[0,1)", "\\{1,2\\}", "1,2", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\text{east}", "x > 3", "7 or 8"],
  ...["\\frac{1}{}", "@@", "}{", "answer 7", "\\frac{1}{2} @@", "{5}", " 5 ", "\n5", "answer: \\frac{1}{2} @", ""],
  ...["\\$5", "$5$", "\\frac{1}{2}$ ", "\\frac{1}{2}\\) ", "\\frac{1}{2}] ", "\\frac{1}{2}\\] "],
);
const noise = fc.constantFrom(
  ...[
    "So ",
    "the answer is ",
    "Answer: 4",
    "final answer is ",
    "I hope it is correct.",
    ".",
    "\n",
    " and ",
    ", ",
    " = 3",
  ],
  ...[
    "}",
    "{",
    " [",
    "] ",
    "$",
    "$$",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    "%",
    "\\%",
    " percent",
    "$4$",
    "\\(4\\)",
    "**4**",
    " 7 ",
  ],
  ...["\\boxed", "\\fbox{4}", "\\frac{1}{3}", "fınal answer is 4"],
);
const delimiters = fc.constantFrom(["", ""], ["$", "$"], ["$$", "$$"], ["\\(", "\\)"], ["\\[", "\\]"], [" [", "] "]);
const suffixes = fc.constantFrom("", ".", "%", "\\%", " percent", "\n");
const some = fc.array(noise, { maxLength: 2 }).map((pieces) => pieces.join(""));
const responses = fc
  .tuple(some, delimiters, contents, suffixes, some)
  .map(([before, [open, close], content, suffix, after]) => {
    return `${before}${open}\\boxed{${content}}${close}${suffix}${after}`;
  });

test("what stands around a deciding box never changes what math-verify says", async () => {
  let decidedCount = 0;
  await fc.assert(
    fc.asyncProperty(contents, responses, async (gold, response) => {
      const content = decidingBox(response);
      if (content === null) return;
      const whole = await verifier.verify(gold, response);
      if (whole.rule !== "box") return; // the box could not be parsed, and math-verify looked further
      decidedCount += 1;
      const alone = await verifier.verify(gold, `\\boxed{${content}}`);
      expect({ ...whole, wallMs: 0 }).toEqual({ ...alone, wallMs: 0 });
    }),
    { numRuns: 2_000 },
  );
  expect(decidedCount).toBeGreaterThan(200);
});
