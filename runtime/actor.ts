// What an actor is: a class with a name by which any thread, process or node can load it, and its options.
// Knows nothing of where it will run; hosts load it from here.
import { ActorError } from "./errors.ts";
import type { LaneSpec, WhenFull } from "./lane.ts";
import type { MailboxSpec } from "./mailbox.ts";

// biome-ignore lint/suspicious/noExplicitAny: the constructor of any class
export type ActorClass = abstract new (...args: any[]) => object;

/** Where an actor runs; moving it never changes what it does. */
export type Placement =
  /** With others in a thread: the default, thousands a node. */
  | "shared"
  /** In a thread of its own, which can be killed. */
  | "thread"
  /** In a Node process of its own. */
  | "process"
  /** In a Python process of its own. */
  | "python";

/** What becomes of a call that comes back to an actor from within a call of that actor: A asks B, B asks A. */
export type Reentrancy =
  /** It is refused at once with `call_cycle`, because it would wait for itself. */
  | "never"
  /** It runs inside the call that it belongs to, without waiting for a free place. */
  | "callchain"
  /** Every call runs at once, whoever asks. */
  | "always";

export interface LaneOptions {
  /** Its share of the actor's places while other lanes wait too: a whole number from 1; 1 unless said. */
  weight?: number;
  /** Calls of this lane that may run at the same time; as many as the actor's unless said. */
  concurrency?: number;
}

export interface ActorOptions {
  placement?: Placement;
  /**
   * Calls that may run at the same time, over all lanes. A stream counts as running until it ends.
   * Unless said: what the lanes say together, and 1 without lanes; in Python, where methods run one after the other,
   * as many answers as are given later.
   */
  concurrency?: number;
  /** Calls that may wait in each lane; 10 000 unless said. */
  mailboxCapacity?: number;
  /** Bytes of arguments that may wait in each lane; 256 MiB unless said. A call that is larger still waits alone. */
  mailboxBytes?: number;
  /** What becomes of a call for which there is no room; `wait` unless said. */
  whenFull?: WhenFull;
  /** Lanes by name. The first takes calls that name none; without lanes there is one, `default`. */
  lanes?: Record<string, LaneOptions>;
  /** `never` unless said, or `callchain` for an actor that runs several calls at a time. */
  reentrancy?: Reentrancy;
  /**
   * A call that was called off and runs on for longer costs the actor its thread or process; 60 000 unless said, null
   * for never. One that shares its thread is reported instead.
   */
  cancelGraceMs?: number | null;
  /** How long it may take to start, from the process or thread to the end of its `start` hook; 300 000 unless said. */
  startDeadlineMs?: number;
}

/** A class that can be spawned: where its module is, what it is called there, how it likes to run. */
export interface ActorDefinition<C extends ActorClass = ActorClass> {
  readonly module: string;
  readonly className: string;
  readonly options: ActorOptions;
  /** Only for its type. */
  readonly actor: C;
}

/** Definitions made in this isolate by `module#class`: importing a module fills it, a host looks its class up here. */
const definitions = new Map<string, ActorDefinition>();

/**
 * Makes an actor of a class. Every public method becomes a call, every generator a stream.
 * The module must be importable by itself: hosts load it by `url` (give `import.meta.url`) and find the class by name.
 * Hooks that a class may have: `start(reason)` before the first message, `stop(reason)` after the last.
 */
export function defineActor<C extends ActorClass>(
  url: string,
  actor: C,
  options: ActorOptions = {},
): ActorDefinition<C> {
  if (actor.name === "") throw new ActorError("bad_option", `an actor class in ${url} has no name. Name the class.`);
  const definition = { module: url, className: actor.name, options, actor };
  definitions.set(`${url}#${actor.name}`, definition);
  return definition;
}

/**
 * Names an actor class that lives in Python, as `package.module:Class`, with its methods described by a type.
 * It always runs in a Python process of its own.
 */
