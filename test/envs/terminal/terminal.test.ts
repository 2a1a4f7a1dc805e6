// What a program gets and what is told of it, the same for both kinds; then what only a pseudo-terminal does.
import { readdirSync, readlinkSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import {
  InfrastructureError,
  openPipe,
  openPty,
  Tap,
  type Terminal,
  type TerminalCommand,
  type TerminalOptions,
} from "../../../envs/index.ts";
import { isGone, python } from "../python.ts";

const generous = { limits: { wallMs: 60_000 } };
/** Long enough for a slow machine where nothing shall come of it. */
const never = 600_000;
const kinds = [
  { kind: "a pseudo-terminal", open: openPty },
  { kind: "a pipe", open: openPipe },
];

const shell = (script: string): TerminalCommand => ({ file: "sh", args: ["-c", script] });
const inPython = (program: string): TerminalCommand => ({ file: python.python, args: ["-I", "-S", "-c", program] });

async function run(terminal: Promise<Terminal>) {
  const { exit, transcript } = await terminal;
  const end = await exit;
  return { ...end, text: transcript.output((count) => `[${count} bytes left out]`).toString("latin1") };
}

/** Resolves once the program has written this. */
function untilSaid(terminal: Terminal, text: string): Promise<unknown> {
  return vi.waitUntil(() => terminal.transcript.output().includes(text), { timeout: 60_000, interval: 2 });
}

async function failureOf(terminal: Promise<unknown>) {
  const error = await terminal.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof InfrastructureError)) throw new Error(`not an InfrastructureError: ${error}`);
  return { cause: error.failure.cause, message: error.failure.message };
}

