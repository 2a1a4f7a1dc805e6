// What Tab offers in the REPL: dot commands, actors, fields and methods of self, and of what lies below it.
// Knows no terminal; asks the actor through the functions it is given, never calls a getter.
import type { ActorShape } from "../../runtime/index.ts";

export interface CompletionSources {
  /** Dot commands without their dot. */
  commands: readonly string[];
  actors: () => Promise<string[]>;
  shape: () => Promise<ActorShape>;
  /** Names below a path such as `self.buffer`; none where the language cannot tell without side effects. */
  below: (path: string) => Promise<string[]>;
}

/** Candidates and the part of the line that they replace, as readline wants them. */
export type Completion = [candidates: string[], replaced: string];

/** `self`, names below it and the beginning of the last one. */
const pathAtEnd = /\b(self(?:\.#?[\w$]+)*)\.(#?[\w$]*)$/;
const wordAtEnd = /[\w$]+$/;

export async function completeLine(line: string, sources: CompletionSources): Promise<Completion> {
  const command = /^\.(\w*)$/.exec(line);
  if (command) return offer(sources.commands, command[1]!, ".");
  const use = /^\.use\s+(\S*)$/.exec(line);
  if (use) return offer(await sources.actors(), use[1]!);
  if (line.startsWith(".")) return [[], line];
  const path = pathAtEnd.exec(line);
  if (path) return offer(await namesBelow(path[1]!, sources), path[2]!);
  const word = wordAtEnd.exec(line)?.[0] ?? "";
  const isField = line.slice(0, line.length - word.length).endsWith(".");
  return isField ? [[], word] : offer(["self"], word);
}

async function namesBelow(path: string, { shape, below }: CompletionSources): Promise<string[]> {
  if (path !== "self") return below(path);
  const { fields, methods } = await shape();
  return [...fields, ...methods];
}

function offer(names: readonly string[], beginning: string, prefix = ""): Completion {
  const fitting = [...new Set(names)].filter((name) => name.startsWith(beginning)).sort();
  return [fitting.map((name) => prefix + name), prefix + beginning];
}

/** An expression that gives the names below a path, without calling anything of the actor's. */
export function namesExpression(path: string): string {
  const own = (value: string) => `Object.getOwnPropertyNames(Object(${value}))`;
  return `[...${own(path)}, ...${own(`Object.getPrototypeOf(Object(${path}))`)}]`;
}
