// More than a hundred programs try to leave the sandbox, at each tier that this machine has. `hostile/` holds them, with
// what must come of each; here is what must hold after every one of them. About a minute for all three tiers.
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openSandbox, type Sandbox, type SandboxOptions } from "../../../envs/index.ts";
import { python } from "../python.ts";
import { hostilePrograms } from "./hostile/index.ts";
import { expectationOf, type HostileProgram, type HostileTier, hostileLimits, textOf } from "./hostile/program.ts";
import { hasBubblewrap, makeOutside, type OutsideWorld, publicPackage, takeStock, whatIsNew } from "./outside.ts";

const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === "linux";
/** Nobody's user id; a real user would do as well. */
const ordinaryUser = { uid: 4_242, gid: 4_242 };
const systemPython = "/usr/bin/python3";

/** In the launcher's environment and in the answers: never to be seen inside. */
const nonce = randomUUID();
/** In the environment of every program: whoever has it afterwards is a leftover. */
const mark = randomUUID();
let outside: OutsideWorld;
let shared: ReturnType<typeof publicPackage>;

beforeAll(async () => {
  outside = await makeOutside(nonce);
  shared = publicPackage(python.pythonPath![0]!);
});

afterAll(() => {
  outside.close();
  shared.remove();
});

/** `full` is root's; without bubblewrap only `landlock` is left. */
function canTry(tier: HostileTier): boolean {
  return tier === "landlock" || (hasBubblewrap && (tier !== "full" || isRoot));
}

/** As root with everything there is, as an ordinary user with what is left, and without namespaces. */
function optionsOf(tier: HostileTier): SandboxOptions {
  const common = { maxRunning: 2, tier, launcherEnv: { SECRET: nonce } };
  if (tier === "full") return { ...python, ...common, programPython: python.python };
  const asOrdinary = isRoot ? { user: ordinaryUser } : {};
  return { ...common, ...asOrdinary, python: systemPython, pythonPath: [shared.path], programPython: systemPython };
}

describe.skipIf(!isLinux)("a program that", () => {
  for (const tier of ["full", "namespaces", "landlock"] as const) {
    const needs = canTry(tier) ? "" : ` (skipped: it takes ${hasBubblewrap ? "root" : "bubblewrap"})`;
    describe.skipIf(needs !== "")(`is run at the tier ${tier}${needs} and`, () => {
      let sandbox: Sandbox;
      let before: ReturnType<typeof takeStock>;

      beforeAll(async () => {
        before = takeStock([nonce, mark]);
        sandbox = await openSandbox(optionsOf(tier));
      });

      afterAll(async () => {
        await sandbox.close();
        // Another file's tests kill launchers on purpose; the next start sweeps after them.
        await vi.waitFor(() => expect(whatIsNew(before, takeStock([nonce, mark]))).toEqual([]), 60_000);
        expect(outside.visitors).toEqual([]);
      });

      for (const [theme, programs] of Object.entries(hostilePrograms)) {
        for (const program of programs) {
          test.concurrent(`${program.name} (${theme})`, () => tryToLeave(sandbox, program, tier));
        }
      }
    });
  }
});

test("there are at least eighty hostile programs, and no two of one name", () => {
  const names = Object.values(hostilePrograms).flatMap((programs) => programs.map(({ name }) => name));
  expect(names.length).toBeGreaterThanOrEqual(80);
  expect(new Set(names).size).toBe(names.length);
});

test.skipIf(!isLinux)("the system's Python can run what is here", () => {
  execFileSync(systemPython, ["-c", "import sys; assert sys.version_info >= (3, 11), sys.version"]);
});

async function tryToLeave(sandbox: Sandbox, program: HostileProgram, tier: HostileTier): Promise<void> {
  const contentBefore = outside.content();
  const verdict = await sandbox.run({
    program: textOf(program, outside),
    dataFolder: outside.data,
    limits: { ...hostileLimits, ...program.limits },
    env: { MARK: mark },
    outputs: [{ name: "submission.csv", maxBytes: 2 ** 20 }],
  });
  const expected = expectationOf(program, tier);
  const said = Buffer.concat([verdict.output.head, verdict.output.tail]).toString("latin1");
  const context = `${verdict.message ?? ""}\n${said.slice(-1_000)}`;
  expect([expected.status].flat(), context).toContain(verdict.status);
  expect(verdict.leftoverCount, context).toBe(0);
  expect(verdict.tier).toBe(tier);
  expect(said).not.toContain(nonce);
  expect(outside.content()).toBe(contentBefore);
  if (expected.says) expect(said).toMatch(expected.says);
  if (expected.signal) expect(verdict.signal).toBe(expected.signal);
  if (expected.oomKills) expect(verdict.oomKillCount).toBeGreaterThan(0);
  const [file] = verdict.files;
  if (expected.submission !== undefined) expect([expected.submission].flat()).toContain(file!.refusal);
  if (file?.refusal === null) expect(file.content.includes(nonce)).toBe(false);
}
