// Programs that look for what others left in reach: environments, command lines, descriptors.
import type { HostileProgram } from "./program.ts";

const nothing = { status: "ok", says: /^\[\]\n$/ } as const;

export const secrets: readonly HostileProgram[] = [
  {
    name: "searches every environment in sight",
    code: ({ nonce }) => `
found = [name for name, value in os.environ.items() if ${JSON.stringify(nonce)} in value]
for pid in filter(str.isdigit, os.listdir("/proc") if os.access("/proc", os.R_OK) else []):
    try:
        if ${JSON.stringify(nonce)} in open(f"/proc/{pid}/environ").read():
            found.append(pid)
    except OSError:
        pass
print(found)`,
    full: nothing,
    landlock: { status: ["ok", "nonzero"], says: /^\[\]\n$|PermissionError/ },
  },
  {
    name: "searches every command line for paths of the host",
    code: `
found = []
for pid in filter(str.isdigit, os.listdir("/proc") if os.access("/proc", os.R_OK) else []):
    try:
        words = open(f"/proc/{pid}/cmdline").read().split("\\0")
    except OSError:
        continue
    found += [word for word in words if "trainer-py" in word or "node" in word]
print(found)`,
    full: nothing,
    landlock: { status: ["ok", "nonzero"], says: /^\[\]\n$|PermissionError/ },
  },
  {
    name: "counts its descriptors",
    code: `
held = []
for number in range(1024):
    try:
        os.fstat(number)
        held.append(number)
    except OSError:
        pass
print([number for number in held if number > 2])`,
    full: nothing,
  },
  {
    name: "looks into its runner",
    code: `
attempt(lambda: read(f"/proc/{os.getppid()}/mem"))
attempt(lambda: os.listdir(f"/proc/{os.getppid()}/fd"))
attempt(lambda: read(f"/proc/{os.getppid()}/environ"))`,
    full: { status: "ok", says: /^(E(ACCES|PERM|IO|NOENT)\n){3}$/ },
  },
  {
    name: "passes its descriptors out through its output",
    code: `
try:
    with socket.fromfd(1, socket.AF_UNIX, socket.SOCK_STREAM) as out:
        for _ in range(50):
            socket.send_fds(out, [b"."], [0, 1, 2])
except OSError:
    pass
print()`,
    full: { status: "ok", says: /^\.*\n$/ },
  },
];
