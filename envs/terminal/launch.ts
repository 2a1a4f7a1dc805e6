// Starts a program on a pseudo-terminal or on pipes: two doors, one interface.
// Between us and the program stands a wrapper of a few lines of bash: it makes the program the leader of its session,
// closes every descriptor it was not given, sets the line, says that it has come so far, and becomes the program.
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import type { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { InfrastructureError } from "../errors.ts";
import type { Channel } from "./channel.ts";
import { createMarker, MarkerScanner } from "./marker.ts";
import { Pipe } from "./pipe.ts";
import { sessionTree } from "./process-tree.ts";
import { Pty } from "./pty.ts";
import { type Program, TerminalSession } from "./session.ts";
import type { Terminal, TerminalCommand, TerminalOptions } from "./terminal.ts";

/**
 * bash with -p takes no settings or functions from the program's environment; `env -u` takes out what bash put in.
 * $1: the last descriptor that is the program's; $2: settings of the line, none for a pipe; $3: the start marker.
 */
const wrapperOf = ({ stty, env }: Tools) => `exec 2>&1
last=$1 line=$2 start=$3 input=$4 unset=$5; shift 5
[ -d /dev/fd ] || { echo "no /dev/fd"; exit 125; }
for path in /dev/fd/*; do fd=\${path##*/}; [ "$fd" -gt "$last" ] && eval "exec $fd>&-"; done
[ -z "$line" ] || ${stty} $line <&1 || exit 125
printf %s "$start" || exit 125
if [ "$input" = none ]; then exec </dev/null; elif [ -n "$line" ]; then exec <&1; fi
exec ${env} $unset -- "$@"`;

/** What bash adds to an environment. */
const addedByBash = ["_", "OLDPWD", "PWD", "SHLVL"];
/** From the wrapper's start to the program's; a slow machine under load took 2 s. */
const startDeadlineMs = 60_000;

/**
 * A program behind a pseudo-terminal: raw, without echo, so that bytes arrive as they were written.
 * Resolves when the program is about to run.
 * @throws InfrastructureError `terminal_start`
 */
export async function openPty(command: TerminalCommand, options: TerminalOptions): Promise<Terminal> {
  const pty = await Pty.open(options.columns, options.rows);
  const { slave } = pty;
  // A bash that leads a session makes its stdin the controlling terminal, which a launcher wants to leave free.
  const stdin = (options.takesTerminal ?? true) ? slave : "ignore";
  try {
    return await launch(command, options, { line: "raw -echo", stdio: [stdin, slave, slave], channelOf: () => pty });
  } catch (error) {
    pty.close();
    throw error;
  }
}

/**
 * The same program on plain pipes: no terminal, half the CPU. stdout and stderr come in the order written.
 * @throws InfrastructureError `terminal_start`
 */
export function openPipe(command: TerminalCommand, options: TerminalOptions): Promise<Terminal> {
  const stdio = [options.input === "open" ? "pipe" : "ignore", "pipe", "ignore"] as const;
  return launch(command, options, { line: "", stdio, channelOf: ({ stdout, stdin }) => new Pipe(stdout!, stdin) });
}

interface Way {
  /** For stty; nothing where there is no line to set. */
  line: string;
  stdio: readonly (number | "pipe" | "ignore")[];
  channelOf(child: ChildProcess): Channel;
}

async function launch(command: TerminalCommand, options: TerminalOptions, way: Way): Promise<Terminal> {
  const { args = [], cwd = process.cwd(), env = {} } = command;
  const { descriptors = [], input = "none", takesTerminal = true } = options;
  const file = findProgram(command.file, cwd, env.PATH);
  const tools = findTools();
  const marker = createMarker();
  const unset = addedByBash.filter((name) => !(name in env)).flatMap((name) => ["-u", name]);
  const wrapped = ["-p", "-c", wrapperOf(tools), "iterant-terminal", String(2 + descriptors.length), way.line];
  wrapped.push(marker.toString("latin1"), input, unset.join(" "), file, ...args);
  const leadsSession = takesTerminal && way.line !== "";
  const child = spawn(
    leadsSession ? tools.setsid : tools.bash,
    leadsSession ? ["-c", tools.bash, ...wrapped] : wrapped,
    { cwd, env: { ...env }, detached: !leadsSession, stdio: [...way.stdio, ...descriptors] },
  );
  const name = [command.file, ...args].join(" ").slice(0, 200);
  const ended = new Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once("exit", (exitCode, signal) => resolve({ exitCode, signal }));
    child.once("error", reject);
  });
  ended.catch(() => {}); // heard below
  if (child.pid === undefined) throw await ended.catch((error: Error) => cannotStart(name, error.message));
  const program: Program = {
    name,
    pid: child.pid,
    ended,
    tree: (options.tree ?? sessionTree)(child.pid),
    pipes: child.stdio.slice(3).map((stream) => (stream ?? undefined) as Duplex | undefined),
  };
  return await untilStarted(program, way.channelOf(child), options, marker);
}

/** What comes before the marker is the wrapper's, and only there when it failed; what comes after is the program's. */
async function untilStarted(
  program: Program,
  channel: Channel,
  options: TerminalOptions,
  marker: Buffer,
): Promise<Terminal> {
  const scanner = new MarkerScanner(marker);
  let said = "";
  let isSettled = false;
  return new Promise((resolve, reject) => {
    const fail = async (why: string) => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      channel.close();
      for (const pipe of program.pipes) pipe?.destroy();
      await program.tree.signal("SIGKILL");
      reject(cannotStart(program.name, [why, said.trim()].filter((part) => part !== "").join(": ")));
    };
    const timer = setTimeout(() => fail(`did not run within ${startDeadlineMs} ms`), startDeadlineMs);
    channel.start((bytes) => {
      const { before, after } = scanner.push(bytes);
      said += before.toString("utf8");
      if (!after || isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      resolve(new TerminalSession(program, channel, options, after));
    });
    program.ended.then(
      async ({ exitCode, signal }) => {
        await setImmediate(); // what it wrote may be in this turn of the event loop
        if (isSettled) return;
        await channel.drain(startDeadlineMs);
        await fail(`ended with ${signal ?? `code ${exitCode}`} before it ran`);
      },
      (error: Error) => fail(error.message),
    );
  });
}

interface Tools {
  bash: string;
  setsid: string;
  stty: string;
  env: string;
}

let tools: Tools | undefined;

/** By absolute path, from the system's folders: a program's PATH may lead through a folder that is not to be trusted. */
function findTools(): Tools {
  const path = ["/usr/bin", "/bin", process.env.PATH ?? ""].join(delimiter);
  tools ??= {
    bash: findProgram("bash", "/", path),
    setsid: findProgram("setsid", "/", path),
    stty: findProgram("stty", "/", path),
    env: findProgram("env", "/", path),
  };
  return tools;
}

function findProgram(file: string, cwd: string, path = "/usr/bin:/bin"): string {
  if (!isDirectory(cwd)) throw cannotStart(file, `its working folder ${cwd} is not there`);
  const candidates = file.includes("/")
    ? [resolve(cwd, file)]
    : path.split(delimiter).flatMap((folder) => (isAbsolute(folder) ? [join(folder, file)] : []));
  const found = candidates.find(isExecutable);
  if (found) return found;
  throw cannotStart(file, `no such program in ${file.includes("/") ? candidates[0] : path || "an empty PATH"}`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function cannotStart(name: string, why: string): InfrastructureError {
  const advice = "check that it is installed and may be run by this user";
  return new InfrastructureError("terminal_start", `a program could not be started: ${why} - ${name} - ${advice}`);
}
