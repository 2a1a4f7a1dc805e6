// Programs that ask the kernel for what nobody here needs.
import type { Expectation, HostileProgram } from "./program.ts";

const denied: Expectation = { status: "ok", says: /^(EPERM\n)+$/ };
const absent: Expectation = { status: "ok", says: /^(ENOSYS\n)+$/ };
const call = (...numbers: (number | string)[]) => `attempt(lambda: syscall(${numbers.join(", ")}))`;
const terminal = `
leader, follower = os.openpty()
def push(request, argument):
    buffer = ctypes.create_string_buffer(argument)
    if libc.ioctl(follower, ctypes.c_ulong(request), buffer) < 0:
        raise OSError(ctypes.get_errno(), "")
`;

export const kernel: readonly HostileProgram[] = [
  { name: "sets up io_uring", code: call(425, 425, 8, 0), full: denied },
  { name: "traces its parent", code: call(101, 117, 16, "os.getppid()", 0, 0), full: denied },
  { name: "asks to be traced", code: call(101, 117, 0, 0, 0, 0), full: denied },
  { name: "reads another process's memory", code: call(310, 270, 1, 0, 0, 0, 0, 0), full: denied },
  { name: "writes another process's memory", code: call(311, 271, 1, 0, 0, 0, 0, 0), full: denied },
  { name: "takes a descriptor of another process", code: call(438, 438, 3, 1, 0), full: denied },
  { name: "makes a user namespace", code: call(272, 97, 0x10000000), full: denied },
  { name: "makes mount, net and pid namespaces", code: call(272, 97, 0x60020000), full: denied },
  { name: "clones into a user namespace", code: call(56, 220, 0x10000011, 0, 0, 0, 0), full: denied },
  { name: "clones with clone3, whose flags cannot be read", code: call(435, 435, 0, 0), full: absent },
  { name: "enters a namespace", code: call(308, 268, 0, 0), full: denied },
  {
    name: "mounts a file system over its workspace",
    code: `attempt(lambda: syscall(165, 40, *[ctypes.cast(ctypes.c_char_p(w), ctypes.c_void_p).value for w in (b"x", os.getcwd().encode(), b"tmpfs")], 0, 0))`,
    full: denied,
  },
  { name: "takes a mount away", code: call(166, 39, 0, 2), full: denied },
  {
    name: "uses the younger mount calls",
    code: [428, 429, 430, 431, 432, 433, 442].map((number) => call(number, number, 0, 0, 0, 0, 0)).join("\n"),
    full: denied,
  },
  { name: "changes its root", code: `${call(161, 51, 0)}\n${call(155, 41, 0, 0)}`, full: denied },
  { name: "opens files by their handle", code: call(304, 265, 0, 0, 0), full: denied },
  { name: "watches page faults", code: call(323, 282, 1), full: denied },
  { name: "loads a program into the kernel", code: call(321, 280, 0, 0, 0), full: denied },
  { name: "counts the kernel's events", code: call(298, 241, 0, 0, -1, -1, 0), full: denied },
  {
    name: "stores keys in the kernel",
    code: `${call(250, 219, 0, -3, 1)}\n${call(248, 217, 0, 0, 0, 0, -3)}\n${call(249, 218, 0, 0, 0, 0)}`,
    full: denied,
  },
  { name: "loads a kernel module", code: `${call(175, 105, 0, 0, 0)}\n${call(313, 273, 0, 0, 0)}`, full: denied },
  { name: "reboots", code: call(169, 142, 0xfee1dead, 672274793, 0, 0), full: denied },
  {
    name: "sets the clock",
    code: `attempt(lambda: time.clock_settime(time.CLOCK_REALTIME, 0))\n${call(159, 171, 0)}`,
    full: denied,
  },
  { name: "renames the machine", code: call(170, 161, 0, 0), full: denied },
  { name: "turns off address randomisation", code: call(135, 92, 0x0040000), full: denied },
  { name: "reads the kernel's ring buffer", code: call(103, 116, 3, 0, 0), full: denied },
  { name: "makes secret memory", code: call(447, 447, 0), full: denied },
  { name: "calls what is not invented yet", code: `${call(463, 463, 0)}\n${call(999, 999, 0)}`, full: absent },
  {
    name: "calls by the numbers of another architecture",
    code: `
if os.uname().machine == "x86_64":
    attempt(lambda: syscall(0x40000000 | 39, 0))
else:
    print("ENOSYS")`,
    full: absent,
  },
  {
    name: "enters the kernel by the 32-bit door",
    code: `
import mmap
if os.uname().machine != "x86_64":
    os.kill(os.getpid(), signal.SIGSYS)
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, getpid; int 0x80; ret
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
print(ctypes.CFUNCTYPE(ctypes.c_int)(address)())`,
    full: { status: "signal", signal: "SIGSYS", says: /^$/ },
  },
  {
    name: "types into its terminal for others",
    code: `${terminal}attempt(lambda: push(0x5412, b"x"))`,
    full: denied,
  },
  {
    name: "types into its terminal with the upper half of the request set",
    code: `${terminal}attempt(lambda: push((1 << 32) | 0x5412, b"x"))`,
    full: denied,
  },
  {
    name: "pastes, redirects the console, changes the line discipline",
    code: `${terminal}
for request in (0x541C, 0x541D, 0x5423):
    attempt(lambda: push(request, bytes(8)))`,
    full: denied,
  },
  {
    name: "runs a program that is no file",
    code: `
file = os.memfd_create("tool")
os.write(file, read("/bin/true"))
attempt(lambda: subprocess.run([f"/proc/self/fd/{file}"], pass_fds=[file], check=True))
attempt(lambda: read("/etc/shadow"))`,
    full: { status: "ok", says: /^(done|EACCES|ENOENT)\n(ENOENT|EACCES)\n$/ },
  },
  {
    name: "becomes root",
    code: `
print(outcome(lambda: os.setuid(0)).replace("EINVAL", "EPERM"))  # there is no such user inside
attempt(lambda: os.setgroups([0]))
print("EPERM" if libc.prctl(39, 0, 0, 0, 0) == 1 else "it may gain privileges")`,
    full: denied,
  },
  {
    name: "asks for real time and for better manners",
    code: `
attempt(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)))
print(outcome(lambda: os.nice(-5)).replace("EACCES", "EPERM"))`,
    full: denied,
  },
  {
    name: "raises its own limits",
    code: `
import resource
for name in ("RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CORE", "RLIMIT_CPU"):
    print(outcome(lambda: resource.setrlimit(getattr(resource, name), (resource.RLIM_INFINITY,) * 2)))`,
    full: { status: "ok", says: /^((ValueError|EPERM)\n){5}$/ },
  },
];
