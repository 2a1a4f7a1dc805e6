// The tree as a completion script for bash 4 and newer. Pure.
import type { CommandWords, Source } from "./tree.ts";

export function toBash(commands: readonly CommandWords[]): string {
  return `# iterant in bash: eval "$(iterant completion bash)"
_iterant_source() { # command, then an option or the number of an argument: what may stand there, in REPLY
  case "$1 $2" in
${cases(commands)}
    *) REPLY= ;;
  esac
}

_iterant_options() { # the options of a command, in REPLY
  case "$1" in
${commands.map(({ name, options }) => `    ${name}) REPLY="${options.flatMap(({ flags }) => flags).join(" ")}" ;;`).join("\n")}
    *) REPLY="-h --help" ;;
  esac
}

_iterant() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command= run= source= count=0 at word REPLY
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="\${COMP_WORDS[at]}"
    if [[ $word == "=" ]]; then continue # --option=value comes in three words
    elif [[ -n $source ]]; then source= # the value of the option before
    elif [[ $word == -* ]]; then _iterant_source "$command" "$word"; source="$REPLY"
    elif [[ -z $command ]]; then command="$word"
    else [[ $count -eq 0 ]] && run="$word"; ((count++))
    fi
  done
  [[ $current == "=" ]] && current=
  if [[ -z $source && $current == -* ]]; then _iterant_options "$command"; source="words $REPLY"
  elif [[ -z $source && -z $command ]]; then source="words ${commands.map(({ name }) => name).join(" ")}"
  elif [[ -z $source ]]; then _iterant_source "$command" "$count"; source="$REPLY"
  fi
  case "$source" in
    words\\ *) mapfile -t COMPREPLY < <(compgen -W "\${source#words }" -- "$current") ;;
    files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    folders) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    runs) mapfile -t COMPREPLY < <(compgen -W "$("\${COMP_WORDS[0]}" __complete runs 2>/dev/null)" -- "$current"; compgen -d -- "$current") ;;
    actors) mapfile -t COMPREPLY < <(compgen -W "$("\${COMP_WORDS[0]}" __complete actors "$run" 2>/dev/null)" -- "$current") ;;
  esac
}
complete -F _iterant iterant
`;
}

function cases(commands: readonly CommandWords[]): string {
  return commands
    .flatMap(({ name, options, arguments: places }) => [
      ...options.flatMap(({ flags, value }) =>
        value ? flags.map((flag) => `    "${name} ${flag}") REPLY="${words(value.source)}" ;;`) : [],
      ),
      ...places.map(({ source }, at) => `    "${name} ${at}") REPLY="${words(source)}" ;;`),
    ])
    .join("\n");
}

function words(source: Source): string {
  return source.kind === "words" ? `words ${source.words.join(" ")}` : source.kind;
}
