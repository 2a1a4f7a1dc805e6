// What an actor is: a class with a name by which any thread, process or node can load it, and its options.
// Knows nothing of where it will run; hosts load it from here.
import { ActorError } from "./errors.ts";

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

export interface ActorOptions {
  placement?: Placement;
  /** Calls that may run at the same time; 1 unless said. A stream counts as running until it ends. */
  concurrency?: number;
  /** Messages that may wait; 10 000 unless said. A further one is refused with `mailbox_full`. */
  mailboxCapacity?: number;
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
