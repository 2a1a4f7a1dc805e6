// The tree as a completion script for fish, a line a word. Pure.
import type { CommandWords, OptionWords, Source } from "./tree.ts";

export function toFish(commands: readonly CommandWords[]): string {
  const none = `not __fish_seen_subcommand_from ${commands.map(({ name }) => name).join(" ")}`;
  return `# iterant in fish: iterant completion fish | source
function __iterant_words # words before the one being typed that are no options, without iterant itself
    string match --invert --regex -- '^-' (commandline -opc)[2..]
end

function __iterant_at # command, number of its argument
    set -l words (__iterant_words)
    test "$words[1]" = $argv[1]; and test (count $words) -eq (math $argv[2] + 1)
end

complete -c iterant -f
${commands.map(({ name, description }) => `complete -c iterant -n ${quote(none)} -a ${name} -d ${quote(description)}`).join("\n")}
${commands.flatMap(linesOf).join("\n")}
`;
}

function linesOf({ name, options, arguments: places }: CommandWords): string[] {
  const here = `complete -c iterant -n ${quote(`__fish_seen_subcommand_from ${name}`)}`;
  return [
    ...options.map((option) => `${here} ${flagsOf(option)} -d ${quote(option.description)}`),
    ...places.flatMap(({ source }, at) => {
      const candidates = candidatesOf(source);
      return candidates === "" ? [] : [`complete -c iterant -n ${quote(`__iterant_at ${name} ${at}`)} ${candidates}`];
    }),
  ];
}

function flagsOf({ flags, value }: OptionWords): string {
  const names = flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  return [...names, ...(value ? [value.source.kind === "files" ? "-r" : "-x", candidatesOf(value.source)] : [])]
    .join(" ")
    .trim();
}

function candidatesOf(source: Source): string {
  switch (source.kind) {
    case "words":
      return `-a ${quote(source.words.join(" "))}`;
    case "files":
      return "-F";
    case "folders":
      return "-a '(__fish_complete_directories)'";
    case "runs":
      return "-a '(iterant __complete runs 2>/dev/null)'";
    case "actors":
      return "-a '(iterant __complete actors (__iterant_words)[2] 2>/dev/null)'";
    case "nothing":
      return "";
  }
}

function quote(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
