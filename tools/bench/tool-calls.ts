// Calls of functions through Node and a helper process, and sessions restored, beside the same in one Python process.
// The calls are a suite's own answers, one a response, with a digest after each: upstream's where they are installed,
// and those of the office.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openToolSuite, worldPython } from "../../actors/index.ts";
import { InfrastructureError, type SuiteName, type ToolSuite, type ToolTask } from "../../envs/index.ts";
import { localPython } from "../../runtime/index.ts";
import { type Candidate, timed } from "./measure.ts";

const floors = fileURLToPath(new URL("../../../tools/bench/worlds.py", import.meta.url));
/** Sessions with a call under way at a time. */
const sessionsAtOnce = 64;
/** How often a sample plays all of a suite's answers. */
const plays = 4;

/** Suites of this machine, open, with one helper and with two. Whoever asks for it closes it. */
export async function toolCallsBench(): Promise<{ candidates: Candidate[]; close(): Promise<void> }> {
  const sources = hasUpstream() ? ["bfcl", "office:full:200"] : ["office:full:200"];
  const suites = await Promise.all(sources.flatMap((source) => [openToolSuite(source, 1), openToolSuite(source, 2)]));
  const close = async () => void (await Promise.all(suites.map((suite) => suite.close())));
  const candidates: Candidate[] = [];
  for (let at = 0; at < suites.length; at += 2) candidates.push(...(await candidatesOf(suites[at]!, suites[at + 1]!)));
  return { candidates, close };
}

async function candidatesOf(one: ToolSuite, two: ToolSuite): Promise<Candidate[]> {
  const { name } = one;
  const answers: Answer[] = [];
  for await (const task of await one.tasks()) answers.push({ task, requests: await one.reference(task) });
  const called = { name: `${name}: tool calls, in Python`, unit: "/s", sample: () => floor("calls", name) };
  const restored = { name: `${name}: a session restored, in Python`, unit: "ms", sample: () => floor("restore", name) };
  return [
    { name: `${name}: tool calls, one helper`, unit: "/s", sample: () => callRate(one, answers), floor: called },
    { name: `${name}: tool calls, two helpers`, unit: "/s", sample: () => callRate(two, answers), floor: called },
    { name: `${name}: a session restored`, unit: "ms", sample: () => restoreMs(one, answers), floor: restored },
  ];
}

type Answer = { task: ToolTask; requests: string[][] };

function hasUpstream(): boolean {
  try {
    return worldPython("tools") !== "";
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    return false;
  }
}

/** As episodes do: many sessions side by side, one call after another in each. */
async function callRate(suite: ToolSuite, answers: readonly Answer[]): Promise<number> {
  const open = Array.from({ length: plays }, () => answers)
    .flat()
    .map((answer) => ({ ...answer, session: suite.session(answer.task), signal: new AbortController().signal }));
  await Promise.all(open.map(({ session, signal }) => session.begin(signal)));
  const waiting = [...open];
  const play = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      for (const calls of next.requests) {
        for (const call of calls) await next.session.take(call, next.signal);
        await next.session.endRequest(next.signal);
      }
    }
  };
  const wallMs = await timed(() => Promise.all(Array.from({ length: sessionsAtOnce }, play)));
  await Promise.all(open.map(({ session }) => session.close()));
  const callCount = open.reduce((sum, { requests }) => sum + requests.flat().length, 0);
  return (callCount * 1000) / wallMs;
}

/** One session after another, from nothing to a boundary between requests, for every such boundary. */
async function restoreMs(suite: ToolSuite, answers: readonly Answer[]): Promise<number> {
  let boundaryCount = 0;
  const wallMs = await timed(async () => {
    for (const { task, requests } of answers) {
      for (const end of requests.keys()) {
        const session = suite.session(
          task,
          requests.slice(0, end + 1).flatMap((calls) => [...calls, null]),
        );
        await session.begin(new AbortController().signal);
        await session.close();
        boundaryCount += 1;
      }
    }
  });
  return wallMs / boundaryCount;
}

async function floor(what: "calls" | "restore", suite: SuiteName): Promise<number> {
  const { executable, path } = localPython();
  const python = suite === "bfcl" ? worldPython("tools") : executable;
  const env = { ...process.env, PYTHONPATH: path.join(":"), PYTHONHASHSEED: "0", TZ: "UTC" };
  const { stdout } = await promisify(execFile)(python, [floors, what, suite], { env });
  return Number(stdout);
}
