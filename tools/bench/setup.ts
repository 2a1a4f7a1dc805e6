// What a newcomer waits for: the set-up of `npm start` in a copy of this source, with nothing installed and an empty home.
// Package caches of the registry clients lie in that home, so everything is fetched as on a new machine.
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type Measured, timed } from "./measure.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
/** What a clone does not have. */
const made = /^(?:\.git|node_modules|dist|runs|\.venv[^/]*)$/;

export async function benchSetup(): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), "iterant-setup-"));
  try {
    const clone = join(folder, "iterant");
    cpSync(root, clone, { recursive: true, filter: (path) => !made.test(relative(root, path).split(sep)[0]!) });
    const ms = await timed(() => setUp(clone, folder));
    return [
      { name: "set-up from nothing", unit: "s", median: ms / 1000, p90: ms / 1000, ratio: null, samples: [ms / 1000] },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function setUp(clone: string, home: string): Promise<void> {
  const { PATH } = process.env;
  const child = spawn(process.execPath, [join(clone, "tools", "setup.mjs"), "run"], {
    env: { PATH, HOME: home },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (text: Buffer) => {
    said = `${said}${text}`.slice(-4000);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`the set-up ended with code ${code}:\n${said}`));
    });
  });
}
