// A world of ours by OpenEnv's protocol: a WebSocket for each session at /ws, and what a client asks beforehand over HTTP.
// Knows no world: whoever starts it hands in environments and tasks. Nobody is asked who they are, so it listens to this
// machine alone unless told otherwise, and takes no page of a browser's from elsewhere.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import type { Environment } from "../../envs/index.ts";
import { OpenEnvSession, type Reply, refusal, type ServedTasks } from "./openenv-session.ts";

export interface OpenEnvServerOptions {
  /** What clients call it. */
  name: string;
  description: string;
  version: string;
  tasks: ServedTasks;
  /** A new environment for a session. */
  environment(): Environment;
  /** 127.0.0.1 unless said. */
  host?: string;
  /** 8000 unless said; 0 for any that is free. */
  port?: number;
  /** Sessions at a time; the next is told that it is full. 64 unless said. */
  maxSessions?: number;
}

const maxMessageBytes = 16 * 1024 * 1024;
const maxBodyBytes = 1024 * 1024;
/** After how long a client that is silent is asked whether it is there. */
const keepAliveMs = 30_000;

export class OpenEnvServer implements AsyncDisposable {
  readonly #options: OpenEnvServerOptions;
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false });
  readonly #sessions = new Map<WebSocket, OpenEnvSession>();
  /** Sessions whose client is gone and whose world is being let go. */
  readonly #closing = new Set<Promise<void>>();
  #drawCount = 0;

  /** Resolves when it listens. Rejects with the error of the socket, a port that is taken for one. */
  static async open(options: OpenEnvServerOptions): Promise<OpenEnvServer> {
    const server = new OpenEnvServer(options);
    server.#http.listen(options.port ?? 8000, options.host ?? "127.0.0.1");
    await once(server.#http, "listening");
    return server;
  }

  private constructor(options: OpenEnvServerOptions) {
    this.#options = options;
    this.#http = createServer((request, response) => void this.#route(request, response));
    this.#http.on("connection", (socket) => socket.setKeepAlive(true, keepAliveMs));
    this.#http.on("upgrade", (request, socket, head) => {
      socket.on("error", () => {}); // a client that left before it was answered
      if (pathOf(request) !== "/ws") return socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
      if (!isOfThisHost(request)) return socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      this.#sockets.handleUpgrade(request, socket, head, (client) => this.#welcome(client));
    });
  }

  get url(): string {
    const { address, port, family } = this.#http.address() as AddressInfo;
    return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Ends every session and listens no longer. Twice is fine. */
  async close(): Promise<void> {
    for (const client of this.#sessions.keys()) client.terminate();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
    await Promise.all([...this.#sessions.values()].map((session) => session.close()));
    await Promise.all(this.#closing);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #welcome(client: WebSocket): void {
    client.on("error", () => {}); // its close says as much
    const { maxSessions = 64, environment, tasks } = this.#options;
    if (this.#sessions.size >= maxSessions) {
      const counts = { active_sessions: this.#sessions.size, max_sessions: maxSessions };
      say(client, refusal("CAPACITY_REACHED", `all ${maxSessions} sessions are taken`, counts));
      client.close();
      return;
    }
    const session = new OpenEnvSession(environment(), tasks, () => this.#drawCount++);
    this.#sessions.set(client, session);
    let before: Promise<void> = Promise.resolve();
    client.on("message", (data) => {
      client.pause(); // one message at a time; what comes meanwhile waits in the client
      before = before.then(async () => {
        const reply = await session.answer(String(data)).catch((error: unknown) => {
          if (client.readyState === client.OPEN) console.error(error); // else it was broken off with its client
          return refusal("SESSION_ERROR", `the session broke: ${(error as Error).message}`);
        });
        if (reply) say(client, reply);
        client.resume();
        if (!reply || reply.data.code === "SESSION_ERROR") client.close();
      });
    });
    client.on("close", () => {
      this.#sessions.delete(client);
      const closing = session.close().finally(() => this.#closing.delete(closing));
      this.#closing.add(closing);
    });
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const [status, body] = isOfThisHost(request)
        ? await this.#answer(`${request.method} ${pathOf(request)}`, request)
        : [403, { detail: "Forbidden" }];
      response.writeHead(status as number, { "content-type": "application/json" }).end(JSON.stringify(body));
    } catch (error) {
      console.error(error);
      response.writeHead(500, { "content-type": "application/json" }).end('{"detail":"Internal Server Error"}');
    }
  }

  async #answer(what: string, request: IncomingMessage): Promise<[number, unknown]> {
    const { name, description, version } = this.#options;
    switch (what) {
      case "GET /health":
        return [200, { status: "healthy" }];
      case "GET /metadata":
        return [200, { name, description, version, readme_content: null, author: null, documentation_url: null }];
      case "GET /schema":
        return [200, schemas];
      case "GET /state":
        return [200, { episode_id: null, step_count: 0 }];
      case "GET /list_environments":
        return [200, [name]];
      case "POST /reset":
        return this.#resetOnce(await bodyOf(request));
      case "POST /step":
        return [409, { detail: "Every request has an environment of its own: connect to /ws to take steps." }];
      case `GET /${name}/splits`:
        return [200, this.#splits().map((split) => ({ name: split, type: split }))];
      default:
        return this.#answerTasks(what, request);
    }
  }

  async #answerTasks(what: string, request: IncomingMessage): Promise<[number, unknown]> {
    const { name } = this.#options;
    const route = ["tasks", "num_tasks", "task", "task_range"].find((one) => what === `POST /${name}/${one}`);
    if (route === undefined) return [404, { detail: "Not Found" }];
    const { split, index, start, stop } = await bodyOf(request);
    if (!this.#splits().includes(split as "train")) return [400, { detail: `there is no split ${String(split)}` }];
    // A task's own fields may hold its answer: a client learns its name, and the rest from a reset.
    const ids = this.#options.tasks[split as "train" | "test"].map(({ id }, at) => ({ id, split, index: at }));
    switch (route) {
      case "tasks":
        return [200, { tasks: ids, env_name: name }];
      case "num_tasks":
        return [200, { num_tasks: ids.length }];
      case "task": {
        const task = ids[Number(index)];
        return task ? [200, { task }] : [400, { detail: "Invalid task index" }];
      }
      default:
        return [200, { tasks: ids.slice(Number(start ?? 0), stop === undefined ? undefined : Number(stop)) }];
    }
  }

  async #resetOnce(data: Record<string, unknown>): Promise<[number, unknown]> {
    await using session = new OpenEnvSession(this.#options.environment(), this.#options.tasks, () => this.#drawCount++);
    const reply = (await session.answer(JSON.stringify({ type: "reset", data })))!;
    if (reply.type === "observation") return [200, reply.data];
    return [reply.data.code === "VALIDATION_ERROR" ? 422 : 500, { detail: reply.data.errors ?? reply.data.message }];
  }

  #splits(): ("train" | "test")[] {
    return (["train", "test"] as const).filter((split) => this.#options.tasks[split].length > 0);
  }
}

const message = {
  type: "object",
  properties: { role: { enum: ["system", "user", "assistant", "tool"] }, content: { type: "string" } },
  required: ["role", "content"],
};
const metadata = { type: "object", title: "Metadata", additionalProperties: true };
const observation = {
  type: "object",
  title: "ChatObservation",
  description: "At a reset the conversation, its last message the one to answer; then what follows the response.",
  properties: {
    done: { type: "boolean", default: false },
    reward: { anyOf: [{ type: "number" }, { type: "null" }], default: null },
    metadata,
    messages: { type: "array", items: message },
  },
  required: ["messages"],
};
const schemas = {
  action: {
    type: "object",
    title: "ChatAction",
    properties: { metadata, response: { type: "string", title: "Response", description: "of a chat model, whole" } },
    required: ["response"],
    additionalProperties: false,
  },
  observation,
  reset_observation: observation,
  state: {
    type: "object",
    title: "ChatState",
    properties: {
      episode_id: { anyOf: [{ type: "string" }, { type: "null" }] },
      step_count: { type: "integer", minimum: 0 },
      task: { anyOf: [{ type: "string" }, { type: "null" }] },
    },
  },
};

function say(client: WebSocket, reply: Reply): void {
  if (client.readyState === client.OPEN) client.send(JSON.stringify(reply));
}

/** Empty for what is no path. */
function pathOf({ url = "/" }: IncomingMessage): string {
  try {
    return decodeURIComponent(new URL(url, "http://here").pathname);
  } catch {
    return "";
  }
}

/**
 * A page from elsewhere may reach this machine through somebody's browser, and then says where it is from; a name that
 * somebody else gives out may be made to lead here, an address may not.
 */
function isOfThisHost({ headers: { origin, host } }: IncomingMessage): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const { host: from, hostname } = new URL(origin);
  return from === host && (hostname === "localhost" || isIP(hostname.replace(/^\[|\]$/g, "")) !== 0);
}

/** An object; an empty one where there is none to read. */
async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > maxBodyBytes) return {};
  }
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {}; // what is no JSON names nothing, and is refused for that
  }
}
