// What a sandbox promises, one word a promise: tried by canaries, stamped on every verdict, told by the doctor.
// Knows the words, what keeps each, and the cure where nothing does; starts nothing.

/** Strongest first; a lower one promises less, by name. */
export type Tier = "full" | "namespaces" | "landlock" | "unsafe-local";

/** How the walls of a tier are built; `full` is bubblewrap with nothing missing. */
export type Walls = "bubblewrap" | "landlock" | "none";

export const wallsOf: Readonly<Record<Tier, Walls>> = {
  full: "bubblewrap",
  namespaces: "bubblewrap",
  landlock: "landlock",
  "unsafe-local": "none",
};

/**
 * - `fs-write`: nothing outside its own folders can be written
 * - `fs-read`: nothing of this machine can be read but the interpreter, the system's libraries and the data
 * - `net`: no connection leaves it, to this machine neither
 * - `pids`: so many processes and no more; none of others can be seen or signalled
 * - `mem`, `cpu`: bounds on the tree, not only on each process
 * - `disk`, `inodes`: its files are bounded in bytes and in number
 * - `orphans`: nothing survives it
 * - `env-leak`, `fd-leak`: neither our environment nor our descriptors are in reach
 * - `syscalls`: the kernel's dangerous calls are refused
 * - `user`: it runs as a user of its own
 */
export const guarantees = [
  "fs-write",
  "fs-read",
  "net",
  "pids",
  "mem",
  "cpu",
  "disk",
  "inodes",
  "orphans",
  "env-leak",
  "fd-leak",
  "syscalls",
  "user",
] as const;
export type Guarantee = (typeof guarantees)[number];

/** One promise on this machine: kept, and by what; or not, and what to do. */
export type Finding =
  | { readonly guarantee: Guarantee; readonly holds: true; readonly layer: string }
  | { readonly guarantee: Guarantee; readonly holds: false; readonly what: string; readonly cure: string };

/** What was tried when a sandbox was opened. */
export interface Attestation {
  readonly tier: Tier;
  readonly findings: readonly Finding[];
  /** Kernel, bubblewrap, interpreter: what the findings depend on. */
  readonly machine: Readonly<Record<string, string>>;
  readonly hash: string;
}

/** What the launcher built, as it says; see `Walls.tell` in `iterant.sandbox.walls`. */
export interface BuiltWalls {
  walls: Walls;
  hasOwnUser: boolean;
  cgroup: "v1" | "v2" | "none";
  cgroupHolds: string[];
  hasSizedWorkspace: boolean;
  landlockAbi: number;
  /** What stands around the program, as JSON: rules, filters, limits, the view. */
  policy: string;
}

/** What keeps this promise, in words. */
export function layerOf(guarantee: Guarantee, built: BuiltWalls): string {
  const { walls, cgroup, hasOwnUser } = built;
  const isWalled = walls === "bubblewrap";
  switch (guarantee) {
    case "fs-write":
    case "fs-read":
      return isWalled ? "mount namespace and Landlock" : "Landlock";
    case "net":
      return isWalled ? "network namespace and seccomp" : "seccomp";
    case "pids":
      return `${isWalled ? "pid namespace" : "Landlock"}, ${cgroup === "none" ? "rlimit" : `cgroup ${cgroup}`}`;
    case "mem":
    case "cpu":
      return `cgroup ${cgroup}`;
    case "disk":
    case "inodes":
      return "a file system of its own";
    case "orphans":
      return isWalled ? "pid namespace" : hasOwnUser ? "its user" : "subreaper";
    case "env-leak":
    case "fd-leak":
      return "launcher";
    case "syscalls":
      return "seccomp";
    case "user":
      return "a user for each slot";
  }
}

/** What to do where this promise does not hold. */
export function cureOf(guarantee: Guarantee, built: BuiltWalls | undefined): string {
  const install = "apt install bubblewrap, and allow user namespaces";
  if (built?.walls !== "bubblewrap" && guarantee !== "user") return install;
  switch (guarantee) {
    case "mem":
    case "cpu":
    case "pids":
      return "run as root with writable control groups, or have a cgroup delegated (systemd-run --user --scope -p Delegate=yes)";
    case "user":
      return "run as root: only root can give each sandbox a user of its own";
    case "disk":
    case "inodes":
      return "allow mounts in a namespace of one's own: CAP_SYS_ADMIN as root, user namespaces otherwise";
    default:
      return "report it: bubblewrap should keep this promise wherever it runs";
  }
}
