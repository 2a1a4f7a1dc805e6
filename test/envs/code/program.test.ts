// Which program a response holds.
import { expect, test } from "vitest";
import { programIn } from "../../../envs/index.ts";

test.each([
  ["one block", "Here:\n```python\nprint(1)\n```\nDone.", "print(1)\n"],
  ["a block without a language", "```\nprint(1)\n```", "print(1)\n"],
  ["the last of several", "```python\nprint(1)\n```\nbetter:\n```py\nprint(2)\n```", "print(2)\n"],
  ["the one that is Python", "```python\nprint(1)\n```\nrun it:\n```bash\npython solution.py\n```", "print(1)\n"],
  [
    "the one that says it is Python, before an output",
    "```python\nprint(1)\n```\nIt prints\n```\n1\n```",
    "print(1)\n",
  ],
  ["a block between tildes", "~~~python\nprint(1)\n~~~", "print(1)\n"],
  ["a longer fence around a shorter one", "````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''\n"],
  ["attributes after the language", '```python title="solution.py"\nprint(1)\n```', "print(1)\n"],
  ["carriage returns", "```python\r\nprint(1)\r\n```\r\n", "print(1)\r\n"],
  ["no block", "print(1)", null],
  ["a block that was cut off", "```python\nprint(1)\n", null],
  ["only an empty block", "```python\n\n```", null],
  ["only another language", "```bash\nls\n```", null],
  ["nothing", "", null],
])("of %s", (_, response, program) => {
  expect(programIn(response)).toBe(program);
});

test("a response of a hundred thousand fences is read at once", () => {
  expect(programIn("```python\n".repeat(100_000))).toBe(null);
});
