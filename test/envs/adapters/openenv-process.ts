// OpenEnv's own server and client as processes, in the environment with the real package.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const python = process.env.ITERANT_OPENENV_PYTHON ?? join(root, ".venv-openenv/bin/python");
const fixture = (name: string) => join(root, "test/envs/adapters/fixtures", name);

/** Skipped aloud: the set-up of the checks makes the environment, so there it never is. */
export const isMissing = !existsSync(python);
if (isMissing) console.warn(`SKIPPED: no ${python}, so OpenEnv's own package is not tried. Run: npm run setup -- test`);

/** A server of upstream's with an environment named for its conduct; it ends with `end`, and with this process. */
export async function upstreamServer(name: string, sessions = 64): Promise<{ url: string; end(): Promise<void> }> {
  const child = spawn(python, [fixture("openenv_server.py"), name, String(sessions)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = await Promise.race([once(child.stdout, "data"), gone(child)]);
  return {
    url: String(line).trim(),
    async end() {
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

/** What upstream's client says to these calls. */
export async function upstreamClient(url: string, calls: unknown[], how = "generic"): Promise<any[]> {
  const child = spawn(python, [fixture("openenv_client.py"), url, how], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(calls));
  return JSON.parse(await text(child.stdout));
}

async function gone(child: ChildProcess): Promise<never> {
  const [code] = await once(child, "exit");
  throw new Error(`the server ended with code ${code} before it listened`);
}
