// What a world told of a response besides its words, a line a fact: calls, executions, scores, and where the evidence lies.
// Takes what is there: a world says what it says, and a record of an older version says less.
import { join, relative } from "node:path";
import { evidencePlace, type RecordedStep } from "../../actors/index.ts";
import { countOf, numberOf } from "./figures.ts";

/** Long enough to tell states apart. */
const digestDigits = 12;

/** The lines of one step; texts of models are in them as they are. @param folder of the recording */
export function factsOf({ info, blobs }: RecordedStep, folder: string): string[] {
  return [
    ...callsOf(info as CallFacts),
    ...executionOf(info as ExecutionFacts),
    ...scoreOf(info as ExecutionFacts),
    ...verdictOf(info as VerdictFacts),
    ...Object.entries(blobs).map(([name, { sha256, byteCount, truncated }]) => {
      const size = truncated === undefined ? "" : ` of ${countOf(truncated)}, the rest was not kept`;
      return `${name}: ${countOf(byteCount, "byte")}${size}, ${pathOf(join(evidencePlace(folder), sha256))}`;
    }),
  ];
}

/** As it can be typed into a shell here. */
function pathOf(file: string): string {
  const fromHere = relative(process.cwd(), file);
  const path = fromHere.startsWith("..") ? file : fromHere;
  return `${path.slice(0, digestDigits - 64)}*`; // a name is 64 digits long, and so many of them are enough
}

/** Of worlds with tools. */
interface CallFacts {
  succeeded?: boolean;
  digest?: string;
  /** Of each its arguments as JSON text. */
  calls?: readonly { name: string; arguments?: string; succeeded: boolean }[];
}

function callsOf({ succeeded, digest, calls = [] }: CallFacts): string[] {
  if (succeeded === undefined) return [];
  const state = digest === undefined ? "" : ` · state ${digest.slice(0, digestDigits)}`;
  return [
    ...calls.map((call) => `called ${call.name}(${argumentsOf(call.arguments)})${call.succeeded ? "" : ": failed"}`),
    `${succeeded ? "all calls were made" : "a call failed, or none could be read"}${state}`,
  ];
}

/** Named ones as a call has them, others as they were recorded. */
function argumentsOf(text = ""): string {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return text;
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) return text;
  return Object.entries(given)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(", ");
}

/** Of worlds with programs. */
interface ExecutionFacts {
  outcome?: string;
  score?: number | null;
  isSampleCopy?: boolean;
  execution?: {
    end: string;
    exitCode: number | null;
    signal: string | null;
    wallMs: number;
    tier: string;
    stdio?: string;
    outputByteCount: number;
  };
}

function executionOf({ outcome, execution }: ExecutionFacts): string[] {
  if (execution === undefined) return outcome === undefined ? [] : [`outcome ${outcome}`];
  const { end, exitCode, signal, wallMs, tier, stdio, outputByteCount } = execution;
  const how = exitCode === null ? (signal === null ? end : `${end} (${signal})`) : `${end}, exit code ${exitCode}`;
  const on = stdio === undefined ? "" : ` on a ${stdio}`;
  return [
    `outcome ${outcome} · the program ended: ${how} · ${(wallMs / 1000).toFixed(1)} s${on} · tier ${tier} · ` +
      `${countOf(outputByteCount, "byte")} of output`,
  ];
}

function scoreOf({ score, isSampleCopy }: ExecutionFacts): string[] {
  if (typeof score !== "number") return [];
  return [`score ${numberOf(score, 5)}${isSampleCopy ? ", a copy of the sample submission" : ""}`];
}

/** Of worlds with requests; of mathematics the verdict is another, and is told with the answer. */
interface VerdictFacts {
  verdict?: {
    isFulfilled?: boolean;
    isStateSame?: boolean;
    areCallsMade?: boolean;
    kind?: string;
    rule?: string | null;
  };
}

function verdictOf({ verdict }: VerdictFacts): string[] {
  if (verdict?.isFulfilled !== undefined) {
    const { isFulfilled, isStateSame, areCallsMade } = verdict;
    const missing = [...(isStateSame ? [] : ["the state is another"]), ...(areCallsMade ? [] : ["calls are missing"])];
    return [isFulfilled ? "the request is fulfilled" : `the request is not fulfilled: ${missing.join(", ")}`];
  }
  if (verdict?.kind === undefined) return [];
  return [`verdict ${verdict.kind}${!verdict.rule ? "" : `, read by ${verdict.rule}`}`];
}
