// Programs whose submission.csv is not what it seems; it is taken out when they are dead, or refused by name.
import type { HostileProgram } from "./program.ts";

export const submission: readonly HostileProgram[] = [
  {
    name: "submits a link to the answers",
    code: ({ answers }) => `os.symlink(${JSON.stringify(answers)}, "submission.csv")`,
    full: { status: "ok", submission: "link" },
  },
  {
    name: "submits a link to its own file",
    code: `write("real.csv")\nos.symlink("real.csv", "submission.csv")`,
    full: { status: "ok", submission: "link" },
  },
  { name: "submits a pipe", code: `os.mkfifo("submission.csv")`, full: { status: "ok", submission: "not_regular" } },
  { name: "submits a folder", code: `os.mkdir("submission.csv")`, full: { status: "ok", submission: "not_regular" } },
  {
    name: "submits a socket",
    code: `
def listen():
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("submission.csv")
attempt(listen)`,
    full: { status: "ok", says: /^done\n$/, submission: "not_regular" },
    landlock: { status: "ok", says: /^EAFNOSUPPORT\n$/, submission: "missing" },
  },
  {
    name: "submits a second name of another file",
    code: `write("real.csv")\nos.link("real.csv", "submission.csv")`,
    full: { status: "ok", submission: "hard_link" },
  },
  {
    name: "submits a terabyte of nothing",
    code: `
file = os.open("submission.csv", os.O_CREAT | os.O_WRONLY)
attempt(lambda: os.ftruncate(file, 1 << 40))`,
    full: { status: "ok", says: /^EFBIG\n$/, submission: null },
  },
  {
    name: "submits more than was asked for",
    code: `write("submission.csv", bytes(2 << 20))`,
    full: { status: "ok", submission: "too_large" },
  },
  {
    name: "submits nothing",
    code: "print('forgot')",
    full: { status: "ok", submission: "missing" },
  },
  {
    name: "submits a file that nobody may read",
    code: `write("submission.csv")\nos.chmod("submission.csv", 0)`,
    full: { status: "ok", submission: null },
    landlock: { status: "ok", submission: "unreadable" },
  },
  {
    name: "submits a setuid file",
    code: `write("submission.csv")\nos.chmod("submission.csv", 0o6777)`,
    full: { status: "ok", submission: null },
  },
  {
    name: "renames its submission to and fro while it ends",
    code: `
write("submission.csv", b"one")
os.symlink("/etc/passwd", "other")
if os.fork() == 0:
    os.setsid()
    while True:
        for names in (("submission.csv", "third"), ("other", "submission.csv"), ("submission.csv", "other"), ("third", "submission.csv")):
            outcome(lambda: os.rename(*names))`,
    full: { status: "ok", submission: [null, "link", "missing"] },
  },
  {
    name: "lets a child go on writing its submission",
    code: `
import mmap
write("submission.csv", b"0" * 4096)
if os.fork() == 0:
    os.setsid()
    with open("submission.csv", "r+b") as file:
        page = mmap.mmap(file.fileno(), 4096)
        while True:
            page[0] = (page[0] + 1) % 256
            file.seek(0, 2)
            outcome(lambda: file.write(b"more"))`,
    full: { status: ["ok"], submission: [null, "too_large"] },
  },
  {
    name: "submits as it should",
    code: `write("submission.csv", b"id,label\\n1,0\\n")\nprint(sorted(os.listdir(os.environ["DATA_DIR"])))`,
    full: { status: "ok", says: /^\['train\.csv'\]\n$/, submission: null },
  },
];
