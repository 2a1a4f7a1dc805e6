// Programs that talk too much, or in bytes that are not text.
import { type HostileProgram, soon } from "./program.ts";

export const output: readonly HostileProgram[] = [
  {
    name: "floods its output",
    code: `
while True:
    os.write(1, b"flood " * 1000 + b"\\n")`,
    full: { status: "output" },
  },
  {
    name: "floods stderr",
    code: `
while True:
    os.write(2, b"flood " * 1000 + b"\\n")`,
    full: { status: "output" },
  },
  { name: "says one line without end", code: `while True:\n    os.write(1, b"x" * 4096)`, full: { status: "output" } },
  {
    name: "says a million tiny lines",
    code: `
for _ in range(1000):
    os.write(1, b"\\n" * 1000)`,
    full: { status: "output" },
  },
  {
    name: "says one byte at a time",
    code: `
while True:
    os.write(1, b"\\n")`,
    full: { status: "output" },
  },
  {
    name: "says a hundred megabytes of JSON on one line",
    code: `os.write(1, b"[" * 50)\nfor _ in range(100):\n    os.write(1, b"1," * (1 << 19))`,
    full: { status: "output" },
  },
  {
    name: "drips for ever",
    code: `
while True:
    os.write(1, b".")
    time.sleep(0.05)`,
    limits: soon,
    full: { status: "wall", says: /^\.+$/ },
  },
  {
    name: "ends in the middle of a flood",
    code: `
os.write(1, b"x" * 100_000)
os._exit(3)`,
    full: { status: "nonzero", says: /^x{100000}$/ },
  },
  {
    name: "sends what a terminal obeys",
    code: `os.write(1, b"\\x1b]0;title\\x07\\x1b]52;c;aGk=\\x07\\x1b[6n\\x1b[?1049h\\x9b31m\\x1bP1$q\\x1b\\\\")`,
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that they come through unchanged is the point
    full: { status: "ok", says: /^\x1b\]0;title\x07\x1b\]52;c;aGk=\x07\x1b\[6n\x1b\[\?1049h\x9b31m\x1bP1\$q\x1b\\$/ },
  },
  {
    name: "says every byte there is",
    code: "os.write(1, bytes(range(256)))",
    full: { status: "ok", says: new RegExp(`^${Array.from({ length: 256 }, (_, at) => hex(at)).join("")}$`) },
  },
  {
    name: "waits for input",
    code: `print(repr(sys.stdin.read()))`,
    full: { status: "ok", says: /^''\n$/ },
  },
  {
    name: "storms its own terminal with sizes and modes, and stops its flow",
    code: `
import fcntl, termios
leader, follower = os.openpty()
for size in range(1000):
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("4H", size % 60, size, 0, 0))
mode = termios.tcgetattr(follower)
mode[3] ^= termios.ECHO | termios.ICANON
termios.tcsetattr(follower, termios.TCSANOW, mode)
termios.tcflow(follower, termios.TCOOFF)
os.write(follower, b"never seen")`,
    limits: soon,
    full: { status: "wall" },
  },
];

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}
