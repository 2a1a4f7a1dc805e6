// A conversation in a terminal, on Node's own REPL: its lines, history, keys; the actor's context in place of ours.
// What is typed takes turns in its order; Ctrl-C stops waiting, never the actor. Piped input is answered line by line.
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type REPLServer, Recoverable, start } from "node:repl";
import type { Completion } from "./complete.ts";
import type { Conversation } from "./conversation.ts";

export interface Terminal {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
}

/** Resolves when the person has left or the run has ended. */
export async function runRepl(conversation: Conversation, terminal: Terminal): Promise<void> {
  await new Repl(conversation, terminal).done;
}

/** Answers expressions and dot commands from a pipe, in order; resolves at its end or the run's. */
export async function runScript(conversation: Conversation, { input, output }: Terminal): Promise<void> {
  const lines = createInterface({ input });
  void conversation.visit.ended.then((reason) => {
    output.write(`${endOfRun(reason)}\n`);
    lines.close();
  });
  let text = "";
  for await (const line of lines) {
    const [, name, argument] = (text === "" && /^\s*\.(\w+)\s*(.*)$/.exec(line)) || [];
    if (name === "exit") break;
    text += `${line}\n`;
    if (name === undefined && (text.trim() === "" || conversation.isIncomplete(text))) continue;
    const answer = name === undefined ? conversation.evaluate(text.trimEnd()) : conversation.command(name, argument!);
    output.write(`${(await answer) ?? `there is no .${name}`}\n`);
    text = "";
  }
  if (text.trim() !== "") output.write(`${await conversation.evaluate(text.trimEnd())}\n`);
}

class Repl {
  readonly done: Promise<void>;
  readonly #conversation: Conversation;
  readonly #output: NodeJS.WritableStream;
  readonly #server: REPLServer;
  readonly #historyRead: Promise<void>;
  /** The last of the turns; each begins when the one before has ended. */
  #turn: Promise<void> = Promise.resolve();
  #waiting: AbortController | undefined;

  constructor(conversation: Conversation, { input, output }: Terminal) {
    this.#conversation = conversation;
    this.#output = output;
    this.#say(conversation.greeting);
    this.#server = start({
      prompt: conversation.prompt,
      input,
      output,
      terminal: true,
      ignoreUndefined: true,
      preview: false,
      eval: (text, _context, _file, done) => this.#read(text, done),
      writer: String,
      completer: (line: string, done: (error: null, found: Completion) => void) => {
        const own = Object.keys(this.#server.commands);
        void conversation.complete(line, own).then((found) => done(null, found));
      },
    });
    // It says itself if it cannot keep one.
    this.#historyRead = new Promise((resolve) => this.#server.setupHistory(historyFile(), () => resolve()));
    this.#defineCommands();
    this.#takeOverInterrupt();
    this.done = this.#untilEnd();
  }

  async #untilEnd(): Promise<void> {
    const left = new Promise<undefined>((resolve) => this.#server.once("exit", () => resolve(undefined)));
    const reason = await Promise.race([left, this.#conversation.visit.ended]);
    if (reason === undefined) {
      this.#waiting?.abort();
      return;
    }
    this.#say(`\n${endOfRun(reason)}`);
    await this.#historyRead; // it takes up the input again, and would do so after the end too
    this.#server.close();
  }

  #read(text: string, done: (error: Error | null, result: unknown) => void): void {
    if (text.trim() === "") done(null, undefined);
    else if (this.#conversation.isIncomplete(text)) done(new Recoverable(new SyntaxError("more to come")), undefined);
    else {
      this.#takeTurn(async (signal) => done(null, await this.#conversation.evaluate(text.trimEnd(), signal)));
    }
  }

  /** Runs after all that was typed before. */
  #takeTurn(work: (signal: AbortSignal) => Promise<void>): void {
    this.#turn = this.#turn.then(async () => {
      this.#waiting = new AbortController();
      await work(this.#waiting.signal);
      this.#waiting = undefined;
    });
  }

  #defineCommands(): void {
    const server = this.#server;
    const known = server.commands as Record<string, unknown>;
    for (const name of ["break", "clear", "load", "save"]) delete known[name]; // about a context of Node's own
    for (const [name, { help }] of Object.entries(this.#conversation.commands)) {
      const action = (argument: string) =>
        this.#takeTurn(async () => {
          this.#say((await this.#conversation.command(name, argument))!);
          server.setPrompt(this.#conversation.prompt);
          server.displayPrompt();
        });
      server.defineCommand(name, { help, action });
    }
  }

  /** While an answer is awaited Ctrl-C gives up waiting; else Node's own rule: it drops the line, and twice leaves. */
  #takeOverInterrupt(): void {
    const server = this.#server;
    const own = server.listeners("SIGINT") as (() => void)[];
    server.removeAllListeners("SIGINT");
    server.on("SIGINT", () => {
      if (this.#waiting) this.#waiting.abort();
      else for (const listener of own) listener.call(server);
    });
  }

  #say(text: string): void {
    this.#output.write(`${text}\n`);
  }
}

function endOfRun(reason: string): string {
  return `the run has ended: ${reason}`;
}

/** One for all runs, readable by its owner only, as Node makes it. */
function historyFile(): string {
  const folder = join(process.env.XDG_STATE_HOME ?? join(homedir(), ".local/state"), "iterant");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return join(folder, "attach-history");
}
