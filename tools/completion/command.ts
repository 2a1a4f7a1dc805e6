// `iterant completion`: a script that teaches a shell to complete `iterant`; and the hidden `__complete`, which that
// script asks for what changes: names of runs, actors of a live one. Asked in vain it says nothing.
import { Argument, Command } from "commander";
import { isActorError } from "../../runtime/index.ts";
import { nameOf, Visit } from "../attach/visit.ts";
import { Failure } from "../failure.ts";
import { findRun, latestName, listRuns } from "../run-folder.ts";
import { toBash } from "./bash.ts";
import { toFish } from "./fish.ts";
import { readCommands } from "./tree.ts";
import { toZsh } from "./zsh.ts";

const shells = { bash: toBash, zsh: toZsh, fish: toFish };
/** Whoever presses Tab does not wait longer. */
const actorsWaitMs = 1500;

/** Both commands, for a program that has all its others. */
export function completionCommands(program: Command): Command[] {
  const completion = new Command("completion")
    .description("print a script that completes commands, options, runs and actors in your shell")
    .addArgument(new Argument("<shell>", "yours").choices(Object.keys(shells)))
    .addHelpText(
      "after",
      `
Examples:
  eval "$(iterant completion bash)"        in ~/.bashrc
  eval "$(iterant completion zsh)"         in ~/.zshrc, after compinit
  iterant completion fish | source         in ~/.config/fish/config.fish`,
    )
    .action((shell: keyof typeof shells) => {
      process.stdout.write(shells[shell](readCommands(program)));
    });
  const complete = new Command("__complete")
    .argument("<what>")
    .argument("[run]")
    .action(async (what: string, run: string | undefined) => {
      const names = what === "runs" ? runNames() : await actorNames(run || undefined);
      if (names.length > 0) console.log(names.join("\n"));
    });
  return [completion, complete];
}

function runNames(): string[] {
  return [...(latestName() === undefined ? [] : ["latest"]), ...listRuns().reverse()];
}

async function actorNames(run: string | undefined): Promise<string[]> {
  try {
    await using visit = await Visit.open(findRun(run), { waitMs: actorsWaitMs });
    return (await visit.actors({ isBrief: true })).actors.map(({ address }) => nameOf(address));
  } catch (error) {
    if (error instanceof Failure || isActorError(error)) return []; // no such run, or it does not live
    throw error;
  }
}
