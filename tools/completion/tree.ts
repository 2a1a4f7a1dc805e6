// What can be typed after `iterant`, read from commander's tree: commands, their options, what each value may be.
// Knows no shell; the three writers beside it put it into each shell's words.
import type { Argument, Command, Option } from "commander";
import { listPresets } from "../config/presets.ts";

/** Where the candidates for a value come from. */
export type Source =
  | { kind: "words"; words: string[] }
  | { kind: "files" }
  | { kind: "folders" }
  /** Asked of `iterant __complete` when Tab is pressed; actors are those of the run named before them. */
  | { kind: "runs" }
  | { kind: "actors" }
  | { kind: "nothing" };

export interface OptionWords {
  /** `--json`, `-h`. */
  flags: string[];
  description: string;
  isRepeatable: boolean;
  /** What follows it; undefined for a switch. */
  value: { name: string; source: Source } | undefined;
}

export interface CommandWords {
  name: string;
  description: string;
  options: OptionWords[];
  arguments: { name: string; source: Source }[];
}

/** Every visible command of a program, `help` included, in the order of its help. */
export function readCommands(program: Command): CommandWords[] {
  const help = program.createHelp();
  const commands = help.visibleCommands(program);
  return commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).map(toOptionWords),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      source: command.name() === "help" ? wordsOf(commands) : sourceOfArgument(argument),
    })),
  }));
}

function toOptionWords(option: Option): OptionWords {
  const { short, long, flags, description, required, optional, argChoices, defaultValue } = option;
  const name = /[<[]([^>\]]+)/.exec(flags)?.[1] ?? "";
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    isRepeatable: Array.isArray(defaultValue),
    value: required || optional ? { name, source: sourceOfOption(long ?? "", name, argChoices) } : undefined,
  };
}

function sourceOfOption(flag: string, placeholder: string, choices: string[] | undefined): Source {
  if (choices) return { kind: "words", words: choices };
  if (flag === "--preset") return { kind: "words", words: listPresets().map(({ name }) => name) };
  return sourceOfName(placeholder);
}

function sourceOfArgument(argument: Argument): Source {
  return argument.argChoices ? { kind: "words", words: argument.argChoices } : sourceOfName(argument.name());
}

/** The words of the help are the contract: what is called `file` there is a file here. */
function sourceOfName(name: string): Source {
  switch (name) {
    case "file":
    case "source":
      return { kind: "files" };
    case "folder":
    case "path":
      return { kind: "folders" };
    case "run":
      return { kind: "runs" };
    case "actor":
      return { kind: "actors" };
    default:
      return { kind: "nothing" };
  }
}

function wordsOf(commands: readonly Command[]): Source {
  return { kind: "words", words: commands.map((command) => command.name()) };
}
