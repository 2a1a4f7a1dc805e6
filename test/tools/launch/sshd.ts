// A real sshd on loopback for one test file: its own keys, port and lists of whom it knows; nothing of the machine's is used.
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

const program = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/opt/homebrew/sbin/sshd"].find((file) => existsSync(file));

/** Why there can be none here; undefined where there can. */
export const lacksSshd =
  program && spawnSync("ssh", ["-V"]).error === undefined
    ? undefined
    : "there is no sshd or no ssh on this machine: install openssh-server and openssh-client";

export interface Sshd {
  /** For `ssh 127.0.0.1`: the way in. */
  sshOptions: string[];
  /** The same, but the host's key is a stranger's. */
  strangerOptions: string[];
  close(): Promise<void>;
}

/** Resolves once it listens. */
export async function startSshd(): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), "iterant-sshd-"));
  const at = (name: string) => join(folder, name);
  for (const key of ["host_key", "user_key"]) makeKey(at(key));
  copyFileSync(at("user_key.pub"), at("authorized_keys"));
  const port = await freePort();
  writeFileSync(at("known_hosts"), `[127.0.0.1]:${port} ${readFileSync(at("host_key.pub"), "utf8")}`);
  writeFileSync(at("empty"), "");
  const config = {
    ListenAddress: "127.0.0.1",
    Port: port,
    HostKey: at("host_key"),
    AuthorizedKeysFile: at("authorized_keys"),
    StrictModes: "no", // the folder for temporary files is anybody's
    UsePAM: "no",
    PasswordAuthentication: "no",
    PermitRootLogin: "prohibit-password",
    PidFile: "none",
    SetEnv: `PATH=${[dirname(process.execPath), process.env.PATH].join(delimiter)}`,
  };
  const lines = Object.entries(config).map(([key, value]) => `${key} ${value}\n`);
  writeFileSync(at("config"), lines.join(""));
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true }); // where it sheds its privileges; a service makes it
  const child = spawn(program!, ["-D", "-e", "-f", at("config")], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let said = "";
    child.stderr!.on("data", (text: Buffer) => {
      said += text;
      if (said.includes("Server listening")) resolve();
    });
    void ended.then(() => reject(new Error(`sshd ended before it listened: ${said}`)));
  });
  const way = [
    `Port=${port}`,
    `IdentityFile=${at("user_key")}`,
    "IdentitiesOnly=yes",
    "GlobalKnownHostsFile=/dev/null",
  ];
  const options = (knownHosts: string) => [
    ...["-F", "none"],
    ...[...way, `UserKnownHostsFile=${at(knownHosts)}`].flatMap((option) => ["-o", option]),
  ];
  return {
    sshOptions: options("known_hosts"),
    strangerOptions: options("empty"),
    async close() {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function makeKey(file: string): void {
  const { status, stderr } = spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`ssh-keygen: ${stderr}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
