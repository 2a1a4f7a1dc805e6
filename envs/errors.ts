// The two ways in which a world can go wrong, kept apart.
// A failure of infrastructure belongs to the episode: it is recorded with its cause, and the episode is masked, never scored 0.
// A misuse of the contract is a mistake in a program: it throws and is meant to stop it.

/**
 * Why an episode could not be scored, though nobody knows it to be wrong.
 * - `worker_start`: a helper process did not come up, or kept dying
 * - `worker_died`: it ended in the middle of a call
 * - `worker_lost`: it ended before it came to the call, which had no part in that
 * - `worker_timeout`: it gave no answer by the call's deadline and was killed
 * - `terminal_start`: a program could not be started behind its terminal
 * - `terminal_stuck`: it could not be killed
 * - `worker_closed`: it was closed, with the run, before it could answer
 * - `worker_error`: its method raised
 * - `server_unreachable`: a server of somebody else's world cannot be reached, or closed the connection
 * - `server_timeout`: it gave no answer by the deadline
 * - `server_busy`: it had no place for a session until the deadline
 * - `server_error`: it answered that it failed, or with what is no answer
 * - `verifier_timeout`, `verifier_error`: the answer could not be compared with the gold
 * - `sandbox_unavailable`: no sandbox of the wanted strength can be had on this machine
 * - `sandbox_error`: the sandbox failed; nothing is known of the program
 * - `sandbox_closed`: it was closed, with the run, before the program had ended
 * - `grader_failed`: a function of the rubric threw, or the grader of a competition did
 * - `replay_mismatch`: a replayed turn was answered otherwise than the first time
 */
export type FailureCause =
  | "worker_start"
  | "worker_died"
  | "worker_lost"
  | "worker_timeout"
  | "terminal_start"
  | "terminal_stuck"
  | "worker_closed"
  | "worker_error"
  | "server_unreachable"
  | "server_timeout"
  | "server_busy"
  | "server_error"
  | "verifier_timeout"
  | "verifier_error"
  | "sandbox_unavailable"
  | "sandbox_error"
  | "sandbox_closed"
  | "grader_failed"
  | "replay_mismatch";

/** An episode's end by infrastructure: a value, so that its siblings go on. */
export type Failure = { kind: "failed"; cause: FailureCause; message: string };

/** Thrown inside a world, by a helper process for example; a session turns it into a {@link Failure}. */
export class InfrastructureError extends Error {
  override readonly name = "InfrastructureError";
  readonly failure: Failure;

  constructor(cause: FailureCause, message: string) {
    super(`${cause}: ${message}`);
    this.failure = { kind: "failed", cause, message };
  }
}

/**
 * How the contract was misused.
 * - `bad_start`: the start of the episode makes no sense, a prefix that ends it for example
 * - `not_replayable`: turns would have to be replayed in a world where that does not lead to the same
 * - `not_reset`: there is no episode to step in or to ask about
 * - `episode_over`: it has ended, or an abort broke it off
 * - `busy`: the call before has not returned
 * - `closed`: the environment was closed
 * - `bad_world`: the world answered outside the contract
 * - `bad_data`: a file of tasks cannot be read
 */
export type EnvironmentErrorCode =
  | "bad_start"
  | "not_replayable"
  | "not_reset"
  | "episode_over"
  | "busy"
  | "closed"
  | "bad_world"
  | "bad_data";

/** A programmer's or a user's mistake; the message says what to do. */
export class EnvironmentError extends Error {
  override readonly name = "EnvironmentError";
  readonly code: EnvironmentErrorCode;

  constructor(code: EnvironmentErrorCode, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}
