import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Guarantee } from "../../envs/index.ts";
import { ask, complaintOf } from "../../tools/doctor/ask.ts";
import { broken, type Finding, missing, ok, renderFindings } from "../../tools/doctor/finding.ts";
import { findingsOf } from "../../tools/doctor/sandbox.ts";
import { iterant } from "./replay/cli.ts";

/** A PATH of our own, with nothing on it but what a test puts there. */
let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "doctor-"));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

function program(name: string, script: string): string {
  const file = join(path, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

function examine(env: Record<string, string> = {}, ...words: string[]) {
  const { stdout, stderr, code } = iterant(["doctor", "--json", ...words], env);
  expect(stderr).toBe("");
  const { isFit, findings } = JSON.parse(stdout) as { isFit: boolean; findings: Finding[] };
  return { code, isFit, of: (name: string) => findings.find((finding) => finding.name === name), findings };
}

/** What a Python without any package says of itself. */
const probed = {
  version: "3.11.7",
  executable: "/usr/bin/python3",
  isVenv: false,
  packages: {},
  zmq: null,
  memory: null,
  imports: {},
  torch: null,
};

describe("doctor", () => {
  test("finds on this machine all that these very tests run on", () => {
    const { code, isFit, of, findings } = examine();
    expect({ code, isFit }).toEqual({ code: 0, isFit: true });
    expect(of("node")).toEqual(ok("node", "needed", process.versions.node));
    expect(of("torch")).toMatchObject({ status: "ok", group: "needed", value: expect.stringMatching(/^2\./) });
    expect(of("pyzmq")?.value).toMatch(/^\d+\.\d+\.\d+, libzmq \d/);
    expect(findings.filter(({ group }) => group === "needed").every(({ status }) => status === "ok")).toBe(true);
    for (const { status, cure } of findings) expect(cure === null).toBe(status === "ok");
  });

  test("--deep imports torch and tells how fast this machine is", () => {
    const { of, code } = examine({}, "--deep");
    expect(code).toBe(0);
    expect(of("torch")?.value).toMatch(/, \d+ threads?, [\d.]+ GFLOP\/s in a product of matrices/);
    expect(of("memory speed")?.value).toMatch(/^[\d.]+ GB\/s into fresh pages, [\d.]+ GB\/s into used ones/);
  });

  test("without a Python names the cure and ends with exit code 3", () => {
    const { code, isFit, of } = examine({ ITERANT_PYTHON: "no-such-python" });
    expect({ code, isFit }).toEqual({ code: 3, isFit: false });
    expect(of("python")).toEqual(
      missing(
        "python",
        "needed",
        "there is none called no-such-python",
        "npm run setup (it makes one in .venv), or name one in ITERANT_PYTHON",
      ),
    );
  });

  test("a Python that breaks off, or says what no Python says, is broken", () => {
    const cure = "npm run setup, or name another in ITERANT_PYTHON";
    const breaks = program("breaks-off", "echo 'no such library: libpython' >&2; exit 127");
    expect(examine({ ITERANT_PYTHON: breaks }).of("python")).toEqual(
      broken("python", "needed", `${breaks}: no such library: libpython`, cure),
    );
    const chats = program("chats", "echo hello");
    expect(examine({ ITERANT_PYTHON: chats }).of("python")).toEqual(
      broken("python", "needed", `${chats}: hello`, cure),
    );
  });

  test("versions below the project's own floors are broken, absent packages missing", () => {
    const packages = { torch: "2.1.0", transformers: "5.23.0.dev0", pyzmq: "27.1.0", ormsgpack: null };
    const said = { ...probed, version: "3.9.2", packages, zmq: { error: "ImportError: no libzmq" } };
    const { of, code } = examine({ ITERANT_PYTHON: program("is-old", `echo '${JSON.stringify(said)}'`) });
    expect(code).toBe(3);
    expect(of("python")?.value).toBe("3.9.2, /usr/bin/python3; 3.11 or newer is needed");
    expect(of("torch")).toEqual(broken("torch", "needed", "2.1.0; 2.13 or newer is needed", "npm run setup"));
    expect(of("transformers")?.status).toBe("ok");
    expect(of("pyzmq")).toEqual(broken("pyzmq", "needed", "ImportError: no libzmq", "npm run setup"));
    expect(of("ormsgpack")).toEqual(missing("ormsgpack", "needed", "", "npm run setup"));
  });

  test("on a bare PATH misses every program, and can run all the same", () => {
    const { of, isFit } = examine({ PATH: path });
    for (const name of ["C++ compiler", "bwrap", "user namespaces", "ssh", "chromium", "GPU"]) {
      expect(of(name)).toMatchObject({ status: "missing", group: "optional" });
    }
    expect(isFit).toBe(true);
  });

  test("a program that is there and does not work is broken, in its own words", () => {
    program("bwrap", '[ "$1" = --version ] && echo bubblewrap 0.8.0 || { echo "bwrap: no permission" >&2; exit 1; }');
    program("unshare", 'echo "unshare failed: Operation not permitted" >&2; exit 1');
    program("c++", "exit 4");
    const { of } = examine({ PATH: path });
    expect(of("bwrap")).toMatchObject({ status: "broken", value: "bwrap: no permission" });
    expect(of("user namespaces")).toMatchObject({
      status: "broken",
      value: "unshare failed: Operation not permitted",
      cure: expect.stringContaining("sysctl kernel.unprivileged_userns_clone=1"),
    });
    expect(of("C++ compiler")).toMatchObject({ status: "broken", value: "c++: ends with code 4" });
  });

  test("a GPU that torch was not built for is broken", () => {
    program("nvidia-smi", "echo 'NVIDIA H100 80GB HBM3, 81559 MiB, 570.1'");
    const build = (torch: string) => {
      const said = JSON.stringify({ ...probed, packages: { torch } });
      return examine({ PATH: path, ITERANT_PYTHON: program("python", `echo '${said}'`) }).of("GPU");
    };
    expect(build("2.13.0+cpu")).toEqual(
      broken(
        "GPU",
        "optional",
        "NVIDIA H100 80GB HBM3, 81559 MiB, 570.1; torch 2.13.0+cpu cannot use it",
        "pip install a CUDA build of torch into that Python",
      ),
    );
    expect(build("2.13.0")).toEqual(ok("GPU", "optional", "NVIDIA H100 80GB HBM3, 81559 MiB, 570.1"));
  });

  test("looks for room where runs will lie, also before the folder is there", () => {
    const runs = join(path, "not", "yet");
    expect(examine({ ITERANT_RUNS: runs }).of("disk")?.value).toMatch(new RegExp(`iB free for ${runs}$`));
    mkdirSync(runs, { recursive: true });
    expect(examine({ ITERANT_RUNS: runs }).of("disk")?.status).toBe("ok");
  });
});

test("a program that never ends is given up at the deadline", async () => {
  const answer = await ask(program("hangs", "exec sleep 600"), [], { timeoutMs: 100 });
  expect(answer.isLate).toBe(true);
  expect(complaintOf(answer)).toBe("gives no answer");
});

test("the page has both groups, a cure under what lacks one, and the sum", () => {
  const findings = [
    ok("node", "needed", "20.20.2"),
    broken("python", "needed", "3.9; 3.11 or newer is needed", "name a newer one"),
    missing("torch", "needed", "", "npm run setup"),
    ok("ssh", "optional", "OpenSSH_9.2"),
    missing("GPU", "optional", "no nvidia-smi", "none needed"),
  ];
  expect(renderFindings(findings)).toBe(`\
needed
  ok       node    20.20.2
  broken   python  3.9; 3.11 or newer is needed
                   name a newer one
  missing  torch
                   npm run setup

optional
  ok       ssh     OpenSSH_9.2
  missing  GPU     no nvidia-smi
                   none needed

this machine cannot run iterant yet: python, torch`);
  expect(
    renderFindings(findings.filter(({ group }) => group === "optional"))
      .split("\n")
      .at(-1),
  ).toBe("this machine can run iterant; without GPU");
});

describe("the doctor on sandboxes", () => {
  const machine = {};
  const holds = (guarantee: Guarantee) => ({ guarantee, holds: true as const, layer: "a wall" });
  const lacks = (guarantee: Guarantee) => ({ guarantee, holds: false as const, what: "it got out", cure: "close it" });

  test("says on one line which promises are kept, and gives each other a line with its cure", () => {
    const found = findingsOf({ tier: "namespaces", findings: [holds("net"), lacks("mem")], machine, hash: "" });
    expect(found).toEqual([
      ok("sandbox", "optional", "namespaces, hidden and cut off, not all bounds hold; keeps net"),
      missing("sandbox mem", "optional", "it got out", "close it; only worlds that run untrusted code need it"),
    ]);
  });

  test("calls walls that miss what their tier cannot do without broken", () => {
    const [first] = findingsOf({ tier: "namespaces", findings: [lacks("net")], machine, hash: "" });
    expect(first).toMatchObject({ name: "sandbox", status: "broken" });
    const [weak] = findingsOf({ tier: "landlock", findings: [holds("net")], machine, hash: "" });
    expect(weak).toMatchObject({ status: "broken", value: "landlock, weak: must be allowed by name; keeps net" });
  });
});
