// The worlds by name, opened with what they need on this machine: helper processes above all.
// Knows which worlds there are; what they are like is theirs to know.
import { type Environment, MathVerifier, mathEnvironment } from "../envs/index.ts";
import { localPython } from "../runtime/index.ts";
import type { RunConfig } from "./config.ts";
import { divergePrompt, improvePrompt } from "./exit/index.ts";

export interface WorldConfig {
  domain: "math";
  /** Take only a boxed answer. */
  requireBoxed: boolean;
  /** Verifier processes for each environment actor. */
  verifiers: number;
}

/** The world of a run. */
export function worldConfigOf({ domain, environments }: RunConfig): WorldConfig {
  const { requireBoxed, verifiers } = environments;
  return { domain, requireBoxed, verifiers };
}

/** What an episode is for: a world may hold more of a task in an evaluation than it does in training. */
export type Purpose = "train" | "evaluate";

/** A world that is open on this machine. */
export interface OpenWorld {
  /** Texts that end a response, kept in it; none where only the end of the turn does. */
  readonly stop: readonly string[];
  /** An episode may go on after a response. */
  readonly isMultiTurn: boolean;
  /** A new session; it costs nothing until its first reset. */
  environment(purpose: Purpose): Environment;
  close(): Promise<void>;
}

/** The wording of second attempts is the learning program's (exit/prompts.ts). */
export const selfIterationPrompts = { improve: improvePrompt, diverge: divergePrompt };

/** Opens a world; resolves when its helpers are up. Rejects with what kept them from starting. */
export async function openWorld(config: WorldConfig): Promise<OpenWorld> {
  const { executable, path } = localPython();
  const verifier = new MathVerifier({ python: executable, pythonPath: path, processCount: config.verifiers });
  await verifier.ready;
  const { requireBoxed } = config;
  return {
    stop: [],
    isMultiTurn: false,
    environment: () => mathEnvironment({ verifier, requireBoxed, prompts: selfIterationPrompts }) as Environment,
    close: () => verifier.close(),
  };
}
