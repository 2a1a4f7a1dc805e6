// The end of what a program printed, fit to be shown: bounded, and the same wherever it ran.
// Folders of this machine, addresses in memory and terminal sequences go; what the program is about stays.
import type { ProgramPaths } from "./executor.ts";
import { programName } from "./program.ts";

/** Colours, cursor movements and window titles. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be removed
const terminalSequence = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same
const controlCharacter = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/** Where a Python package or the standard library is installed. */
const libraryFolder = /(?:\/[^\s"'/:]+)+\/(?=(?:site-packages|dist-packages|python3\.\d+)\/)/g;
const otherFile = /File "\/(?:[^"/]+\/)*([^"/]+)"/g;
const address = /\b0x[0-9a-f]{6,}\b/g;
const tracebackStart = "Traceback (most recent call last):";

/** The last part of the output, from the last traceback on if it fits; whole lines, at most `maxCharacters`. */
export function scrubbedTrace(
  output: string,
  paths: ProgramPaths,
  { dataVariable, maxCharacters }: { dataVariable: string; maxCharacters: number },
): string {
  // Ten times what is shown is enough to scrub, whatever was printed.
  const end = output.slice(-10 * maxCharacters);
  const text = scrubbed(end, paths, dataVariable).trimEnd();
  const start = text.lastIndexOf(tracebackStart);
  return tailOf(start < 0 ? text : text.slice(start), maxCharacters);
}

function scrubbed(text: string, { program, work, data }: ProgramPaths, dataVariable: string): string {
  const named: [string, string][] = [
    [program, programName],
    [`${work}/`, ""],
    [work, "."],
    [data, `$${dataVariable}`],
  ];
  const plain = text.replace(terminalSequence, "").replaceAll("\r\n", "\n").replace(controlCharacter, "");
  const known = named.filter(([path]) => path.length > 1);
  return known
    .reduce((all, [path, name]) => all.replaceAll(path, name), plain)
    .replace(libraryFolder, "")
    .replace(otherFile, 'File "$1"')
    .replace(address, "0x...");
}

function tailOf(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text;
  const tail = text.slice(-maxCharacters);
  const firstLineEnd = tail.indexOf("\n");
  return firstLineEnd < 0 ? tail : tail.slice(firstLineEnd + 1);
}
