// What is told of a trace.
import { expect, test } from "vitest";
import { scrubbedTrace } from "../../../envs/code/trace.ts";

const paths = {
  program: "/tmp/iterant-program-x/main.py",
  work: "/tmp/iterant-program-x",
  data: "/srv/data/synth/public",
};
const scrub = (output: string, maxCharacters = 2_000) =>
  scrubbedTrace(output, paths, { dataVariable: "DATA", maxCharacters });

test("folders of the machine go, names that mean something stay", () => {
  const output = [
    "Traceback (most recent call last):",
    '  File "/tmp/iterant-program-x/main.py", line 7, in <module>',
    '  File "/opt/venv/lib/python3.11/site-packages/pandas/io/common.py", line 873, in get_handle',
    '  File "/usr/lib/python3.11/shutil.py", line 3, in copy',
    '  File "/home/somebody/secret/thing.py", line 1, in f',
    "FileNotFoundError: '/srv/data/synth/public/tain.csv' or '/tmp/iterant-program-x/out.csv' <object at 0x7f3a2b1c>",
  ].join("\n");
  expect(scrub(output)).toBe(
    [
      "Traceback (most recent call last):",
      '  File "solution.py", line 7, in <module>',
      '  File "site-packages/pandas/io/common.py", line 873, in get_handle',
      '  File "python3.11/shutil.py", line 3, in copy',
      '  File "thing.py", line 1, in f',
      "FileNotFoundError: '$DATA/tain.csv' or 'out.csv' <object at 0x...>",
    ].join("\n"),
  );
});

test("only the last traceback is told, not what was printed before", () => {
  const trace = (name: string) => `Traceback (most recent call last):\n  File "x"\n${name}: no\n`;
  expect(scrub(`epoch 1\n${trace("KeyError")}epoch 2\n${trace("ValueError")}`)).toBe(trace("ValueError").trimEnd());
});

test("colours, titles, progress bars and other terminal tricks are taken out", () => {
  expect(scrub("\u001b[31mred\u001b[0m \u001b]0;title\u0007\u001b[2Kok\r\n10%\r20%\u0000\u009b31m")).toBe(
    "red ok\n10%20%31m",
  );
});

test("what is too long is cut at a line, from its end, however much there is", () => {
  expect(scrub(Array.from({ length: 100 }, (_, at) => `line ${at}`).join("\n"), 20)).toBe("line 98\nline 99");
  expect(scrub("x".repeat(1_000_000), 20)).toBe("x".repeat(20));
});
