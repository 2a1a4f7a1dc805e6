#!/usr/bin/env node
// What a person types: `iterant <command>`. Composes the commands; each is a file of its own name.
// A failure is one message on stderr and an exit code that means something; anything else is a bug and shows its stack.
import { Command } from "commander";
import { attachCommand } from "./attach/command.ts";
import { completionCommands } from "./completion/command.ts";
import { doctorCommand } from "./doctor/command.ts";
import { evalCommand } from "./eval.ts";
import { exitCodes, Failure } from "./failure.ts";
import { launchCommand } from "./launch/command.ts";
import { replayCommand } from "./replay/command.ts";
import { reportCommand } from "./report/command.ts";
import { resumeCommand } from "./resume.ts";
import { searchCommand } from "./search/command.ts";
import { serveCommand } from "./serve/command.ts";
import { stateCommand } from "./state/command.ts";
import { demoCommand, trainCommand } from "./train/command.ts";
import { worldsCommand } from "./worlds/command.ts";

const program = new Command("iterant")
  .description("Asynchronous reinforcement learning for language models that learn to improve their own answers")
  .configureHelp({ sortSubcommands: false })
  .showHelpAfterError("(iterant --help, or iterant <command> --help)")
  .addHelpText(
    "after",
    `
Exit codes: ${exitCodes.ok} done · ${exitCodes.failed} the run broke off, or replay --rescore found differences · ${exitCodes.usage} wrong flags or input, nothing started ·
            ${exitCodes.machine} this machine lacks something (see iterant doctor) · ${exitCodes.interrupted} Ctrl-C, can be resumed`,
  )
  .exitOverride();

for (const command of [
  demoCommand(),
  trainCommand(),
  evalCommand(),
  searchCommand(),
  resumeCommand(),
  launchCommand(),
  attachCommand(),
  stateCommand(),
  replayCommand(),
  reportCommand(),
  worldsCommand(),
  serveCommand(),
  doctorCommand(),
]) {
  program.addCommand(inheriting(command));
}

/** Commands within commands too: a mistake has the same exit code everywhere. */
function inheriting(command: Command): Command {
  for (const inner of command.commands) inner.copyInheritedSettings(program);
  return command.copyInheritedSettings(program);
}

const [completion, complete] = completionCommands(program);
program.addCommand(completion!.copyInheritedSettings(program));
program.addCommand(complete!.copyInheritedSettings(program), { hidden: true });

// A reader that has gone, a closed terminal or `| head`, is no reason to break off: what is said after it is lost.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof Failure) {
    console.error(`iterant: ${error.message}`);
    return error.exitCode;
  }
  const { code, exitCode } = error as { code?: string; exitCode?: number };
  if (code?.startsWith("commander.")) return exitCode === 0 ? exitCodes.ok : exitCodes.usage; // it has spoken already
  console.error(error);
  return exitCodes.failed;
}
