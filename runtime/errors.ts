// The one error class of the runtime and its closed table of codes.
// Knows no transport: an error is built where a boundary is crossed, and keeps its code on every further hop.

/** What can go wrong, by the boundary at which it does. Every code is explained in PROTOCOL.md. */
export const errorCodes = [
  "method_threw",
  "no_such_method",
  "no_such_actor",
  "no_such_node",
  "not_serialisable",
  "call_timeout",
  "cancelled",
  "mailbox_full",
  "call_cycle",
  "actor_down",
  "node_down",
  "start_failed",
  "restart_intensity",
  "name_taken",
  "stopped",
  "protocol_error",
  "unauthorised",
  "process_failed",
  "bad_option",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorFields {
  /** The actor concerned, as `name@node`. */
  actor?: string;
  node?: string;
  method?: string;
  elapsedMs?: number;
  cause?: unknown;
  /** Actors that the error crossed on its way here, nearest to its origin first. */
  path?: string[];
}

/**
 * What every failed call, spawn or connection is rejected with.
 * The message has three parts: what happened, which actor on which node, what to do.
 * `cause` is the error that the actor's method threw, rebuilt with its name, message, code and stack.
 */
export class ActorError extends Error {
  readonly code: ErrorCode;
  readonly actor: string | undefined;
  readonly node: string | undefined;
  readonly method: string | undefined;
  readonly elapsedMs: number | undefined;
  readonly path: string[];

  constructor(code: ErrorCode, message: string, fields: ErrorFields = {}) {
    super(`${code}: ${message}`, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = "ActorError";
    this.code = code;
    this.actor = fields.actor;
    this.node = fields.node ?? fields.actor?.split("@")[1];
    this.method = fields.method;
    this.elapsedMs = fields.elapsedMs;
    this.path = fields.path ?? [];
  }
}

/** True for an ActorError with one of the codes (any ActorError when none is given). */
export function isActorError(error: unknown, ...codes: ErrorCode[]): error is ActorError {
  return error instanceof ActorError && (codes.length === 0 || codes.includes(error.code));
}

/** An error as plain data: `[isActorError, code, name, message, stack, fields, cause]`, what crosses the wire. */
export type ErrorRecord = [
  own: boolean,
  code: string | null,
  name: string,
  message: string,
  stack: string | null,
  fields: { actor?: string; method?: string; elapsedMs?: number; path?: string[] },
  cause: ErrorRecord | null,
];

const maxCauseDepth = 8;

/** Turns anything thrown into plain data; causes are followed eight deep. */
export function toErrorRecord(thrown: unknown, depth = 0): ErrorRecord {
  if (!(thrown instanceof Error)) {
    return [false, null, "Error", typeof thrown === "string" ? thrown : describe(thrown), null, {}, null];
  }
  const { code } = thrown as { code?: unknown };
  const hasCause = thrown.cause !== undefined && depth < maxCauseDepth;
  return [
    thrown instanceof ActorError,
    typeof code === "string" ? code : null,
    thrown.name,
    thrown.message.toWellFormed(),
    thrown.stack?.toWellFormed() ?? null,
    thrown instanceof ActorError ? actorFields(thrown) : {},
    hasCause ? toErrorRecord(thrown.cause, depth + 1) : null,
  ];
}

/** The reverse of `toErrorRecord`: an ActorError stays one, any other error keeps name, message, code and stack. */
export function fromErrorRecord(record: ErrorRecord): Error {
  const [own, code, name, message, stack, fields, cause] = record;
  const rebuiltCause = cause === null ? undefined : fromErrorRecord(cause);
  if (own && isErrorCode(code)) {
    const error = new ActorError(code, message.slice(code.length + 2), { ...fields, cause: rebuiltCause });
    if (stack !== null) error.stack = stack;
    return error;
  }
  const error = new Error(message, rebuiltCause === undefined ? undefined : { cause: rebuiltCause });
  error.name = name;
  if (stack !== null) error.stack = stack;
  if (code !== null) Object.assign(error, { code });
  return error;
}

function actorFields(error: ActorError): ErrorRecord[5] {
  const { actor, method, elapsedMs, path } = error;
  const fields = { actor, method, elapsedMs, path: path.length > 0 ? path : undefined };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function isErrorCode(code: string | null): code is ErrorCode {
  return (errorCodes as readonly (string | null)[]).includes(code);
}

function describe(thrown: unknown): string {
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    return String(thrown);
  }
}
