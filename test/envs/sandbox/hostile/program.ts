// What a hostile program is to these tests: a small Python text named for its conduct, and what must come of it.
// Expectations are stated for the strongest tier; where a weaker one lets more happen, that is stated too, never hidden.
import type { FileRefusal, SandboxLimits, VerdictStatus } from "../../../../envs/index.ts";

/** What there is outside to be found. All of it is real, and open to everybody of this machine. */
export interface Outside {
  /** The private answers of a competition. */
  answers: string;
  /** The data that the program may read. */
  data: string;
  /** A folder that anybody may write in. */
  folder: string;
  /** In the environment of the launcher, and in the answers. */
  nonce: string;
  tcpPort: number;
  udpPort: number;
  /** Of a unix socket that listens: in the abstract namespace, and as a file. */
  abstractName: string;
  socketFile: string;
  pid: number;
}

export interface Expectation {
  /** One of these. */
  status: VerdictStatus | readonly VerdictStatus[];
  /** Its output, whole. */
  says?: RegExp;
  /** Of `submission.csv`: why it is refused, or null if it is taken. */
  submission?: FileRefusal | null | readonly (FileRefusal | null)[];
  /** `some` if processes must have been killed for memory, though the program lived. */
  oomKills?: "some";
  /** A signal that must have ended it. */
  signal?: string;
}

export type HostileTier = "full" | "namespaces" | "landlock";

export interface HostileProgram {
  /** Reads after "a program that". */
  name: string;
  /** Preceded by `preamble`. */
  code: string | ((outside: Outside) => string);
  limits?: Partial<SandboxLimits>;
  full: Expectation;
  /** As `full` unless said. */
  namespaces?: Expectation;
  /** As `namespaces` unless said. */
  landlock?: Expectation;
}

export function expectationOf(program: HostileProgram, tier: HostileTier): Expectation {
  const { full, namespaces = full, landlock = namespaces } = program;
  return { full, namespaces, landlock }[tier];
}

/** Imported where they are used: each costs a program as much as the rest of its life. */
const costly = ["socket", "subprocess", "json"];

/** The whole text of a program. `attempt` says how the world answered: the name of the error, or `done`. */
export function textOf({ code }: HostileProgram, outside: Outside): string {
  const body = typeof code === "string" ? code : code(outside);
  const imports = costly.filter((name) => body.includes(`${name}.`)).map((name) => `import ${name}\n`);
  return `${imports.join("")}${preamble}${body}\n`;
}

const preamble = `
import ctypes, errno, os, signal, stat, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def syscall(x86, arm, *arguments):
    number = x86 if os.uname().machine == "x86_64" else arm
    result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result
def outcome(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)
    except Exception as error:
        return type(error).__name__
    return "done"
def attempt(action):
    print(outcome(action), flush=True)
def write(path, content=b"x"):
    with open(path, "wb") as file:
        file.write(content)
def read(path):
    with open(path, "rb") as file:
        return file.read()
`;

const mebibyte = 2 ** 20;
/** Small, so that every limit is met soon; the clock is generous but for those who must be killed by it. */
export const hostileLimits: Partial<SandboxLimits> = {
  wallMs: 60_000,
  cpuMs: 60_000,
  memoryBytes: 128 * mebibyte,
  processes: 24,
  fileBytes: 8 * mebibyte,
  workspaceBytes: 16 * mebibyte,
  temporaryBytes: 8 * mebibyte,
  inodes: 500,
  outputBytes: 256 * 1024,
  outputLines: 5_000,
};

/** For programs that only the clock ends. */
export const soon: Partial<SandboxLimits> = { wallMs: 700 };

/** Refused, whichever layer came first. */
export const refused = /^(E(ACCES|PERM|ROFS|NOENT|XDEV|BUSY|LOOP|INVAL|NOTDIR|SRCH)\n)+$/;
export const refusedQuietly: Expectation = { status: "ok", says: refused };
