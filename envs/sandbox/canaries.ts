// Small programs that try what a sandbox promises to refuse, and say what they got; a promise holds if none got through.
// Each tells JSON on stdout; what it cannot know itself (was a file made, did a packet arrive) is looked up from outside.
// A canary that hangs, dies or says nothing has failed. Knows no tier.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { accessSync, chmodSync, constants, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Guarantee } from "./guarantees.ts";
import type { SandboxJob, SandboxLimits } from "./sandbox.ts";
import type { Verdict } from "./verdict.ts";

/** What there is to be found outside, if the walls have a hole. */
export interface Bait {
  /** A file that everybody of this machine may read; holds the nonce. */
  secretFile: string;
  /** A folder that everybody of this machine may write in. */
  openFolder: string;
  /** Stands in the launcher's environment too. */
  nonce: string;
  tcpPort: number;
  udpPort: number;
  /** Our own process. */
  pid: number;
  /** True if somebody came through to either port. */
  wasReached(): boolean;
  remove(): void;
}

export interface Canary {
  readonly name: string;
  readonly guarantees: readonly Guarantee[];
  readonly program: (bait: Bait) => string;
  readonly limits?: Partial<SandboxLimits>;
  /** What got through, in words, by guarantee; nothing means that all of them hold. */
  readonly holes: (verdict: Verdict, bait: Bait) => Partial<Record<Guarantee, string>>;
}

const mebibyte = 2 ** 20;
const memoryBytes = 96 * mebibyte;
const canaryLimits: Partial<SandboxLimits> = {
  wallMs: 10_000,
  cpuMs: 10_000,
  memoryBytes,
  processes: 24,
  fileBytes: 8 * mebibyte,
  workspaceBytes: 8 * mebibyte,
  temporaryBytes: 4 * mebibyte,
  inodes: 200,
  outputBytes: mebibyte,
  outputLines: 1_000,
};

/** The job of one canary. */
export function jobOf(canary: Canary, bait: Bait): SandboxJob {
  return { program: `${preamble}${canary.program(bait)}`, limits: { ...canaryLimits, ...canary.limits } };
}

export async function setBait(nonce: string): Promise<Bait> {
  const openFolder = mkdtempSync(join(placeForBait(), `iterant-canary-${process.pid}-`));
  const secretFile = join(openFolder, "secret");
  writeFileSync(secretFile, nonce);
  chmodSync(openFolder, 0o777);
  let isReached = false;
  const reached = () => {
    isReached = true;
  };
  const tcp = createServer(reached).listen(0, "127.0.0.1");
  const udp = createSocket("udp4", reached).bind(0, "127.0.0.1");
  await Promise.all([once(tcp, "listening"), once(udp, "listening")]);
  return {
    secretFile,
    openFolder,
    nonce,
    tcpPort: (tcp.address() as AddressInfo).port,
    udpPort: udp.address().port,
    pid: process.pid,
    wasReached: () => isReached,
    remove() {
      tcp.close();
      udp.close();
      rmSync(openFolder, { recursive: true, force: true });
    },
  };
}

/** Not in /tmp if that can be helped: the launcher hides it from itself, and bait that nobody can reach proves nothing. */
function placeForBait(): string {
  try {
    accessSync("/var/tmp", constants.W_OK);
    return "/var/tmp";
  } catch {
    return tmpdir(); // a machine without it
  }
}

/** `got` collects what got through; `attempt` takes a refusal for what it is. */
const preamble = `
import json, os, sys
got = []
def attempt(name, action):
    try:
        result = action()
    except Exception:
        return None
    if result is not False:
        got.append(name)
    return result
def tell():
    print(json.dumps(got), flush=True)
`;

/** What it said got through, or that it said nothing. */
function saidBy(verdict: Verdict): string[] {
  try {
    return JSON.parse(verdict.output.head.toString()) as string[];
  } catch {
    const words = verdict.message ?? verdict.output.head.toString().trim().split("\n").at(-1);
    return [`the canary gave no answer: ${verdict.status}${words ? `, ${words}` : ""}`];
  }
}

function holeIf(guarantee: Guarantee, found: readonly string[]): Partial<Record<Guarantee, string>> {
  return found.length === 0 ? {} : { [guarantee]: found.join(", ") };
}

