// The world of competition problems: one response, right or wrong.
// Knows the answer format and what a verdict is worth; how a response is compared with the gold, the verifier knows.
import type { Environment } from "../environment.ts";
import { InfrastructureError } from "../errors.ts";
import { visibleText } from "../reasoning.ts";
import { createEnvironment, type SessionOptions } from "../session.ts";
import type { World } from "../world.ts";
import { boxesOf } from "./box.ts";
import type { MathTask } from "./problem.ts";
import type { MathVerifier, Verdict } from "./verifier.ts";

export interface MathOptions {
  verifier: Pick<MathVerifier, "verify">;
  /** Take only a boxed answer; otherwise math-verify looks for one anywhere. False unless said. */
  requireBoxed?: boolean;
}

interface MathState {
  task: MathTask;
  verdict: Verdict | undefined;
}

/** An environment of competition problems. Single turn: quality and reward are 1 if correct, 0 if not. */
export function mathEnvironment(options: MathOptions & SessionOptions<MathTask>): Environment<MathTask> {
  return createEnvironment(mathWorld(options), options);
}

/** The rules alone, for a session of another make. */
export function mathWorld({ verifier, requireBoxed = false }: MathOptions): World<MathTask, MathState> {
  return {
    id: "math",
    version: requireBoxed ? "1-boxed" : "1",
    open: (task) => ({ task, verdict: undefined }),
    opening: ({ task }) => [{ role: "user", content: `${task.problem}\n\nPut the final answer in \\boxed{}.` }],
    async respond(state, response, { signal }) {
      const shown = visibleText(response);
      const isBoxed = boxesOf(shown).length > 0;
      const verdict = requireBoxed && !isBoxed ? unboxed : await verifier.verify(state.task.answer, shown, { signal });
      state.verdict = verdict;
      return { messages: [], terminated: true, responseKind: isBoxed ? "boxed" : "none", info: { verdict } };
    },
    quality: ({ task, verdict }) => (verdict ? worth(verdict, task) : null),
    digest: ({ verdict }) => verdict?.kind ?? null,
  };
}

const unboxed: Verdict = { kind: "unparsed_response", rule: null, extracted: null, wallMs: 0 };

/** 1 or 0; a comparison that could not be made is neither. @throws InfrastructureError `verifier_timeout`, `verifier_error` */
function worth({ kind, extracted }: Verdict, task: MathTask): number {
  switch (kind) {
    case "correct":
      return 1;
    case "wrong":
    case "unparsed_response":
      return 0;
    case "timeout":
    case "error":
    case "unparsed_gold": {
      const cause = kind === "timeout" ? "verifier_timeout" : "verifier_error";
      const advice =
        kind === "unparsed_gold" ? "load with a verifier, which finds such golds" : "it is masked, not wrong";
      throw new InfrastructureError(cause, `${kind} for '${extracted ?? ""}' - math, task ${task.id} - ${advice}`);
    }
  }
}
