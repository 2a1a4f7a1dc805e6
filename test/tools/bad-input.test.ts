// Wrong flags, files and machines: one clear message, the right exit code, and nothing started.
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { tinyFolder } from "../../tools/train/model.ts";
import { makeRunsFolder, runCli } from "./cli.ts";

const runs = makeRunsFolder();
const scratch = mkdtempSync(join(tmpdir(), "iterant-input-"));
afterAll(() => {
  runs.remove();
  rmSync(scratch, { recursive: true, force: true });
});

function file(name: string, text: string): string {
  const path = join(scratch, name);
  writeFileSync(path, text);
  return path;
}

/** Trains with these flags; what it said, after making sure that it left nothing. */
async function refused(args: string[], env: Record<string, string> = {}) {
  const { code, stderr, stdout } = await runCli(["train", "--preset", "tiny", ...args], {
    env: { ITERANT_RUNS: runs.path, ...env },
  });
  expect(readdirSync(runs.path)).toEqual([]);
  expect(stdout).toBe("");
  return { code, message: stderr.replaceAll(scratch, "DIR") };
}

describe("a problems file", () => {
  test("that is empty", async () => {
    const { code, message } = await refused(["--problems", file("empty.jsonl", "")]);
    expect([code, message]).toEqual([2, expect.stringMatching(/^iterant: .*empty\.jsonl/)]);
  });

  test("that is not there", async () => {
    const { code, message } = await refused(["--problems", join(scratch, "absent.jsonl")]);
    expect([code, message]).toEqual([2, expect.stringContaining("absent.jsonl")]);
  });

  test("with a bad line names it and the reason", async () => {
    const text = '{"question":"1+1","answer":"#### 2"}\n{"question":"1+2"}\nnot json\n';
    const { code, message } = await refused(["--problems", file("bad.jsonl", text)]);
    expect(code).toBe(2);
    expect(message).toContain("bad.jsonl:2: no answer: it has the fields question, none of them answer or solution");
    expect(message).toContain("bad.jsonl:3: ");
  });
});

describe("a model folder", () => {
  test("without a tokenizer", async () => {
    const folder = join(scratch, "no-tokenizer");
    cpSync(tinyFolder, folder, { recursive: true, filter: (path) => !/tokenizer/.test(path) });
    const { code, message } = await refused(["--model", folder]);
    expect([code, message]).toEqual([
      2,
      "iterant: model DIR/no-tokenizer: has no tokenizer (tokenizer.json). " +
        "Save it with tokenizer.save_pretrained into the same folder.\n",
    ]);
  });

  test("that is not there", async () => {
    const { code, message } = await refused(["--model", join(scratch, "nothing")]);
    expect([code, message]).toEqual([
      2,
      "iterant: model DIR/nothing: there is no such folder. " +
        "Give a Hugging Face model folder on this machine, or tiny, tiny-tools or tiny-code; nothing is downloaded.\n",
    ]);
  });
});

describe("a configuration", () => {
  test("with an unknown key is refused with file, line, column and the nearest right word", async () => {
    const { code, message } = await refused([
      "--config",
      file("run.yaml", "training:\n  maxLagg: 2\n  iterations: -1\n"),
    ]);
    expect([code, message]).toEqual([
      2,
      "iterant: DIR/run.yaml:3:15: training.iterations is -1: it must be at least 0.\n" +
        "DIR/run.yaml:2:3: training.maxLagg is no key; did you mean maxLag?\n",
    ]);
  });

  test("by --set", async () => {
    const { code, message } = await refused(["--set", "loss.kl=k4"]);
    expect([code, message]).toEqual([
      2,
      'iterant: --set loss.kl=k4: loss.kl is "k4": it must be one of none, k1, k2, k3; did you mean k1?\n',
    ]);
  });

  test("of parts that do not go together", async () => {
    const { code, message } = await refused(["--ranks", "2"]);
    expect([code, message]).toEqual([
      2,
      "iterant: learner.ranks is 2 with learner.engine torch: more than one rank needs learner.engine deepspeed.\n",
    ]);
  });

  test("a preset that there is not", async () => {
    const { code, stderr } = await runCli(["train", "--preset", "tinny"], { env: { ITERANT_RUNS: runs.path } });
    expect([code, stderr]).toEqual([2, "iterant: no preset tinny; did you mean tiny?\n"]);
  });
});

describe("a Python", () => {
  const python = (name: string, script: string) => {
    const path = file(name, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return { ITERANT_PYTHON: path };
  };

  test("that is not there", async () => {
    const { code, message } = await refused([], { ITERANT_PYTHON: join(scratch, "no-python") });
    expect([code, message]).toEqual([
      3,
      "iterant: there is no Python called DIR/no-python. Run: npm run setup (it makes one in .venv), or name one in ITERANT_PYTHON.\n",
    ]);
  });

  test("that is too old", async () => {
    const { code, message } = await refused([], python("old-python", "echo 3 9"));
    expect([code, message]).toEqual([
      3,
      "iterant: DIR/old-python is Python 3.9; 3.11 or newer is needed. Name another in ITERANT_PYTHON.\n",
    ]);
  });

  test("whose environment is broken", async () => {
    const { code, message } = await refused(
      [],
      python("broken-python", "echo 'libpython.so: cannot open' >&2; exit 127"),
    );
    expect([code, message]).toEqual([
      3,
      "iterant: DIR/broken-python does not run: libpython.so: cannot open. Run: npm run setup\n",
    ]);
  });

  test("that lacks packages", async () => {
    const { code, message } = await refused([], python("bare-python", "echo 3 11 torch zmq"));
    expect([code, message]).toEqual([3, "iterant: DIR/bare-python lacks torch, zmq. Run: npm run setup\n"]);
  });
});

describe("a run", () => {
  test("that there is not, to resume or replay", async () => {
    for (const command of ["resume", "replay", "eval"]) {
      const { code, stderr } = await runCli([command, "nowhere"], { env: { ITERANT_RUNS: runs.path } });
      expect([code, stderr]).toEqual([
        2,
        `iterant: no run 'nowhere' in ${runs.path}. There are no runs yet: iterant train makes one.\n`,
      ]);
    }
  });

  test("with a name that is no name", async () => {
    const { code, message } = await refused(["--name", "../elsewhere"]);
    expect([code, message]).toEqual([
      2,
      "iterant: --name ../elsewhere: use letters, digits, dots, dashes and underscores, and not latest.\n",
    ]);
  });
});

test("an unknown command or flag is refused with where to look", async () => {
  const { code, stderr } = await runCli(["trian"]);
  expect([code, stderr]).toEqual([
    2,
    "error: unknown command 'trian'\n(Did you mean train?)\n(iterant --help, or iterant <command> --help)\n",
  ]);
});
