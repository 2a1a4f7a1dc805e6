// What is said between a zygote and us, one JSON object a line; the other side is `iterant.zygote.server`.

/** One program to run. */
export interface ZygoteJob {
  /** Its text; it runs as `__main__`. */
  program: string;
  /** What it believes to be its file, in traces and `sys.argv[0]`; need not exist. */
  file: string;
  args?: readonly string[];
  cwd: string;
  /** The whole environment. */
  env?: Readonly<Record<string, string>>;
  limits?: ZygoteLimits;
  /** For `random` and numpy; a new one for each job unless said. */
  seed?: number;
}

/** Limits of the system, for each process of the job; as they were unless said. Only ever lower ones. */
export interface ZygoteLimits {
  cpuSeconds?: number;
  addressBytes?: number;
  fileBytes?: number;
  openFiles?: number;
  /** Of the user, not of the job: means something where each sandbox has a user of its own. */
  processes?: number;
  coreBytes?: number;
}

export type ZygoteCall =
  | {
      op: "run";
      job: number;
      /** The descriptor, as the zygote numbers it. */
      terminal: number;
      program: string;
      file: string;
      args: readonly string[];
      cwd: string;
      env: Readonly<Record<string, string>>;
      limits: ZygoteLimits;
      seed: number | null;
      input: "none" | "open";
    }
  | { op: "signal"; job: number; signal: number }
  | { op: "clear"; job: number };

export type ZygoteEvent =
  | { event: "ready"; pid: number; versions: Record<string, string>; importMs: number }
  | { event: "standby"; pid: number; rssBytes: number }
  | {
      event: "ended";
      job: number;
      exitCode: number | null;
      signal: NodeJS.Signals | null;
      cpuMs: number;
      maxRssBytes: number;
    }
  | { event: "cleared"; job: number; count: number };
