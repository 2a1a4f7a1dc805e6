// Programs that read, write, fill or litter where they should not.
import { type HostileProgram, refusedQuietly } from "./program.ts";

const q = JSON.stringify;
const inert = { status: "ok", says: /^done\n$/ } as const;

export const files: readonly HostileProgram[] = [
  {
    name: "reads the answers by their path",
    code: ({ answers }) => `attempt(lambda: read(${q(answers)}))`,
    full: refusedQuietly,
  },
  {
    name: "reads the answers through /proc/1/root",
    code: ({ answers }) => `attempt(lambda: read("/proc/1/root" + ${q(answers)}))`,
    full: refusedQuietly,
  },
  {
    name: "reads the answers through its own root and working directory",
    code: ({ answers }) => `
attempt(lambda: read("/proc/self/root" + ${q(answers)}))
attempt(lambda: read("../../../../../../.." + ${q(answers)}))`,
    full: refusedQuietly,
  },
  {
    name: "reads the answers through a link of its own",
    code: ({ answers }) => `
os.symlink(${q(answers)}, "link")
attempt(lambda: read("link"))`,
    full: refusedQuietly,
  },
  { name: "reads /etc/shadow", code: `attempt(lambda: read("/etc/shadow"))`, full: refusedQuietly },
  {
    name: "lists homes and other programs' folders",
    code: `
import glob, tempfile
found = [name for home in ("/home", "/root") if os.path.isdir(home) and os.access(home, os.R_OK)
         for name in os.listdir(home) if not sys.base_prefix.startswith(f"{home}/{name}")]
found += [path for path in glob.glob("/tmp/iterant-*") + glob.glob("/run/*sandbox*") if os.access(path, os.R_OK)]
print([path for path in found if not os.getcwd().startswith(path)])`,
    full: { status: "ok", says: /^\[\]\n$/ },
    namespaces: { status: "ok", says: /^\[\]\n$/ },
    landlock: { status: ["ok", "nonzero"], says: /^\[\]\n$|PermissionError/ },
  },
  {
    name: "reads the kernel's log and its symbols",
    code: `
for file in ("/proc/kmsg", "/dev/kmsg", "/proc/kcore", "/proc/kallsyms"):
    attempt(lambda: read(file))`,
    full: refusedQuietly,
  },
  {
    name: "writes where anybody may write",
    code: ({ folder }) => `attempt(lambda: write(${q(folder)} + "/was-here"))`,
    full: refusedQuietly,
  },
  {
    name: "writes in the root folder, in /dev and in /etc",
    code: `
for folder in ("/", "/dev/", "/etc/", "/opt/"):
    attempt(lambda: write(folder + "was-here"))`,
    full: refusedQuietly,
  },
  {
    name: "writes into the interpreter's library",
    code: `attempt(lambda: write(os.path.dirname(os.__file__) + "/was_here.py"))`,
    full: refusedQuietly,
  },
  {
    name: "plants a .pth in site-packages",
    code: `
import sysconfig
attempt(lambda: write(sysconfig.get_path("purelib") + "/was_here.pth", b"import os"))`,
    full: refusedQuietly,
  },
  {
    name: "opens core_pattern for writing",
    code: `attempt(lambda: os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))`,
    full: refusedQuietly,
  },
  {
    name: "writes its own memory through /proc",
    code: `attempt(lambda: os.open("/proc/self/mem", os.O_RDWR))`,
    full: refusedQuietly,
  },
  {
    name: "makes itself the last to be killed for memory",
    code: `
def last():
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("-1000")
attempt(last)`,
    full: refusedQuietly,
  },
  {
    name: "changes, renames and links the data",
    code: `
data = os.environ["DATA_DIR"]
attempt(lambda: write(f"{data}/train.csv"))
attempt(lambda: os.chmod(f"{data}/train.csv", 0o777))
attempt(lambda: os.rename(f"{data}/train.csv", f"{data}/other.csv"))
attempt(lambda: os.unlink(f"{data}/train.csv"))
attempt(lambda: os.link(f"{data}/train.csv", "mine.csv"))
attempt(lambda: os.rename(data, "mine"))`,
    full: refusedQuietly,
  },
  {
    name: "swaps its workspace for a link",
    code: `
here = os.getcwd()
attempt(lambda: os.rename(here, here + "-gone"))
attempt(lambda: os.symlink("/etc", os.path.dirname(here) + "/other"))`,
    full: refusedQuietly,
  },
  {
    name: "makes a device",
    code: `
attempt(lambda: os.mknod("memory", stat.S_IFCHR | 0o666, os.makedev(1, 1)))
attempt(lambda: os.mknod("disk", stat.S_IFBLK | 0o666, os.makedev(8, 0)))`,
    full: refusedQuietly,
  },
  {
    name: "makes a setuid program and runs it",
    code: `
import shutil
shutil.copy("/bin/true", "tool")
os.chmod("tool", 0o6755)
attempt(lambda: subprocess.run(["./tool"], check=True))`,
    full: inert,
  },
  {
    name: "makes a file that cannot be removed",
    code: `
import fcntl
file = os.open("stone", os.O_CREAT | os.O_RDWR)
attempt(lambda: fcntl.ioctl(file, 0x40086602, struct.pack("l", 0x10)))`,
    full: { status: "ok", says: /^E(PERM|NOTTY|OPNOTSUPP|ACCES)\n$/ },
  },
  {
    name: "sets attributes and access lists on its files",
    code: `
write("file")
print(outcome(lambda: os.setxattr("file", "user.note", b"x" * 1000)) in ("done", "EOPNOTSUPP", "ENOTSUP"))
print(outcome(lambda: os.setxattr("file", "trusted.note", b"x")))
print(outcome(lambda: os.setxattr("file", "security.capability", bytes(20))))`,
    full: { status: "ok", says: /^True\nE(PERM|OPNOTSUPP|NOTSUP)\nE(PERM|OPNOTSUPP|NOTSUP|INVAL)\n$/ },
  },
  {
    name: "fills its workspace with files",
    code: `
def fill():
    for number in range(10):
        write(f"filler-{number}", bytes(4 << 20))
attempt(fill)`,
    full: { status: "ok", says: /^ENOSPC\n$/ },
    landlock: inert,
  },
  {
    name: "dies of a full workspace",
    code: `
for number in range(10):
    write(f"filler-{number}", bytes(4 << 20))`,
    full: { status: "disk" },
    landlock: { status: "ok" },
  },
  {
    name: "fills /tmp",
    code: `
import tempfile
def fill():
    for number in range(10):
        write(f"{tempfile.gettempdir()}/filler-{number}", bytes(2 << 20))
attempt(fill)`,
    full: { status: "ok", says: /^ENOSPC\n$/ },
    landlock: inert,
  },
  {
    name: "fills /dev/shm",
    code: `
def fill():
    for number in range(10):
        write(f"/dev/shm/filler-{number}", bytes(2 << 20))
attempt(fill)`,
    full: { status: "ok", says: /^ENOSPC\n$/ },
    landlock: refusedQuietly,
  },
  {
    name: "writes one huge file",
    code: `
def fill():
    with open("huge", "wb") as file:
        while True:
            file.write(bytes(1 << 20))
attempt(fill)`,
    full: { status: "ok", says: /^EFBIG\n$/ },
  },
  {
    name: "makes a hole of a terabyte in a file in memory",
    code: `
file = os.memfd_create("hole")
attempt(lambda: os.ftruncate(file, 1 << 40))`,
    full: { status: "ok", says: /^EFBIG\n$/ },
  },
  {
    name: "scatters thousands of empty files",
    code: `
def scatter():
    for number in range(3000):
        os.close(os.open(f"mote-{number}", os.O_CREAT))
attempt(scatter)`,
    full: { status: "ok", says: /^ENOSPC\n$/ },
    landlock: inert,
  },
  {
    name: "scatters them in /tmp and /dev/shm",
    code: `
import tempfile
def scatter(folder):
    for number in range(3000):
        os.close(os.open(f"{folder}/mote-{number}", os.O_CREAT))
attempt(lambda: scatter(tempfile.gettempdir()))
attempt(lambda: scatter("/dev/shm"))`,
    full: { status: "ok", says: /^ENOSPC\nENOSPC\n$/ },
    landlock: { status: "ok", says: /^done\nEACCES\n$/ },
  },
  {
    name: "digs three thousand folders deep",
    code: `
for _ in range(3000):
    os.mkdir("deeper")
    os.chdir("deeper")
print("done")`,
    limits: { inodes: 4_000 },
    full: inert,
  },
  {
    name: "locks its folders behind itself",
    code: `
os.makedirs("outer/inner/innermost")
write("outer/inner/innermost/file")
for folder in ("outer/inner/innermost", "outer/inner", "outer"):
    os.chmod(folder, 0)
os.chmod(".", 0)
print("done")`,
    full: inert,
  },
  {
    name: "gives files names that hurt",
    code: `
for name in (b"n" * 255, b"new\\nline", b"\\xff\\xfe", b"-rf", b" ", b"..." + "\\u202e".encode(), b"\\x1b]0;owned\\x07"):
    write(name)
    os.mkdir(name[:200] + b".d")
print("done")`,
    full: inert,
  },
  {
    name: "puts another python first on its PATH and poisons what Python loads",
    code: `
write("python3", b"#!/bin/sh\\necho poisoned")
os.chmod("python3", 0o755)
for name in ("sitecustomize.py", "usercustomize.py", "os.py", "json.py"):
    write(name, b"print('poisoned')")
os.makedirs(".local/lib/python3/site-packages")
write(".local/lib/python3/site-packages/x.pth", b"import os")
print("done")`,
    full: inert,
  },
  {
    name: "reads its neighbour's files, left by itself a moment ago",
    code: `
import glob
print(sorted(glob.glob("/work/*") + glob.glob("/tmp/*/left-behind")) in (["/work/main.py"], []))
write("left-behind")`,
    full: { status: "ok", says: /^True\n$/ },
  },
];
