// Launching on further nodes, as a person does: a second process tree on this host, and a host behind a real sshd.
import { execFileSync, spawn } from "node:child_process";
import { accessSync, chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { RunSummary } from "../../actors/index.ts";
import { allGone, iterationsDone, LiveCommand, makeRunsFolder, runCli } from "./cli.ts";

const runs = makeRunsFolder();
const env = { ITERANT_RUNS: runs.path };
afterAll(runs.remove);

const small = [
  ...["--preset", "tiny", "--set", "training.promptsPerBatch=6", "--set", "training.targetMinutes=null"],
  ...["--set", "evaluation.problems=6", "--set", "evaluation.K=1", "--set", "evaluation.every=0"],
];

function launch(name: string, iterations: number, flags: string[]): LiveCommand {
  return new LiveCommand(["launch", "--name", name, "--iterations", String(iterations), ...flags, ...small], { env });
}

const rowsFile = (name: string) => join(runs.path, name, "metrics.jsonl");

function summaryOf(name: string): RunSummary {
  return JSON.parse(readFileSync(join(runs.path, name, "summary.json"), "utf8")) as RunSummary;
}

/** Addresses of the run's actors. */
async function addressesOf(name: string): Promise<string[]> {
  const { stdout } = await runCli(["attach", name, "--json"], { env });
  return [...stdout.matchAll(/"address":\s*"([^"]+)"/g)].map((match) => match[1]!);
}

describe("launch --nodes 2", () => {
  test("puts environments on the second node and the rest here, and goes on here when that node is killed", async () => {
    const run = launch("two", 10, ["--nodes", "2"]);
    await run.until(rowsFile("two"), iterationsDone(2));
    const addresses = await addressesOf("two");
    expect(addresses).toContain("environment-1@node-b");
    expect(addresses).toContain("learner@node-a");
    const member = run.descendants().find((pid) => commandOf(pid).includes("launch/member.js"))!;
    process.kill(member, "SIGKILL");
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(0);
    expect(summaryOf("two")).toMatchObject({ steps: 10, finished: true });
  }, 600_000);
});

const sshd = "/usr/sbin/sshd";
const hasSshd = (() => {
  try {
    accessSync(sshd);
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
})();

describe.skipIf(!hasSshd)("launch --hosts (skipped without /usr/sbin/sshd and root to run it)", () => {
  const keys = mkdtempSync(join(tmpdir(), "iterant-sshd-"));
  let stop = () => {};
  afterAll(() => {
    stop();
    rmSync(keys, { recursive: true, force: true });
  });

  async function startSshd(): Promise<string[]> {
    const port = await freePort();
    for (const name of ["host", "user"])
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(keys, name)]);
    const hostKey = readFileSync(join(keys, "host.pub"), "utf8").split(" ").slice(0, 2).join(" ");
    writeFileSync(join(keys, "authorized"), readFileSync(join(keys, "user.pub")));
    chmodSync(join(keys, "authorized"), 0o600);
    writeFileSync(join(keys, "known"), `[127.0.0.1]:${port} ${hostKey}\n`);
    mkdirSync("/run/sshd", { recursive: true });
    const options = {
      Port: port,
      ListenAddress: "127.0.0.1",
      HostKey: join(keys, "host"),
      AuthorizedKeysFile: join(keys, "authorized"),
      StrictModes: "no",
      UsePAM: "no",
      PidFile: "none",
      PermitRootLogin: "yes",
    };
    const flags = Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
    const server = spawn(sshd, ["-D", "-e", "-f", "/dev/null", ...flags], { stdio: ["ignore", "ignore", "pipe"] });
    stop = () => server.kill();
    await new Promise<void>((resolve) => {
      server.stderr!.on("data", (text: Buffer) => text.includes("Server listening") && resolve());
    });
    const client = { Port: port, IdentityFile: join(keys, "user"), UserKnownHostsFile: join(keys, "known") };
    return Object.entries(client).flatMap(([key, value]) => ["--ssh-option", `${key}=${value}`]);
  }

  test("joins over tcp with CURVE, trains, and ends everywhere when the launcher is killed", async () => {
    const ssh = await startSshd();
    const flags = ["--hosts", "127.0.0.1", "--address", "127.0.0.1", ...ssh];
    const wrong = await launch("lost", 2, [...flags, "--folder", "/nowhere"]).ended;
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain("node-b on 127.0.0.1 ended before it joined: exit code");
    expect(wrong.stderr).toContain("Iterant must lie built at /nowhere there.");

    const run = launch("far", 1000, flags);
    await run.until(rowsFile("far"), iterationsDone(2));
    expect(await addressesOf("far")).toContain("environment-1@node-b");
    const everywhere = [...run.descendants(), ...members()];
    run.kill("SIGKILL");
    await run.ended;
    await allGone(everywhere);
  }, 600_000);
});

/** Members that sshd started are not below the launcher: they are found by what they run. */
function members(): number[] {
  const found = execFileSync("pgrep", ["-f", "dist/tools/launch/member.js"], { encoding: "utf8" });
  return found.trim().split("\n").map(Number);
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return ""; // it ended while we looked
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
