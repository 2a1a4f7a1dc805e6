// How a command ends when it cannot do what it was asked: one message, one exit code.
// The codes are part of the help; a program that drives the commands may rely on them.

export const exitCodes = {
  /** Done. */
  ok: 0,
  /** A run broke off; it can be resumed where the message says so. */
  failed: 1,
  /** Wrong flags, a bad configuration, a bad problems file, a folder that is no run. Nothing was started. */
  usage: 2,
  /** This machine lacks something: Python, a package, a compiler, disk. */
  machine: 3,
  /** Ctrl-C: ended in order, can be resumed. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends the command with a message for people: what happened, where, what to do. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
