// What `npm test` runs once everything is installed and built: format, lint, types, then both languages' tests.
// Quiet on success: a suite's output is printed only if it fails. The last line counts all suites.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** One line a skipped test: its name and the reason. */
  skips: string[];
}

interface Suite {
  title: string;
  file: string;
  args: string[];
  /** Reads the suite's own count; without it the suite is one check, passed or failed. */
  tally?: () => Tally;
}

const root = fileURLToPath(new URL("../../", import.meta.url));
const python = process.env.ITERANT_PYTHON ?? join(root, ".venv/bin/python");
const scratch = mkdtempSync(join(tmpdir(), "iterant-check-"));
const bin = (name: string) => join(root, "node_modules/.bin", name);
const pyproject = join(root, "trainer-py/pyproject.toml");
const pythonFolders = ["trainer-py/iterant", "test/trainer", "tools/doctor", "tools/bench"].map((folder) =>
  join(root, folder),
);

const suites: Suite[] = [
  { title: "format and lint, TypeScript", file: bin("biome"), args: ["ci", "--error-on-warnings", "."] },
  {
    title: "format, Python",
    file: python,
    args: ["-m", "ruff", "format", "--no-cache", "--config", pyproject, "--check", ...pythonFolders],
  },
  {
    title: "lint, Python",
    file: python,
    args: ["-m", "ruff", "check", "--no-cache", "--config", pyproject, ...pythonFolders],
  },
  {
    title: "types, Python",
    file: python,
    args: ["-m", "mypy", "--config-file", pyproject, "--cache-dir", join(root, ".mypy_cache"), pythonFolders[0]!],
  },
  {
    title: "tests, TypeScript",
    file: bin("vitest"),
    args: ["run", "--root", root],
    tally: () => JSON.parse(readFileSync(join(scratch, "vitest.json"), "utf8")) as Tally,
  },
  {
    title: "tests, Python",
    file: python,
    args: ["-m", "pytest", "-c", pyproject, `--junitxml=${join(scratch, "pytest.xml")}`],
    tally: () => readJunit(readFileSync(join(scratch, "pytest.xml"), "utf8")),
  },
];

const total: Tally = { passed: 0, failed: 0, skipped: 0, skips: [] };
for (const suite of suites) add(total, await runSuite(suite));
rmSync(scratch, { recursive: true, force: true });
for (const skip of total.skips) console.log(`SKIPPED ${skip}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;

async function runSuite(suite: Suite): Promise<Tally> {
  const beganMs = performance.now();
  const { code, output } = await runQuietly(suite.file, suite.args);
  const tally = countOf(suite, code);
  if (tally.failed > 0) process.stdout.write(output);
  const counts = suite.tally ? `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped` : "";
  const verdict = tally.failed === 0 ? "ok" : "FAILED";
  console.log(`${verdict} ${suite.title} ${counts} (${((performance.now() - beganMs) / 1000).toFixed(1)} s)`);
  return tally;
}

function countOf(suite: Suite, code: number): Tally {
  const asOne = { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, skips: [] };
  if (!suite.tally) return asOne;
  let tally: Tally;
  try {
    tally = suite.tally();
  } catch {
    return { ...asOne, passed: 0, failed: 1 }; // the suite died before it could count
  }
  // A suite that ends badly with no failed test (an unhandled error, say) has failed all the same.
  return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

function runQuietly(file: string, args: string[]): Promise<{ code: number; output: Buffer }> {
  // Tests of what a terminal shows have one of their own: what is said of ours must not reach them.
  const { CI: _ci, NO_COLOR: _noColor, FORCE_COLOR: _forceColor, ...inherited } = process.env;
  const env = {
    ...inherited,
    ITERANT_PYTHON: python,
    ITERANT_TALLY: join(scratch, "vitest.json"),
    OMP_NUM_THREADS: "1",
    PYTHONPATH: join(root, "trainer-py"),
  };
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (bytes: Buffer) => chunks.push(bytes));
    child.stderr.on("data", (bytes: Buffer) => chunks.push(bytes));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks) }));
  });
}

function readJunit(xml: string): Tally {
  const head = xml.match(/<testsuite [^>]*>/)?.[0] ?? "";
  const count = (name: string) => Number(head.match(new RegExp(` ${name}="(\\d+)"`))?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  const skips = [...xml.matchAll(/<testcase [^>]*name="([^"]*)"[^>]*>\s*<skipped [^>]*message="([^"]*)"/g)];
  return {
    passed: count("tests") - failed - count("skipped"),
    failed,
    skipped: count("skipped"),
    skips: skips.map(([, name, reason]) => `${name}: ${reason}`),
  };
}

function add(sum: Tally, one: Tally): void {
  sum.passed += one.passed;
  sum.failed += one.failed;
  sum.skipped += one.skipped;
  sum.skips.push(...one.skips);
}
