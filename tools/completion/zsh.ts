// The tree as a completion script for zsh, on its own _arguments. Pure.
import type { CommandWords, OptionWords, Source } from "./tree.ts";

export function toZsh(commands: readonly CommandWords[]): string {
  return `#compdef iterant
# iterant in zsh: eval "$(iterant completion zsh)"
_iterant_runs() {
  local -a runs=("\${(@f)$(iterant __complete runs 2>/dev/null)}")
  compadd -a runs
  _files -/
}

_iterant_actors() {
  local -a actors=("\${(@f)$(iterant __complete actors "\${line[1]}" 2>/dev/null)}")
  compadd -a actors
}

_iterant() {
  local state
  local -a line commands=(
${commands.map(({ name, description }) => `    ${quote(`${name}:${description}`)}`).join("\n")}
  )
  _arguments -C '(-h --help)'{-h,--help}'[display help]' '1: :->command' '*:: :->arguments'
  case $state in
    command) _describe command commands ;;
    arguments)
      case $words[1] in
${commands.map((command) => `        ${command.name}) _arguments ${specs(command).join(" \\\n          ")} ;;`).join("\n")}
      esac
      ;;
  esac
}
compdef _iterant iterant
`;
}

function specs({ options, arguments: places }: CommandWords): string[] {
  return [
    ...options.flatMap((option) => option.flags.map((flag) => quote(specOf(option, flag)))),
    ...places.map(({ name, source }, at) => quote(`${at + 1}:${escapeColons(name)}:${action(source)}`)),
  ];
}

/** An option leaves the list once it was given, with all its flags, unless it may be repeated. */
function specOf({ flags, description, isRepeatable, value }: OptionWords, flag: string): string {
  const once = isRepeatable ? "*" : `(${flags.join(" ")})`;
  const what = value ? `:${escapeColons(value.name)}:${action(value.source)}` : "";
  return `${once}${flag}[${escapeColons(description)}]${what}`;
}

function action(source: Source): string {
  switch (source.kind) {
    case "words":
      return `(${source.words.join(" ")})`;
    case "files":
      return "_files";
    case "folders":
      return "_files -/";
    case "runs":
      return "_iterant_runs";
    case "actors":
      return "_iterant_actors";
    case "nothing":
      return " ";
  }
}

function escapeColons(text: string): string {
  return text.replace(/[[\]:\\]/g, "\\$&");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
