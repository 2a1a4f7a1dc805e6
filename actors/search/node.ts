// A node of a search: one program or answer that was tried, what it was tried from, and what became of it.
// Plain JSON; the journal keeps nodes as they are.

/** `draft` begins from the task alone, `improve` from a valid node, `debug` from one that did not work. */
export type Operator = "draft" | "improve" | "debug";

export interface SearchNode {
  /** From 0, in the order in which nodes came about: the step. */
  readonly index: number;
  readonly operator: Operator;
  /** The node it was made from; null for a draft. */
  readonly parent: number | null;
  readonly response: string;
  /** What the world said about it to whoever tries it again, an error trace for one; null for nothing. */
  readonly feedback: string | null;
  /** The world took it for an answer that can be compared: a program that ran, a submission that was graded. */
  readonly isValid: boolean;
  /** The grader's quality in [0, 1]; null where infrastructure failed. */
  readonly score: number | null;
  /** The policy's own estimate on data that it was given, where the world measures one. */
  readonly validationScore: number | null;
  /** How the world read it, in its own words. */
  readonly outcome: string;
  /** Cause of a failure of infrastructure: the node counts for nothing and nobody goes on from it. */
  readonly failure: string | null;
  readonly tokenCount: number;
  readonly generateMs: number;
  readonly worldMs: number;
}
