// Brings a fresh clone to life: packages, build, Python environment; then runs the command after `--`.
// Plain JavaScript on Node's own modules, because it runs before anything is installed.
// A step is done once, stamped with a hash of its inputs, and done again when they change.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const ROOMS = ["runtime", "actors", "envs", "tools", "test"];
const VENV_PYTHON = join(ROOT, ".venv", "bin", "python");
const REQUIREMENTS = join(ROOT, "trainer-py", "requirements");
const PYTHON_FLOOR = [3, 11];
const NODE_FLOOR = [20, 19];
/** What each want needs of Python: the requirement files of each environment, smaller sets first. Worlds have their own. */
const TOOLS = { ".venv-tools": ["tools"] };
const CODE = { ".venv-code": ["code"] };
const ADAPTERS = { ".venv-adapters": ["adapters"] };
const OPENENV = { ".venv-openenv": ["openenv"] };
const PYTHON_SETS = {
  build: {},
  run: { ".venv": ["run"] },
  deepspeed: { ".venv": ["run", "deepspeed"] },
  tools: { ".venv": ["run"], ...TOOLS },
  code: { ".venv": ["run"], ...CODE },
  adapters: { ".venv": ["run"], ...ADAPTERS },
  test: { ".venv": ["run", "deepspeed", "test"], ...TOOLS, ...CODE, ...ADAPTERS, ...OPENENV },
};
/** Sets that name all they need, because what their packages ask for besides is heavy and not used. */
const WITHOUT_DEPENDENCIES = ["tools", "adapters", "openenv"];

class SetupError extends Error {}

const startedMs = Date.now();
const dash = process.argv.indexOf("--");
const want = process.argv[2] ?? "run";
const command = dash < 0 ? [] : process.argv.slice(dash + 1);

try {
  if (!(want in PYTHON_SETS)) {
    throw new SetupError(`no such set-up '${want}': say one of ${Object.keys(PYTHON_SETS).join(", ")}`);
  }
  checkNode();
  await installPackages();
  await build();
  for (const [venv, sets] of Object.entries(PYTHON_SETS[want])) await installPython(join(ROOT, venv), sets);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`set-up stopped: ${error.message}`);
  process.exit(1);
}
if (command.length > 0) hand(command);

function checkNode() {
  const have = process.versions.node.split(".").map(Number);
  if (isBelow(have, NODE_FLOOR)) {
    throw new SetupError(
      `Node ${NODE_FLOOR.join(".")} or newer is needed, this is ${process.versions.node}. Install a newer Node and run the command again.`,
    );
  }
}

async function installPackages() {
  const stamp = join(ROOT, "node_modules", ".iterant-stamp");
  const inputs = hashFiles([join(ROOT, "package.json"), join(ROOT, "package-lock.json")]);
  if (isStamped(stamp, inputs)) return;
  await step("Node packages", "npm", ["ci", "--loglevel=error"]);
  writeFileSync(stamp, inputs);
}

async function build() {
  const dist = join(ROOT, "dist");
  const stamp = join(dist, ".iterant-stamp");
  const sources = ROOMS.flatMap((room) => walk(join(ROOT, room))).filter((file) => file.endsWith(".ts"));
  const inputs = hashFiles([join(ROOT, "tsconfig.json"), join(ROOT, "package-lock.json"), ...sources]);
  if (isStamped(stamp, inputs)) return;
  mkdirSync(dist, { recursive: true });
  rmSync(stamp, { force: true });
  await step("build", process.execPath, [join(ROOT, "node_modules", "typescript", "bin", "tsc"), "-p", ROOT]);
  dropOrphans(dist, new Set(sources.map((file) => relative(ROOT, file).replace(/\.ts$/, ""))));
  writeFileSync(stamp, inputs);
}

/** Removes compiled files whose source is gone, so that a deleted test does not go on running. */
function dropOrphans(dist, sources) {
  for (const file of walk(dist)) {
    const stem = relative(dist, file).replace(/(\.d\.ts|\.js)(\.map)?$/, "");
    if (ROOMS.includes(stem.split("/")[0]) && !sources.has(stem)) rmSync(file);
  }
}