describe.each(kinds)("behind $kind", ({ open }) => {
  test("a program's exit says how it ended and what it cost", async () => {
    const { wallMs, text, ...end } = await run(open(shell("echo one; echo two >&2; exit 3"), generous));
    expect(text).toBe("one\ntwo\n");
    expect(wallMs).toBeGreaterThan(0);
    expect(end).toEqual({
      verdict: "nonzero",
      exitCode: 3,
      signal: null,
      limit: null,
      outputBytes: 8,
      lineCount: 2,
      keptBytes: 8,
      discardedBytes: 0,
      throttledMs: 0,
      heldMs: 0,
      leftoverCount: 0,
      isDrained: true,
    });
  });

  test("a program that ends well is ok, one that a signal ends says which", async () => {
    expect(await run(open(shell("true"), generous))).toMatchObject({ verdict: "ok", exitCode: 0, signal: null });
    expect(await run(open(shell("kill -SEGV $$"), generous))).toMatchObject({
      verdict: "signal",
      exitCode: null,
      signal: "SIGSEGV",
    });
  });

  test("all 256 bytes arrive as they were written", async () => {
    const all = Buffer.from(Array.from({ length: 512 }, (_, at) => at % 256));
    const program = "import os; os.write(1, bytes(range(256)) * 2)";
    const { text } = await run(open(inPython(program), generous));
    expect(Buffer.from(text, "latin1").equals(all)).toBe(true);
  });

  test("a program has the environment it was given and nothing else, and its folder", async () => {
    const program = "import os; print(sorted(os.environ.items()), os.getcwd())";
    const command = { ...inPython(program), cwd: "/usr", env: { LC_ALL: "C.UTF-8", KEY: "a b" } };
    expect((await run(open(command, generous))).text).toBe("[('KEY', 'a b'), ('LC_ALL', 'C.UTF-8')] /usr\n");
  });

  test("what bash would run from an environment is not run", async () => {
    const env = { BASH_ENV: "/dev/stderr", "BASH_FUNC_exec%%": "() { echo hijacked; }", PATH: "/usr/bin:/bin" };
    expect((await run(open({ ...shell("echo clean"), env }, generous))).text).toBe("clean\n");
  });

  test("a program has no descriptor but its three", async () => {
    const others = await Promise.all([1, 2, 3].map(() => open(shell("sleep 600"), generous)));
    const listing = "for one in /proc/self/fd/*; do readlink $one; done | sort";
    const { text } = await run(open(shell(`${listing} | grep -v '/proc/\\|pipe:'`), generous));
    const own = text.trim().split("\n");
    expect(own.filter((target) => target.includes("ptmx"))).toEqual([]);
    expect(new Set(own.filter((target) => /pts|socket/.test(target))).size).toBeLessThanOrEqual(1);
    for (const { pid } of others) {
      const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      expect([targets.length, targets[0], targets[1]]).toEqual([3, "/dev/null", targets[2]]);
    }
    await Promise.all(others.map((other) => other.close()));
  });

  test("a pipe beside the terminal carries what the terminal shall not show", async () => {
    const program = "import os; os.write(1, os.read(3, 9)); os.write(3, b'result')";
    const terminal = await open(inPython(program), { ...generous, descriptors: ["pipe"] });
    const said = new Promise((resolve) => terminal.pipe(0).once("data", resolve));
    terminal.pipe(0).write("a job");
    expect(String(await said)).toBe("result");
    expect((await run(Promise.resolve(terminal))).text).toBe("a job");
  });

  test("stdin is empty unless it was asked for", async () => {
    expect((await run(open(shell("wc -c"), generous))).text.trim()).toBe("0");
  });

  test("what is typed arrives without an echo, and is recorded", async () => {
    const terminal = await open(inPython("import os; os.write(1, os.read(0, 99).upper())"), {
      ...generous,
      input: "open",
    });
    await terminal.write(Buffer.from("typed\n"));
    expect((await run(Promise.resolve(terminal))).text).toBe("TYPED\n");
    expect(terminal.transcript.events.map(({ kind }) => kind)).toEqual(["input", "output"]);
  });

  test("typing into a program that takes no input is refused", async () => {
    const terminal = await open(shell("true"), generous);
    await expect(terminal.write(Buffer.from("x"))).rejects.toThrow(
      'the program takes no input - sh -c true - open it with input: "open"',
    );
    await terminal.close();
  });

  test("a program that runs too long is interrupted, and says where it was", async () => {
    const program = "print('on', flush=True)\nwhile True: pass";
    const end = await run(open(inPython(program), { limits: { wallMs: 500 }, ladder: { interruptMs: never } }));
    expect(end).toMatchObject({ verdict: "wall", limit: "wallMs" });
    expect(end.text).toMatch(/^on\nTraceback[\s\S]*KeyboardInterrupt/);
  });

  test("a program that ignores every signal it can is killed", async () => {
    const command = shell("trap '' INT TERM HUP; echo on; while :; do sleep 600; done");
    const end = await run(open(command, { limits: { wallMs: 300 }, ladder: { interruptMs: 20, terminateMs: 20 } }));
    expect(end).toMatchObject({ verdict: "wall", signal: "SIGKILL", text: "on\n" });
  });

  test("a program that has stopped itself is killed", async () => {
    const end = await run(open(shell("kill -STOP $$"), { limits: { wallMs: 200 } }));
    expect(end).toMatchObject({ verdict: "wall", signal: "SIGKILL" });
  });

  test("a program that writes too much is killed at the byte", async () => {
    const limits = { wallMs: 60_000, maxBytes: 100_000 };
    const end = await run(open(shell("yes"), { limits }));
    expect(end).toMatchObject({ verdict: "output", limit: "maxBytes", outputBytes: 100_000, isDrained: true });
    expect(end.text.length).toBe(100_000);
    expect(end.discardedBytes).toBeGreaterThan(0);
  });

  test("a program that writes too many lines is killed at the line", async () => {
    const limits = { wallMs: 60_000, maxLines: 1_000 };
    const end = await run(open(shell("yes ''"), { limits }));
    expect(end).toMatchObject({ verdict: "output", limit: "maxLines", lineCount: 1_000, outputBytes: 1_000 });
  });

  test("what is kept is the beginning and the end, and how much is missing between them", async () => {
    const options = { ...generous, keptHeadBytes: 1_064, keptTailBytes: 2_064 };
    const end = await run(open(shell("seq -w 10000"), options));
    expect(end).toMatchObject({ verdict: "ok", outputBytes: 60_000 });
    const [head, missing, tail] = end.text.split(/\[(\d+) bytes left out\]/);
    expect(head!.startsWith("00001\n00002\n")).toBe(true);
    expect(tail!.endsWith("09999\n10000\n")).toBe(true);
    expect(head!.length + tail!.length).toBe(end.keptBytes);
    expect(Number(missing)).toBe(60_000 - end.keptBytes);
    expect(end.keptBytes).toBeGreaterThan(2_000);
    expect(end.keptBytes).toBeLessThanOrEqual(3_128);
  });

  test("a consumer that takes nothing stops the program, and taking lets it go on", async () => {
    const tap = new Tap({ highWaterBytes: 32 * 1024 });
    const limits = { wallMs: 60_000, maxBytes: 4_000_000 };
    const terminal = await open(shell("seq 300000; echo end"), { limits: { ...limits, maxLines: 400_000 }, tap });
    await vi.waitUntil(() => tap.isFull, 60_000);
    expect(tap.unreadBytes).toBeLessThan(256 * 1024);
    expect(isGone(terminal.pid)).toBe(false);
    let byteCount = 0;
    for await (const chunk of tap) byteCount += chunk.length;
    const end = await terminal.exit;
    expect(end).toMatchObject({ verdict: "ok", outputBytes: byteCount });
    expect(byteCount).toBe(1_988_895 + 4);
    expect(end.heldMs).toBeGreaterThan(0);
  });

  test("a consumer that leaves holds nobody back", async () => {
    const tap = new Tap({ highWaterBytes: 1_024 });
    const terminal = await open(shell("seq 30000"), { ...generous, tap });
    for await (const _ of tap) break;
    expect(await terminal.exit).toMatchObject({ verdict: "ok", outputBytes: 168_894 });
  });

  test("a fast program is slowed down to the rate, not killed", async () => {
    const limits = { wallMs: 60_000, bytesPerSecond: 500_000 };
    const end = await run(open(shell("head -c 1000000 /dev/zero"), { limits }));
    expect(end).toMatchObject({ verdict: "ok", outputBytes: 1_000_000 });
    expect(end.throttledMs).toBeGreaterThan(300);
    expect(end.wallMs).toBeGreaterThan(300);
  });

  test("what a program leaves behind is killed before its exit is told", async () => {
    const terminal = await open(shell("trap '' HUP; sleep 600 & echo $!; sleep 600 & echo $!"), generous);
    const end = await run(Promise.resolve(terminal));
    expect(end).toMatchObject({ verdict: "ok", leftoverCount: 2, isDrained: true });
    expect(end.text.trim().split("\n").map(Number).every(isGone)).toBe(true);
  });

  test("kill climbs the ladder and tells the exit; close is at once; both may be repeated", async () => {
    const terminal = await open(shell("trap 'echo bye; exit 7' INT; echo on; while :; do sleep 0.01; done"), {
      ...generous,
      ladder: { interruptMs: never },
    });
    await untilSaid(terminal, "on\n");
    expect(await terminal.kill()).toMatchObject({ verdict: "closed", exitCode: 7 });
    expect(await terminal.kill()).toMatchObject({ verdict: "closed", exitCode: 7 });
    expect(terminal.transcript.output().toString()).toBe("on\nbye\n");
    const other = await open(shell("trap '' INT TERM; sleep 600"), generous);
    await Promise.all([other.close(), other.close()]);
    await other.close();
    expect(isGone(other.pid)).toBe(true);
  });

  test("a tree that is handed in is the one that is signalled and cleared", async () => {
    const calls: string[] = [];
    const tree = (pid: number) => ({
      signal(name: NodeJS.Signals) {
        calls.push(name);
        process.kill(pid, "SIGKILL");
      },
      async clear() {
        calls.push("clear");
        return 5;
      },
    });
    const terminal = await open(shell("sleep 600"), { ...generous, tree });
    expect(await terminal.kill()).toMatchObject({ signal: "SIGKILL", leftoverCount: 5 });
    expect(calls).toEqual(["SIGINT", "clear"]);
  });

  test("a program that cannot be killed is told so, and the exit is no verdict", async () => {
    const tree = () => ({ signal() {}, clear: async () => 0 });
    const terminal = await open(shell("exec sleep 600"), {
      ...generous,
      tree,
      ladder: { interruptMs: 1, terminateMs: 1, killMs: 1 },
    });
    const { cause, message } = await failureOf(terminal.kill());
    process.kill(terminal.pid, "SIGKILL");
    expect(cause).toBe("terminal_stuck");
    expect(message.replace(/pid \d+/, "pid P")).toBe(
      "the program did not end within 1 ms of SIGKILL - sh -c exec sleep 600, pid P - look for it in ps: a process in state D waits for a device",
    );
  });

  test.each([
    [{ file: "/nowhere/python" }, "no such program in /nowhere/python - /nowhere/python"],
    [{ file: "nowhere", env: { PATH: "/usr/bin:relative" } }, "no such program in /usr/bin:relative - nowhere"],
    [{ file: "/etc/passwd" }, "no such program in /etc/passwd - /etc/passwd"],
    [{ file: "sh", cwd: "/nowhere" }, "its working folder /nowhere is not there - sh"],
  ])("a program that cannot be started says why: %j", async (command, why) => {
    expect(await failureOf(open(command, generous))).toEqual({
      cause: "terminal_start",
      message: `a program could not be started: ${why} - check that it is installed and may be run by this user`,
    });
  });

  test("nothing of a session is left in this process", async () => {
    const count = () => readdirSync("/proc/self/fd").length;
    await run(open(shell("true"), generous));
    const before = count();
    for (let at = 0; at < 5; at += 1) await run(open(shell("seq 1000"), { ...generous, descriptors: ["pipe"] }));
    await failureOf(open({ file: "/nowhere" }, generous));
    await vi.waitUntil(() => count() <= before, 60_000);
  });
});

