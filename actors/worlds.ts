// The worlds by name, opened with what they need on this machine: helper processes above all.
// Knows which worlds there are; what they are like is theirs to know.
import { type Environment, type MathTask, MathVerifier, mathEnvironment } from "../envs/index.ts";
import { localPython } from "../runtime/index.ts";
import { divergePrompt, improvePrompt } from "./exit/index.ts";

export interface WorldConfig {
  domain: "math";
  /** Take only a boxed answer. */
  requireBoxed: boolean;
  /** Verifier processes for each environment actor. */
  verifiers: number;
}

/** A world that is open on this machine. */
export interface OpenWorld {
  /** A new session; it costs nothing until its first reset. */
  environment(): Environment<MathTask>;
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
    environment: () => mathEnvironment({ verifier, requireBoxed, prompts: selfIterationPrompts }),
    close: () => verifier.close(),
  };
}
