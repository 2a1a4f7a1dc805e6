// What can be said in the REPL: expressions and dot commands, each answered with text, about one actor at a time.
// Knows no terminal and no history; what goes wrong is text too, because a person reads it.
import { isActorError } from "../../runtime/index.ts";
import { Failure } from "../failure.ts";
import { renderActors, renderStats } from "./actor-table.ts";
import type { Audit } from "./audit.ts";
import { type Completion, completeLine } from "./complete.ts";
import { renderFlight } from "./flight.ts";
import { isIncomplete } from "./input.ts";
import { printable } from "./render.ts";
import { Session } from "./session.ts";
import { nameOf, type Visit } from "./visit.ts";

export interface DotCommand {
  help: string;
  /** Rejects only through `wordFor`. */
  run: (argument: string) => Promise<string>;
}

export class Conversation {
  readonly commands: Readonly<Record<string, DotCommand>> = {
    actors: { help: "All actors of the run", run: () => this.#actors() },
    use: { help: "Go to another actor: .use NAME", run: (name) => this.#use(name) },
    last: { help: "The last messages of this actor: .last [COUNT]", run: (count) => this.#last(count) },
    stack: { help: "What this actor's host runs at this moment", run: () => this.#stack() },
    stats: { help: "Mailbox, busy share and counts of this actor", run: () => this.#stats() },
    methods: { help: "What this actor can be called with, and its fields", run: () => this.#methods() },
  };
  readonly #visit: Visit;
  readonly #audit: Audit | undefined;
  #session: Session;

  constructor(session: Session, audit: Audit | undefined) {
    this.#session = session;
    this.#visit = session.visit;
    this.#audit = audit;
  }

  get visit(): Visit {
    return this.#visit;
  }

  get prompt(): string {
    return this.#session.canWrite ? `${this.#session.name} (write)> ` : `${this.#session.name}> `;
  }

  /** Whom one talks to, and what one may do. */
  get greeting(): string {
    const { actor, language } = this.#session;
    const rights = this.#audit
      ? `WRITE: what you type can change this actor. Every line is recorded in ${this.#audit.file}`
      : "read-only: what would change something is refused";
    return [
      `${actor.address}, a ${actor.className} on ${actor.host}. self is the actor, in ${language === "python" ? "Python" : "JavaScript"}.`,
      `${rights}. .help lists commands, Tab completes, Ctrl-D leaves.`,
    ].join("\n");
  }

  /** True while the author is in the middle of an expression. */
  isIncomplete(text: string): boolean {
    return isIncomplete(text, this.#session.language);
  }

  async evaluate(expression: string, signal?: AbortSignal): Promise<string> {
    return inWords(async () => printable((await this.#session.evaluate(expression, signal)).text));
  }

  /** Runs a dot command; undefined if there is none of this name. */
  command(name: string, argument: string): Promise<string> | undefined {
    const found = this.commands[name];
    return found && inWords(() => found.run(argument.trim()));
  }

  /** A Tab that finds nothing offers nothing. */
  async complete(line: string, furtherCommands: readonly string[]): Promise<Completion> {
    const session = this.#session;
    try {
      return await completeLine(line, {
        commands: [...Object.keys(this.commands), ...furtherCommands],
        actors: async () => (await this.#visit.actors({ isBrief: true })).actors.map(({ address }) => nameOf(address)),
        shape: () => session.shape(),
        below: (path) => session.namesBelow(path),
      });
    } catch (error) {
      if (!isActorError(error)) throw error;
      return [[], line];
    }
  }

  async #actors(): Promise<string> {
    return renderActors(await this.#visit.actors());
  }

  async #use(name: string): Promise<string> {
    if (name === "") return "say which: .use NAME (Tab completes it; .actors lists them)";
    this.#session = new Session(this.#visit, await this.#visit.find(name), this.#audit);
    return this.greeting;
  }

  async #last(count: string): Promise<string> {
    const wanted = count === "" ? 10 : Number(count);
    if (!Number.isInteger(wanted) || wanted < 1) return `'${count}' is no count: .last 20`;
    const { actor } = this.#session;
    try {
      return renderFlight((await this.#visit.recent(actor.address)).slice(-wanted));
    } catch (error) {
      return this.#visit.explain(error, actor);
    }
  }

  async #stack(): Promise<string> {
    const { actor } = this.#session;
    try {
      const frames = await this.#visit.stack(actor.address);
      return frames.length === 0 ? `${actor.host} runs nothing at this moment` : printable(frames.join("\n"));
    } catch (error) {
      return this.#visit.explain(error, actor);
    }
  }

  async #stats(): Promise<string> {
    return renderStats(await this.#visit.report(this.#session.actor));
  }

  async #methods(): Promise<string> {
    const { className, methods, fields } = await this.#session.shape();
    const list = (names: string[]) => names.join(" ") || "none";
    return `${className}\n  methods  ${list(methods)}\n  fields   ${list(fields)}`;
  }
}

async function inWords(work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (error) {
    if (isActorError(error, "cancelled")) return "not waited for any longer. The actor goes on.";
    if (error instanceof Failure || isActorError(error)) return printable(error.message);
    throw error;
  }
}