export function pythonActor<T extends object>(
  path: string,
  options: ActorOptions = {},
): ActorDefinition<new (config?: unknown) => T> {
  const [module, className] = path.split(":");
  if (!module || !className) {
    throw new ActorError("bad_option", `'${path}' names no Python class. Write package.module:Class.`);
  }
  return { module, className, options: { ...options, placement: "python" }, actor: undefined as never };
}

const defaultMailboxCapacity = 10_000;
const defaultMailboxBytes = 256 * 2 ** 20;

/**
 * The mailbox that these options ask for.
 * @throws ActorError `bad_option`
 */
export function mailboxSpecOf(options: ActorOptions): MailboxSpec {
  const { mailboxCapacity = defaultMailboxCapacity, mailboxBytes = defaultMailboxBytes, whenFull = "wait" } = options;
  const entries = Object.entries(options.lanes ?? { default: {} });
  const places = options.concurrency ?? defaultConcurrency(options);
  const perLane = options.concurrency === undefined && someLaneSays(options) ? 1 : places;
  const lanes: LaneSpec[] = entries.map(([name, { weight = 1, concurrency }]) => ({
    name,
    weight: count(`weight of lane ${name}`, weight),
    concurrency: count(`concurrency of lane ${name}`, concurrency ?? perLane),
  }));
  if (lanes.length === 0) throw new ActorError("bad_option", "lanes: there are none. Name one, or leave lanes out.");
  if (!["wait", "fail", "drop-oldest"].includes(whenFull)) {
    throw new ActorError("bad_option", `whenFull is wait, fail or drop-oldest, not ${String(whenFull)}.`);
  }
  return {
    capacity: count("mailboxCapacity", mailboxCapacity),
    maxBytes: count("mailboxBytes", mailboxBytes),
    whenFull,
    concurrency: count("concurrency", places),
    lanes,
  };
}

/**
 * What happens to calls in a circle.
 * @throws ActorError `bad_option`
 */
export function reentrancyOf(options: ActorOptions): Reentrancy {
  const { reentrancy = mailboxSpecOf(options).concurrency === 1 ? "never" : "callchain" } = options;
  if (["never", "callchain", "always"].includes(reentrancy)) return reentrancy;
  throw new ActorError("bad_option", `reentrancy is never, callchain or always, not ${String(reentrancy)}.`);
}

function defaultConcurrency(options: ActorOptions): number {
  const { lanes = {}, placement, reentrancy } = options;
  if (reentrancy === "always") return Number.POSITIVE_INFINITY;
  if (someLaneSays(options)) return Object.values(lanes).reduce((sum, { concurrency = 1 }) => sum + concurrency, 0);
  return placement === "python" ? Number.POSITIVE_INFINITY : 1;
}

function someLaneSays({ lanes = {} }: ActorOptions): boolean {
  return Object.values(lanes).some(({ concurrency }) => concurrency !== undefined);
}

function count(what: string, value: number): number {
  if (value >= 1 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)) return value;
  throw new ActorError("bad_option", `${what} is a whole number from 1, not ${value}.`);
}

/** Modules that are being loaded here for the sake of their actors. */
const loading = new Set<string>();

/** Such a module; undefined if none is. A program that runs when it is only loaded would start itself for ever. */
export function moduleBeingLoaded(): string | undefined {
  return loading.values().next().value;
}

/** Imports the module and finds the class that it defined. */
export async function loadActor(module: string, className: string): Promise<new (...args: unknown[]) => object> {
  loading.add(module);
  try {
    await import(module);
  } finally {
    loading.delete(module);
  }
  const definition = definitions.get(`${module}#${className}`);
  if (!definition) {
    throw new ActorError(
      "start_failed",
      `${module} defines no actor ${className}. Export it: export const X = defineActor(import.meta.url, class ${className} {…})`,
    );
  }
  return definition.actor as unknown as new (
    ...args: unknown[]
  ) => object;
}

/** Why an actor starts: for the first time, or again after a crash. */
export type StartReason = { kind: "first" } | { kind: "restart"; after: string; restarts: number };
