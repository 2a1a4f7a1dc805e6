// The world of multi-turn tool use: requests one after another, functions to call, a word to say when one is done.
// Knows how a response is read and when an episode ends; what calls do and are worth, the suite knows.
import type { Environment } from "../environment.ts";
import { createEnvironment, type SessionOptions } from "../session.ts";
import type { World } from "../world.ts";
import { type DocStyle, systemPrompt } from "./prompt.ts";
import { readResponse, toolStops } from "./response.ts";
import type { RewardProfile, ToolSession } from "./session.ts";
import type { ToolSuite } from "./suite.ts";
import type { ToolTask } from "./task.ts";

export interface ToolOptions {
  suite: ToolSuite;
  /** `first`: an episode is the first request alone, as in training; `all`: one after the other. */
  requests: "first" | "all";
  /** `exit` unless said. */
  profile?: RewardProfile;
  /** What somebody who tries a response again is told of it: the results of its calls, or nothing, the default. */
  feedback?: "none" | "tool_result";
  /** How functions are described; `json`, as they are published, unless said. */
  docs?: DocStyle;
}

interface ToolState {
  task: ToolTask;
  session: ToolSession;
  prompt: string;
  /** Of the APIs, as the helper gave it last. */
  digest: string;
  /** The request under way, from 0. */
  request: number;
}

/** Limits of the paper: 10 responses to the first request, 60 to all of them together. */
export const toolLimits = { first: { maxTurnsPerRequest: 10 }, all: { maxTurns: 60 } } as const;

export function toolEnvironment(options: ToolOptions & SessionOptions<ToolTask>): Environment<ToolTask> {
  return createEnvironment(toolWorld(options), { limits: toolLimits[options.requests], ...options });
}

/** The rules alone. Quality is 1 or 0: of the first request where that is the episode, else whether the first was met. */
export function toolWorld(options: ToolOptions): World<ToolTask, ToolState> {
  const { suite, requests, profile = "exit", feedback = "none", docs = "json" } = options;
  const countOf = (task: ToolTask) => (requests === "first" ? 1 : task.requests.length);
  return {
    id: suite.name === "bfcl" ? "bfcl-multi-turn" : `tools-${suite.name}`,
    version: `1-${requests}-${profile}-${docs}`,
    stopStrings: toolStops,
    async open(task, _seed, { signal }) {
      const prompt = systemPrompt(await suite.docs(task.apis), docs);
      const session = suite.session(task);
      try {
        return { task, session, prompt, digest: await session.begin(signal), request: 0 };
      } catch (error) {
        await session.close();
        throw error;
      }
    },
    opening({ task, prompt }) {
      const request = { role: "user" as const, content: task.requests[0]! };
      return docs === "none" ? [request] : [{ role: "system", content: prompt }, request];
    },
    async respond(state, response, { signal }) {
      const read = readResponse(response);
      switch (read.kind) {
        case "error":
          return { messages: [], terminated: true, responseKind: read.kind };
        case "finished": {
          const { verdict, digest } = await state.session.endRequest(signal);
          state.digest = digest;
          state.request += 1;
          const info = { verdict };
          if (state.request >= countOf(state.task))
            return { messages: [], terminated: true, responseKind: read.kind, info };
          const content = state.task.requests[state.request]!;
          return { messages: [{ role: "user", content }], terminated: false, responseKind: read.kind, info };
        }
        case "tool": {
          const { results, calls, succeeded, digest } = await state.session.take(read.text, signal);
          state.digest = digest;
          const content = JSON.stringify(results);
          const told = feedback === "tool_result" ? { feedback: content } : {};
          return toolMessage(content, read.kind, { ...told, info: { calls, succeeded, digest } });
        }
        case "none":
          return toolMessage(
            "No <tool>…</tool>, <TASK_FINISHED> or <TASK_ERROR> was found in the response.",
            read.kind,
          );
      }
    },
    async quality({ task, session }, { signal }) {
      const { quality, fulfilled } = await session.score(profile, countOf(task), signal);
      const first = fulfilled[0] ? 1 : 0;
      const metrics: Record<string, number> = {
        first_turn: first,
        total_return: fulfilled.filter(Boolean).length,
        all_requests: quality,
      };
      // Of the tasks that have it: a mean that leaves out the others.
      if (suite.name === "bfcl" && task.knownBad === undefined) metrics.first_turn_sound = first;
      return { quality: requests === "first" ? quality : first, metrics };
    },
    digest: ({ digest, request }) => ({ digest, request }),
    instruction: ({ task, request }) => task.requests[request]!,
    fork: async (state, { signal }) => ({ ...state, session: await state.session.fork(signal) }),
    close: ({ session }) => session.close(),
  };
}

function toolMessage(content: string, responseKind: string, more: object = {}) {
  return { messages: [{ role: "tool" as const, content }], terminated: false, responseKind, ...more };
}
