// One session with an OpenEnv server, over the WebSocket that its server keeps for as long as the session lasts.
// Knows the protocol and no world: {type, data} there, {type, data} back, one answer to each message, in order. A message
// whose answer was not waited for leaves the two sides out of step, so it takes the connection along.
// The HTTP routes of the same names make a new environment for every request; steps are for the socket alone.
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket } from "ws";
import { abortable } from "../abort.ts";
import { type FailureCause, InfrastructureError } from "../errors.ts";

/** A server and how it is asked. */
export interface OpenEnvServer {
  /** `http://127.0.0.1:8000`. */
  url: string;
  /** What every reset gets besides what its task says. */
  reset?: Readonly<Record<string, unknown>>;
  /** For a connection and for every answer, in milliseconds; 60 000 unless said. */
  deadlineMs?: number;
}

/** What a reset or a step leads to. */
export interface OpenEnvResult {
  observation: Record<string, unknown>;
  reward: number | null;
  done: boolean;
}

/** What a server says instead: that the message was no action of its, that it is full, that it broke. */
export interface OpenEnvRefusal {
  code: string;
  message: string;
}

/** As much as its own client takes. */
const maxMessageBytes = 100 * 1024 * 1024;
/** Between two attempts at a server that is full, in milliseconds. */
const firstPauseMs = 50;
const maxPauseMs = 1_000;

/** A session after its reset. A server that is full is asked again until the deadline. */
export async function beginSession(
  { url, deadlineMs = 60_000, reset: common }: OpenEnvServer,
  reset: object,
  signal: AbortSignal,
): Promise<{ connection: OpenEnvConnection; result: OpenEnvResult }> {
  const giveUpMs = performance.now() + deadlineMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
    const connection = await OpenEnvConnection.open(url, deadlineMs, signal);
    try {
      const result = await connection.ask("reset", { ...common, ...reset }, signal);
      if (!("code" in result)) return { connection, result };
      if (result.code !== "CAPACITY_REACHED") throw serverError(url, `no reset: ${result.code}: ${result.message}`);
      if (performance.now() > giveUpMs) {
        const what = `it was full for ${deadlineMs} ms: ${result.message}`;
        const advice = "start it with more sessions, or play fewer episodes at a time";
        throw new InfrastructureError("server_busy", `${what} - OpenEnv server ${url} - ${advice}`);
      }
    } catch (error) {
      connection.close();
      throw error;
    }
    connection.close();
    await pause(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** What a server does that it should not. */
export function serverError(url: string, what: string): InfrastructureError {
  return new InfrastructureError("server_error", `${what} - OpenEnv server ${url} - look at the server's own log`);
}

export class OpenEnvConnection {
  readonly #url: string;
  readonly #socket: WebSocket;
  readonly #deadlineMs: number;
  /** Messages that nobody has asked for yet: a server that is full says so unasked. */
  readonly #heard: string[] = [];
  #wake: (() => void) | undefined;
  /** Why there will be no more messages. */
  #end: InfrastructureError | undefined;

  /**
   * @param url of the server, `http://127.0.0.1:8000` for one
   * @param deadlineMs for the connection, and for every answer
   * @throws InfrastructureError `server_unreachable`
   */
  static open(url: string, deadlineMs: number, signal: AbortSignal): Promise<OpenEnvConnection> {
    return abortable([signal], async (aborted) => {
      const connection = new OpenEnvConnection(url, deadlineMs);
      aborted.addEventListener("abort", () => connection.close(), { once: true });
      await connection.#opened();
      return connection;
    });
  }

  private constructor(url: string, deadlineMs: number) {
    this.#url = url;
    this.#deadlineMs = deadlineMs;
    this.#socket = new WebSocket(`${url.replace(/^http/, "ws").replace(/\/+$/, "")}/ws`, {
      handshakeTimeout: deadlineMs,
      maxPayload: maxMessageBytes,
      perMessageDeflate: false,
    });
    this.#socket.on("message", (data) => {
      this.#heard.push(String(data));
      this.#wake?.();
    });
    this.#socket.on("error", (error) => this.#finish("server_unreachable", error.message || String(error)));
    this.#socket.on("close", (code) => this.#finish("server_unreachable", `it closed the connection, code ${code}`));
  }

  /**
   * Sends a message and waits for its answer; `seed` and the like for a reset, an action for a step.
   * @throws InfrastructureError `server_unreachable`, `server_timeout`, `server_error` for what is no answer
   */
  ask(type: "reset" | "step", data: unknown, signal: AbortSignal): Promise<OpenEnvResult | OpenEnvRefusal> {
    return abortable([signal], async (aborted) => {
      aborted.addEventListener("abort", () => this.close(), { once: true });
      const late = setTimeout(() => {
        this.#finish("server_timeout", `it gave no answer to ${type} within ${this.#deadlineMs} ms`);
        this.#socket.terminate();
      }, this.#deadlineMs);
      try {
        if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type, data }));
        while (this.#heard.length === 0) {
          if (this.#end) throw this.#end;
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
        return this.#read(this.#heard.shift()!);
      } finally {
        clearTimeout(late);
      }
    });
  }

  /** Ends the session there; twice is fine. */
  close(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send('{"type":"close"}');
    this.#finish("server_unreachable", "the connection was closed here");
    this.#socket.close();
  }

  async #opened(): Promise<void> {
    while (this.#socket.readyState === WebSocket.CONNECTING && !this.#end) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#socket.once("open", resolve);
      });
    }
    if (this.#end) throw this.#end;
  }

  #read(text: string): OpenEnvResult | OpenEnvRefusal {
    const { type, data } = (jsonOf(text) ?? {}) as { type?: unknown; data?: Record<string, unknown> };
    if (type === "error" && data) return { code: String(data.code), message: detailOf(data) };
    const { observation, reward, done } = data ?? {};
    if (type !== "observation" || typeof observation !== "object" || observation === null) {
      throw this.#failure("server_error", `it answered ${text.slice(0, 200)}`);
    }
    return {
      observation: observation as Record<string, unknown>,
      reward: reward === null || reward === undefined ? null : Number(reward),
      done: done === true,
    };
  }

  #finish(cause: FailureCause, what: string): void {
    this.#end ??= this.#failure(cause, what);
    this.#wake?.();
  }

  #failure(cause: FailureCause, what: string): InfrastructureError {
    return new InfrastructureError(cause, `${what} - OpenEnv server ${this.#url} - look at the server's own log`);
  }
}

/** Null for what is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Errors of validation come one for each field. */
function detailOf({ message, errors }: Record<string, unknown>): string {
  if (!Array.isArray(errors)) return String(message);
  return errors.map(({ loc, msg }) => `${[loc].flat().join(".")}: ${msg}`).join("; ");
}