describe("a pseudo-terminal", () => {
  const open = (command: TerminalCommand, options: TerminalOptions = generous) => run(openPty(command, options));

  test("is the program's controlling terminal, raw, of the size that was asked for", async () => {
    const program = [
      "import os, termios",
      "lines = termios.tcgetattr(1)",
      "print(os.isatty(1), os.getsid(0) == os.getpid(), os.tcgetpgrp(1) == os.getpid())",
      "print(*os.get_terminal_size(1), lines[1] & termios.OPOST, lines[3] & (termios.ECHO | termios.ICANON))",
      "print(open('/dev/tty', 'w').isatty())",
    ].join("\n");
    const { text } = await open(inPython(program), { ...generous, columns: 132, rows: 50 });
    expect(text).toBe("True True True\n132 50 0 0\nTrue\n");
  });

  test("tells the program of a new size and records it", async () => {
    const program = [
      "import os, signal",
      "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGWINCH})",
      "print('on', flush=True)",
      "signal.sigwait({signal.SIGWINCH})",
      "print(*os.get_terminal_size(1))",
    ].join("\n");
    const terminal = await openPty(inPython(program), generous);
    await untilSaid(terminal, "on\n");
    terminal.resize(100, 30);
    expect((await run(Promise.resolve(terminal))).text).toBe("on\n100 30\n");
    expect(terminal.transcript.events[1]).toMatchObject({ kind: "resize", columns: 100, rows: 30 });
  });

  test("is left to a launcher that takes it further inside", async () => {
    // Nobody but the superuser could take it from a session that has it already, so it must be free.
    const inside = "[ $(cut -d' ' -f7 /proc/$$/stat) = 0 ] && setsid -c sh -c 'echo in > /dev/tty' <&1; exit $?";
    const command = { file: "sh", args: ["-c", inside], env: { PATH: "/usr/bin:/bin" } };
    for (const input of ["none", "open"] as const) {
      const options = { ...generous, takesTerminal: false, input };
      expect(await open(command, options)).toMatchObject({ verdict: "ok", text: "in\n" });
    }
  });

  test("that the program has stopped (TCOOFF) loses nothing and hangs nobody", async () => {
    const program = "import os, termios; os.write(1, b'x' * 9000); termios.tcflow(1, termios.TCOOFF)";
    const end = await open(inPython(program));
    expect(end).toMatchObject({ verdict: "ok", outputBytes: 9_000, isDrained: true });
    expect(end.text).toBe("x".repeat(9_000));
  });

  test("that the program blocks itself on (TCOOFF) is killed at the wall", async () => {
    const program = "import os, termios; os.write(1, b'on'); termios.tcflow(1, termios.TCOOFF); os.write(1, b'no')";
    const end = await open(inPython(program), { limits: { wallMs: 1_000 } });
    expect(end).toMatchObject({ verdict: "wall", text: expect.stringMatching(/^on/) });
    expect(end.isDrained).toBe(true);
  });

  test.each([
    ["capital letters", "lines[1] |= termios.OPOST | termios.OLCUC | termios.ONLCR"],
    ["canonical input with an echo", "lines[3] |= termios.ECHO | termios.ICANON | termios.ECHOCTL; lines[1] |= 1"],
  ])("that the program sets to %s still tells its end", async (_, change) => {
    const program = [
      "import os, termios",
      "lines = termios.tcgetattr(1)",
      change,
      "termios.tcsetattr(1, termios.TCSANOW, lines)",
      "os.write(1, b'last')",
    ].join("\n");
    const end = await open(inPython(program));
    expect(end).toMatchObject({ verdict: "ok", isDrained: true, text: expect.stringMatching(/^last$/i) });
    expect(end.wallMs).toBeLessThan(30_000);
  });

  test("whose line discipline was taken away loses nothing", async () => {
    // TIOCSETD to N_NULL, which takes no writes.
    const program =
      "import fcntl, os, struct; os.write(1, b'y' * 9000); fcntl.ioctl(1, 0x5423, struct.pack('i', 27)); os._exit(5)";
    const end = await open(inPython(program));
    expect([0, 1, 5]).toContain(end.exitCode);
    expect(end).toMatchObject({ isDrained: true });
    expect(end.text.startsWith("y".repeat(9_000))).toBe(true);
  });

  test("shows a forged marker as what it is: output", async () => {
    const forged = "\x1b]7777;0123456789ABCDEF0123456789ABCDEF\x07";
    const { text } = await open(inPython(`import os; os.write(1, ${JSON.stringify(forged)}.encode() + b'after')`));
    expect(text).toBe(`${forged}after`);
  });

  test("that a process keeps which has left its session and its parents is told drained all the same", async () => {
    const program = [
      "import os, signal",
      "reader, writer = os.pipe()",
      "if os.fork() == 0:",
      "    os.setsid()",
      "    if os.fork() == 0:",
      "        os.write(writer, b'%d' % os.getpid())",
      "        os.close(reader); os.close(writer)",
      "        while True: os.write(1, b'.'); signal.sigtimedwait([], 0.001)",
      "    os._exit(0)",
      "os.wait()",
      "print(os.read(reader, 20).decode())",
    ].join("\n");
    const { text, ...end } = await open(inPython(program));
    const pid = Number(text.replaceAll(".", ""));
    expect(isGone(pid)).toBe(false); // out of reach without a sandbox
    process.kill(pid, "SIGKILL");
    expect(end).toMatchObject({ verdict: "ok", isDrained: true });
  });

  test("of a program that closes its stdio and lingers is killed at the wall", async () => {
    const end = await open(shell("echo on; exec sleep 600 <&- >&- 2>&-"), { limits: { wallMs: 300 } });
    expect(end).toMatchObject({ verdict: "wall", text: "on\n" });
  });
});

test("both kinds give a program the same bytes and the same outcome", async () => {
  const program = "import sys; print('out'); sys.stdout.flush(); print('err', file=sys.stderr); raise SystemExit(4)";
  const [pty, pipe] = await Promise.all(kinds.map(({ open }) => run(open(inPython(program), generous))));
  const { wallMs: _, ...rest } = pty!;
  expect(pipe).toMatchObject(rest);
  expect(rest).toMatchObject({ text: "out\nerr\n", verdict: "nonzero", exitCode: 4 });
});