const read: Canary = {
  name: "reads",
  guarantees: ["fs-read", "env-leak", "fd-leak"],
  program: ({ secretFile, nonce }) => `
secret, nonce = ${JSON.stringify(secretFile)}, ${JSON.stringify(nonce)}
attempt("read a file of the host", lambda: open(secret).read())
attempt("read it through /proc/1/root", lambda: open("/proc/1/root" + secret).read())
def search(folder, depth):
    for entry in os.scandir(folder):
        if entry.name == os.path.basename(os.path.dirname(secret)):
            return True
        if depth > 0 and entry.is_dir(follow_symlinks=False) and entry.path not in ("/proc", "/usr", "/dev", sys.base_prefix):
            try:
                if search(entry.path, depth - 1):
                    return True
            except OSError:
                pass
    return False
attempt("read where it has no business: the host's folders are in sight", lambda: search("/", 5))
attempt("read /etc/shadow", lambda: open("/etc/shadow").read())
def homes():
    found = [os.path.join(home, name) for home in ("/root", "/home") if os.path.isdir(home) for name in os.listdir(home)]
    return any(not sys.base_prefix.startswith(one) for one in found)
attempt("read a home", homes)
def leaked():
    texts = [str(dict(os.environ))]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for file in ("environ", "cmdline"):
            try:
                texts.append(open(f"/proc/{pid}/{file}").read())
            except OSError:
                pass
    return any(nonce in text for text in texts)
attempt("env: the launcher's environment", leaked)
def descriptors():
    held = []
    for number in range(3, 1024):
        try:
            os.fstat(number)
            held.append(number)
        except OSError:
            pass
    return bool(held)
attempt("fd: a descriptor above 2", descriptors)
tell()
`,
  holes(verdict) {
    const said = saidBy(verdict);
    const isSilent = said.some((one) => one.startsWith("the canary"));
    const about = (prefix: string) => said.filter((one) => one.startsWith(prefix));
    return {
      ...holeIf("env-leak", isSilent ? said : about("env:")),
      ...holeIf("fd-leak", isSilent ? said : about("fd:")),
      ...holeIf("fs-read", isSilent ? said : about("read")),
    };
  },
};

const write: Canary = {
  name: "writes",
  guarantees: ["fs-write"],
  program: ({ openFolder }) => `
def put(path):
    with open(path, "w") as file:
        file.write("x")
for folder in (${JSON.stringify(openFolder)}, "/", "/usr", "/etc", "/var/tmp", "/dev", os.path.dirname(os.__file__)):
    attempt(f"wrote in {folder}", lambda: put(os.path.join(folder, "canary-was-here")))
attempt("opened core_pattern", lambda: open("/proc/sys/kernel/core_pattern", "w"))
tell()
`,
  holes: (verdict, { openFolder }) =>
    holeIf("fs-write", [
      ...saidBy(verdict),
      ...(existsSync(join(openFolder, "canary-was-here")) ? ["a file of it is outside"] : []),
    ]),
};

const net: Canary = {
  name: "connects",
  guarantees: ["net"],
  program: ({ tcpPort, udpPort }) => `
import socket
def tcp():
    with socket.create_connection(("127.0.0.1", ${tcpPort}), 2):
        pass
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"x", ("127.0.0.1", ${udpPort}))
    return False  # only whoever listens knows whether it arrived
attempt("connected to a port of the host", tcp)
attempt("udp", udp)
attempt("made a netlink socket", lambda: socket.socket(16, socket.SOCK_RAW, 0))
attempt("made a vsock socket", lambda: socket.socket(40, socket.SOCK_STREAM, 0))
tell()
`,
  holes: (verdict, bait) =>
    holeIf("net", [...saidBy(verdict), ...(bait.wasReached() ? ["a packet of it arrived"] : [])]),
};

const syscalls: Canary = {
  name: "calls the kernel",
  guarantees: ["syscalls"],
  program: () => `
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == "x86_64"
calls = dict(ptrace=(101, 117), unshare=(272, 97), mount=(165, 40), bpf=(321, 280), keyctl=(250, 219),
             userfaultfd=(323, 282), perf_event_open=(298, 241), io_uring_setup=(425, 425), pidfd_getfd=(438, 438),
             process_vm_readv=(310, 270), setns=(308, 268))
for name, numbers in calls.items():
    number = numbers[0 if x86 else 1]
    arguments = [0x10000000] if name == "unshare" else [0, 0, 0, 0, 0]
    def call():
        if libc.syscall(number, *map(ctypes.c_long, arguments)) >= 0:
            return True
        return ctypes.get_errno() not in (1, 38)  # EPERM, ENOSYS: refused before it was looked at
    attempt(name, call)
def new_namespace():
    pid = libc.syscall(56 if x86 else 220, ctypes.c_long(0x10000000 | 17), 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    return pid > 0
attempt("clone with a new user namespace", new_namespace)
tell()
`,
  holes: (verdict) => holeIf("syscalls", saidBy(verdict)),
};

