// `iterant attach`: the actors of a live run as a table, or a REPL inside one of them.
// Looks on by default; --write asks for more, and what it does is recorded.
import { setTimeout as wait } from "node:timers/promises";
import { Command } from "commander";
import { isActorError } from "../../runtime/index.ts";
import { exitCodes, Failure } from "../failure.ts";
import { findRun } from "../run-folder.ts";
import { renderActors, toRows } from "./actor-table.ts";
import { Audit } from "./audit.ts";
import { Conversation } from "./conversation.ts";
import { printable } from "./render.ts";
import { runRepl, runScript } from "./repl.ts";
import { Session } from "./session.ts";
import { type Census, defaultWaitMs, Visit } from "./visit.ts";

interface AttachFlags {
  write?: boolean;
  eval?: string;
  json?: boolean;
  watch?: boolean;
  every: number;
  wait: number;
}

export function attachCommand(): Command {
  return new Command("attach")
    .description("look into a live run: its actors as a table, or a REPL inside one of them")
    .argument("[run]", "a run's name or folder; the newest unless given")
    .argument("[actor]", "the actor to talk to; without it, all are listed")
    .option("--eval <expression>", "evaluate one expression inside the actor and print what it gives")
    .option("--write", "let expressions change the actor; every one is recorded in the run's logs/audit.jsonl")
    .option("--json", "for programs: the value, the table, or all there is to know of one actor, as JSON")
    .option("--watch", "show the table again and again")
    .option("--every <seconds>", "how often, with --watch", parseSeconds, 1)
    .option("--wait <seconds>", "how long an actor may take to answer", parseSeconds, defaultWaitMs / 1000)
    .addHelpText(
      "after",
      `
A busy actor is not disturbed: expressions run between its messages, and reading cannot change it.

Examples:
  iterant attach                                            the actors of the newest run
  iterant attach latest environment-1                       a REPL inside one of them; self is the actor
  iterant attach environment-1                              the same
  iterant attach latest task-buffer --eval 'self' --json    a value for a script
  iterant attach my-run --watch                             mailboxes and busy shares, every second`,
    )
    .action((run: string | undefined, actor: string | undefined, flags: AttachFlags) => attach(run, actor, flags));
}

async function attach(run: string | undefined, actor: string | undefined, flags: AttachFlags): Promise<void> {
  const place = placeOf(run, actor);
  checkFlags(flags, place.actor);
  await using visit = await Visit.open(place.folder, { waitMs: 1000 * flags.wait });
  try {
    if (place.actor === undefined) await (flags.watch ? watchActors(visit, flags) : listActors(visit, flags));
    else await talk(visit, place.actor, flags);
  } catch (error) {
    throw isActorError(error) ? new Failure(exitCodes.failed, printable(error.message), { cause: error }) : error;
  }
}

/** One word alone may be a run, or an actor of the newest one. */
function placeOf(run: string | undefined, actor: string | undefined): { folder: string; actor: string | undefined } {
  if (run === undefined || actor !== undefined || isRun(run)) return { folder: findRun(run), actor };
  try {
    return { folder: findRun(), actor: run };
  } catch (error) {
    if (error instanceof Failure) return { folder: findRun(run), actor }; // there are no runs: says so of the word given
    throw error;
  }
}

function isRun(name: string): boolean {
  try {
    findRun(name);
    return true;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

function checkFlags({ eval: expression, write, watch }: AttachFlags, actor: string | undefined): void {
  const needing = expression !== undefined ? "--eval" : write ? "--write" : undefined;
  if (actor === undefined && needing !== undefined) {
    throw new Failure(exitCodes.usage, `${needing} needs an actor: iterant attach RUN ACTOR ${needing} …`);
  }
  if (actor !== undefined && watch) {
    throw new Failure(exitCodes.usage, "--watch shows the table of all actors: leave the actor out.");
  }
}

async function listActors(visit: Visit, { json }: AttachFlags): Promise<void> {
  print(await visit.actors(), json);
}

/** Until Ctrl-C or the end of the run. */
async function watchActors(visit: Visit, { json, every }: AttachFlags): Promise<void> {
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  process.once("SIGINT", leave);
  const ended = visit.ended.then((reason) => {
    leave();
    return reason;
  });
  let before: Census | undefined;
  while (!leaving.signal.aborted) {
    const census = await Promise.race([visit.actors(), ended]);
    if (typeof census === "string") break;
    if (process.stdout.isTTY && !json) process.stdout.write("\x1b[H\x1b[J");
    print(census, json, before);
    before = census;
    await wait(1000 * every, undefined, { signal: leaving.signal }).catch(() => {}); // aborted: we leave
  }
  process.removeListener("SIGINT", leave);
}

function print(census: Census, json: boolean | undefined, before?: Census): void {
  if (json) console.log(JSON.stringify({ actors: toRows(census.actors, before?.actors), silent: census.silent }));
  else console.log(renderActors(census, before));
}

async function talk(visit: Visit, name: string, flags: AttachFlags): Promise<void> {
  const audit = flags.write ? new Audit(visit.folder) : undefined;
  const session = new Session(visit, await visit.find(name), audit);
  if (flags.eval !== undefined) await evaluateOnce(session, flags.eval, flags.json);
  else if (flags.json) await tellAll(session);
  else {
    const { stdin: input, stdout: output } = process;
    const run = input.isTTY && output.isTTY ? runRepl : runScript;
    await run(new Conversation(session, audit), { input, output });
  }
}

async function evaluateOnce(session: Session, expression: string, json: boolean | undefined): Promise<void> {
  const evaluation = await session.evaluate(expression);
  if (evaluation.isError) throw new Failure(exitCodes.failed, printable(evaluation.text));
  if (!json) {
    console.log(printable(evaluation.text));
    return;
  }
  const value = evaluation.json ?? (isNothing(evaluation.text) ? "null" : undefined);
  if (value === undefined) {
    throw new Failure(exitCodes.failed, `the value has no JSON: ${printable(evaluation.text)}. Leave --json out.`);
  }
  console.log(value);
}

/** What Python and JavaScript call nothing. */
function isNothing(text: string): boolean {
  return text === "undefined" || text === "None";
}

async function tellAll({ visit, actor }: Session): Promise<void> {
  try {
    const [report, shape, recent, inFlight] = await Promise.all([
      visit.report(actor),
      visit.describe(actor.address),
      visit.recent(actor.address),
      visit.inFlight(actor.address),
    ]);
    console.log(JSON.stringify({ actor: toRows([report])[0], shape, recent, inFlight }));
  } catch (error) {
    throw new Failure(exitCodes.failed, printable(await visit.explain(error, actor)));
  }
}

function parseSeconds(value: string): number {
  const seconds = Number(value);
  if (!Number.isFinite(seconds) || seconds <= 0) {
    throw new Failure(exitCodes.usage, `'${value}' is no time: give seconds, as in 0.5.`);
  }
  return seconds;
}
