// Programs that multiply, refuse to die, kill others, or eat what there is.
import { type Expectation, type HostileProgram, soon } from "./program.ts";

const mebibyte = 2 ** 20;
const killedByTheClock: Expectation = { status: "wall" };
/** Where memory is bounded for each process only, the program meets an error of its own. */
const metAnError: Expectation = { status: "nonzero", says: /MemoryError/ };

export const processes: readonly HostileProgram[] = [
  {
    name: "kills everybody in reach",
    code: `
print(outcome(lambda: os.kill(-1, signal.SIGKILL)) in ("EPERM", "ESRCH", "done"))`,
    full: { status: ["ok", "signal"] },
  },
  {
    name: "kills its parent and the first process",
    code: `
for pid in (os.getppid(), 1):
    attempt(lambda: os.kill(pid, signal.SIGKILL))`,
    full: { status: "ok", says: /^(EPERM\n){2}$/ },
  },
  {
    name: "signals whoever started it, by number",
    code: ({ pid }) => `attempt(lambda: os.kill(${pid}, 0))`,
    full: { status: "ok", says: /^(ESRCH|EPERM)\n$/ },
  },
  {
    name: "forks until it may not",
    code: `
count = 0
try:
    while count < 300:
        if os.fork() == 0:
            signal.pause()
        count += 1
except OSError as error:
    print(errno.errorcode[error.errno], count <= 28)`,
    full: { status: "ok", says: /^EAGAIN True\n$/ },
  },
  {
    name: "dies because it may not fork",
    code: `
while True:
    if os.fork() == 0:
        signal.pause()`,
    full: { status: "pids" },
    namespaces: { status: "nonzero", says: /BlockingIOError/ },
  },
  {
    name: "is a fork bomb that replaces its dead",
    code: `
while True:
    try:
        os.fork()
    except OSError:
        pass`,
    limits: soon,
    full: killedByTheClock,
  },
  {
    name: "starts threads until it may not",
    code: `
import threading
count = 0
try:
    while count < 300:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        count += 1
except RuntimeError:
    print("refused", count <= 28, flush=True)
os._exit(0)`,
    full: { status: "ok", says: /^refused True\n$/ },
  },
  {
    name: "leaves a daemon that ignores signals",
    code: `
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        while True:
            time.sleep(1)
    os._exit(0)
os.wait()
print("gone")`,
    full: { status: "ok", says: /^gone\n$/ },
  },
  {
    name: "leaves a daemon that keeps its output open",
    code: `
if os.fork() == 0:
    os.setsid()
    while True:
        signal.pause()
print("gone", flush=True)`,
    full: { status: "ok", says: /^gone\n$/ },
  },
  {
    name: "leaves daemons that fork while they are taken down",
    code: `
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        while True:
            try:
                if os.fork() > 0:
                    os._exit(0)
            except OSError:
                pass
print("gone", flush=True)`,
    full: { status: "ok", says: /^gone\n$/ },
  },
  {
    name: "ignores every signal and sleeps",
    code: `
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
while True:
    time.sleep(600)`,
    limits: soon,
    full: killedByTheClock,
  },
  { name: "stops itself", code: "os.kill(os.getpid(), signal.SIGSTOP)", limits: soon, full: killedByTheClock },
  {
    name: "closes its output and lingers",
    code: `
for number in range(3):
    os.close(number)
time.sleep(600)`,
    limits: soon,
    full: killedByTheClock,
  },
  { name: "is busy for ever", code: "while True:\n    pass", limits: soon, full: killedByTheClock },
  {
    name: "burns CPU in many processes at once",
    code: `
os.fork()
os.fork()
while True:
    pass`,
    limits: { cpuMs: 400, wallMs: 5_000 },
    full: { status: "cpu" },
    namespaces: { status: ["cpu", "wall"] },
  },
  {
    name: "becomes a shell that waits",
    code: `os.execv("/bin/sh", ["sh", "-c", "sleep 600"])`,
    limits: soon,
    full: killedByTheClock,
  },
  {
    name: "waits for the last moment and then multiplies",
    code: `
for number in (signal.SIGTERM, signal.SIGCONT, signal.SIGHUP, signal.SIGXCPU):
    signal.signal(number, lambda *_: os.fork())
time.sleep(0.6)
while True:
    try:
        os.fork()
    except OSError:
        pass`,
    limits: { wallMs: 800 },
    full: killedByTheClock,
  },
  {
    name: "stops its whole group while it is taken down",
    code: `
for _ in range(8):
    if os.fork() == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
os.killpg(0, signal.SIGSTOP)`,
    limits: soon,
    full: killedByTheClock,
  },
  {
    name: "forges the end and its reward, and a report of the runner",
    code: `
print("reward=1.0", "exit status 0", flush=True)
for number in range(3, 64):
    outcome(lambda: os.write(number, b'{"exitCode": 0}\\n'))
os._exit(7)`,
    full: { status: "nonzero", says: /^reward=1.0 exit status 0\n$/ },
  },
  {
    name: "calls itself something else",
    code: `
libc.prctl(15, b"bwrap\\nUid:\\t0", 0, 0, 0)
print("done")`,
    full: { status: "ok", says: /^done\n$/ },
  },
  { name: "crashes in C", code: "ctypes.string_at(0)", full: { status: "signal", signal: "SIGSEGV" } },
  { name: "aborts", code: "os.abort()", full: { status: "signal", signal: "SIGABRT" } },
  {
    name: "overflows its stack",
    code: `
sys.setrecursionlimit(10**9)
def dig():
    return json.dumps({}, default=dig) and dig()
import re
class Deep:
    def __repr__(self):
        return repr(self)
repr(Deep())`,
    full: { status: ["signal", "nonzero", "oom"] },
  },
  {
    name: "fills memory",
    code: `
kept = []
while True:
    kept.append(bytes(range(256)) * 16384)`,
    full: { status: "oom", signal: "SIGKILL" },
    namespaces: metAnError,
  },
  {
    name: "fills memory in ten children",
    code: `
pids = []
for _ in range(10):
    pid = os.fork()
    if pid == 0:
        kept = bytes(range(256)) * 98304
        signal.pause()
    pids.append(pid)
time.sleep(0.5)
for pid in pids:
    os.kill(pid, signal.SIGKILL)
print("lived")`,
    full: { status: "ok", says: /^lived\n$/, oomKills: "some" },
    namespaces: { status: "ok", says: /^lived\n$/ },
  },
  {
    name: "fills memory that is shared and nobody's",
    code: `
import mmap
kept = mmap.mmap(-1, ${400 * mebibyte})
for at in range(0, len(kept), 4096):
    kept[at] = 1`,
    full: { status: "oom" },
    namespaces: { status: "nonzero" },
  },
  {
    name: "fills memory with a file in memory",
    code: `
def fill():
    files = [os.memfd_create(str(number)) for number in range(60)]
    for file in files:
        os.write(file, bytes(7 << 20))
fill()`,
    full: { status: ["oom"] },
    namespaces: { status: "ok" }, // nobody counts these files, and each is small
  },
  {
    name: "unpacks a bomb",
    code: `
import zlib
packed = zlib.compress(bytes(50 << 20), 9)
kept = []
while True:
    kept.append(zlib.decompress(packed) + b"x")`,
    full: { status: "oom" },
    namespaces: metAnError,
  },
  {
    name: "asks for more memory than there is",
    code: "bytearray(1 << 45)",
    full: { status: "nonzero", says: /MemoryError/ },
  },
  {
    name: "opens files until it may not",
    code: `
def hoard():
    kept = []
    while True:
        kept.append(os.open("/dev/null", os.O_RDONLY))
attempt(hoard)`,
    full: { status: "ok", says: /^EMFILE\n$/ },
  },
];