const pids: Canary = {
  name: "multiplies",
  guarantees: ["pids"],
  program: ({ pid }) => `
import signal
children = []
def multiply():
    for _ in range(100):
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
attempt("forked a hundred times", multiply)
attempt("signalled its opener", lambda: os.kill(${pid}, 0))
for child in children:
    os.kill(child, signal.SIGKILL)
tell()
`,
  holes: (verdict) => holeIf("pids", saidBy(verdict)),
};

const mem: Canary = {
  name: "fills memory",
  guarantees: ["mem"],
  limits: { cpuMs: 20_000 },
  program: () => `
def fill():
    pipes = []
    for _ in range(3):
        ready, told = os.pipe()
        if os.fork() == 0:
            kept = bytearray(${Math.floor(memoryBytes * 0.6)})
            for at in range(0, len(kept), 4096):
                kept[at] = 1
            os.write(told, b"x")
            import signal
            signal.pause()
        os.close(told)
        pipes.append(ready)
    return all([os.read(one, 1) for one in pipes])
attempt("held more in children than the tree may", fill)
tell()
`,
  holes: (verdict) => holeIf("mem", verdict.oomKillCount > 0 ? [] : saidBy(verdict)),
};

const cpu: Canary = {
  name: "burns",
  guarantees: ["cpu"],
  limits: { cpuMs: 300, wallMs: 3_000 },
  program: () => `
os.fork()
while True:
    pass
`,
  // A limit on each process ends it too, a second later and once for each.
  holes: ({ status, cpuMs }) =>
    holeIf("cpu", status === "cpu" && cpuMs < 900 ? [] : [`two processes burnt more than the tree may: ${status}`]),
};

const disk: Canary = {
  name: "fills its folders",
  guarantees: ["disk", "inodes"],
  program: () => `
import tempfile
def fill(folder):
    for number in range(6):
        with open(os.path.join(folder, f"filler-{number}"), "wb") as file:
            file.write(bytes(4 << 20))
def scatter(folder):
    for number in range(400):
        os.close(os.open(os.path.join(folder, f"mote-{number}"), os.O_CREAT | os.O_WRONLY))
def clear(folder):
    for name in os.listdir(folder):
        if name.startswith(("filler-", "mote-")):
            os.unlink(os.path.join(folder, name))
def can_be_written(folder):
    try:
        os.close(os.open(os.path.join(folder, "mote-0"), os.O_CREAT | os.O_WRONLY))
        return True
    except OSError:
        return False
for folder in filter(can_be_written, sorted({os.getcwd(), tempfile.gettempdir(), "/dev/shm"})):
    attempt(f"disk: filled {folder} beyond its size", lambda: fill(folder))
    clear(folder)
    attempt(f"inodes: made more files in {folder} than it may hold", lambda: scatter(folder))
    clear(folder)
tell()
`,
  holes(verdict) {
    const said = saidBy(verdict);
    const isSilent = said.some((one) => one.startsWith("the canary"));
    const about = (prefix: string) => (isSilent ? said : said.filter((one) => one.startsWith(prefix)));
    return { ...holeIf("disk", about("disk:")), ...holeIf("inodes", about("inodes:")) };
  },
};

const orphans: Canary = {
  name: "leaves a child behind",
  guarantees: ["orphans"],
  program: () => `
import signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for one in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.SIG_IGN)
        time.sleep(600)
    os._exit(0)
os.wait()
tell()
`,
  holes: (verdict) =>
    holeIf("orphans", [...saidBy(verdict), ...(verdict.leftoverCount > 0 ? ["a process of it lives on"] : [])]),
};

/** In the order in which they are tried; between them they try every guarantee but `user`. */
export const canaries: readonly Canary[] = [read, write, net, syscalls, pids, mem, cpu, disk, orphans];