async function installPython(venv, sets) {
  const python = join(venv, "bin", "python");
  const stampOf = (set) => join(venv, `.iterant-${set}-stamp`);
  const base = findPython();
  const version = run(base, ["-c", "import sys; print(sys.version)"]).stdout;
  const needed = sets.filter((set) => !isStamped(stampOf(set), version + hashFiles([requirementsOf(set)])));
  if (needed.length === 0 && works(python)) return;
  if (!works(python) || !existsSync(stampOf(sets[0]))) {
    rmSync(venv, { recursive: true, force: true });
    await step(`Python environment ${relative(ROOT, venv)}`, base, ["-m", "venv", venv]);
    needed.splice(0, needed.length, ...sets);
  }
  for (const set of needed) {
    // torch goes first and alone: its pin must be settled before another package can ask for a newer one.
    const torch = readFileSync(requirementsOf("run"), "utf8").match(/^torch==.*$/m)[0];
    if (set === "run") await pip(python, "torch, the largest download", [torch]);
    const alone = WITHOUT_DEPENDENCIES.includes(set) ? ["--no-deps"] : [];
    await pip(python, `Python packages (${set})`, [...alone, "-r", requirementsOf(set)]);
    writeFileSync(stampOf(set), version + hashFiles([requirementsOf(set)]));
  }
}

async function pip(python, title, args) {
  const quiet = ["--quiet", "--disable-pip-version-check", "--no-input"];
  await step(title, python, ["-m", "pip", "install", ...quiet, ...args]);
}

function findPython() {
  const seen = [];
  const asked = process.env.ITERANT_PYTHON;
  for (const name of asked ? [asked] : ["python3", "python3.13", "python3.12", "python3.11", "python"]) {
    const found = run(name, ["-c", "import sys, venv, ensurepip; print(*sys.version_info[:2], sep='.')"]);
    if (found.status !== 0) {
      if (found.error === undefined) seen.push(`${name} (without venv: on Debian, install python3-venv)`);
      continue;
    }
    if (!isBelow(found.stdout.trim().split(".").map(Number), PYTHON_FLOOR)) return name;
    seen.push(`${name} ${found.stdout.trim()}`);
  }
  throw new SetupError(
    `Python ${PYTHON_FLOOR.join(".")} or newer is needed, found ${seen.join(", ") || "none on PATH"}. ` +
      "Install one, or name it: ITERANT_PYTHON=/path/to/python3.11",
  );
}

/** Runs one step with its time shown; its output is kept back and printed only if it fails. */
function step(title, file, args) {
  const beganMs = Date.now();
  const isLive = process.stderr.isTTY === true;
  const seconds = () => `${Math.round((Date.now() - beganMs) / 1000)} s`;
  const redraw = () => process.stderr.write(`\r\x1b[2K  ${title} … ${seconds()}`);
  if (isLive) redraw();
  const ticker = isLive ? setInterval(redraw, 1000) : undefined;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    const output = [];
    child.stdout.on("data", (bytes) => output.push(bytes));
    child.stderr.on("data", (bytes) => output.push(bytes));
    child.on("error", (error) => settle(error.message));
    child.on("close", (code, signal) => settle(code === 0 ? undefined : `it ended with ${signal ?? `code ${code}`}`));
    function settle(failure) {
      clearInterval(ticker);
      if (isLive) process.stderr.write("\r\x1b[2K");
      if (failure === undefined) {
        process.stderr.write(`  ${title}: ${seconds()}\n`);
        return resolve();
      }
      process.stderr.write(Buffer.concat(output));
      reject(
        new SetupError(
          `step '${title}' failed: ${failure}. What it printed stands above; ` +
            `the command was: ${[file, ...args].join(" ")}`,
        ),
      );
    }
  });
}

/** Hands over to the command proper: its exit code is ours, and signals reach it through the terminal's group. */
function hand([file, ...args]) {
  const env = { ...process.env, ITERANT_PYTHON: VENV_PYTHON, ITERANT_SETUP_S: String((Date.now() - startedMs) / 1000) };
  const child = spawn(file === "node" ? process.execPath : file, args, { cwd: ROOT, stdio: "inherit", env });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || process.stdin.isTTY !== true) child.kill(signal);
    });
  }
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (signal === "SIGINT" ? 2 : signal === "SIGKILL" ? 9 : 15);
  });
}

function requirementsOf(set) {
  return join(REQUIREMENTS, `${set}.txt`);
}

function isStamped(stamp, inputs) {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === inputs;
}

function works(python) {
  return run(python, ["-c", "import pip"]).status === 0;
}

function run(file, args) {
  return spawnSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

function isBelow(version, floor) {
  return version[0] < floor[0] || (version[0] === floor[0] && version[1] < floor[1]);
}

function hashFiles(files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${relative(ROOT, file)}\0`).update(readFileSync(file));
  return hash.digest("hex");
}

function walk(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile())
    .sort();
}
