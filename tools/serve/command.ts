// `iterant serve`: a world of ours for clients of another system, until Ctrl-C.
import { once } from "node:events";
import { Command } from "commander";
import { exitCodes, Failure } from "../failure.ts";
import { Interruption } from "../interruption.ts";
import { parseCount } from "../train/command.ts";
import { openNamedWorld, worldNames } from "../worlds/named.ts";
import { OpenEnvServer, type OpenEnvServerOptions } from "./openenv-server.ts";

interface ServeFlags {
  openenv: string;
  host: string;
  port: number;
  sessions: number;
}

export function serveCommand(): Command {
  return new Command("serve")
    .description("a world for clients of another system: they reset and step it over the network")
    .requiredOption("--openenv <world>", `by OpenEnv's protocol: ${worldNames}`)
    .option("--host <address>", "where to listen; nobody is asked who they are", "127.0.0.1")
    .option("--port <n>", "0 for any that is free", parseCount, 8000)
    .option("--sessions <n>", "at a time; further ones are told that it is full", parseCount, 64)
    .addHelpText(
      "after",
      `
An action is {"response": "what a chat model says"}; an observation is {"messages": [{"role", "content"}, …]}.
A reset takes a seed, or split and index, or task; the reward comes with the end. Ctrl-C ends it in order.

Examples:
  iterant serve --openenv math:generated:1-3        GenericEnvClient(base_url="http://127.0.0.1:8000")
  iterant serve --openenv tools:office:easy --port 9000`,
    )
    .action(async ({ openenv, host, port, sessions }: ServeFlags) => {
      using interruption = new Interruption();
      await using named = await openNamedWorld(openenv);
      const { world, train, heldOut } = named;
      const { id, version } = world.environment("evaluate"); // it costs nothing until its first reset
      await using server = await listen({
        name: id,
        version,
        description: `${openenv}, served by Iterant.`,
        tasks: { train, test: heldOut },
        environment: () => world.environment("evaluate"),
        host,
        port,
        maxSessions: sessions,
      });
      console.log(`${id} at ${server.url}: ${train.length} tasks in train, ${heldOut.length} in test; Ctrl-C ends it.`);
      if (!interruption.signal.aborted) await once(interruption.signal, "abort");
    });
}

async function listen(options: OpenEnvServerOptions): Promise<OpenEnvServer> {
  try {
    return await OpenEnvServer.open(options);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Failure(exitCodes.usage, `cannot listen at ${options.host}:${options.port}: ${message}.`);
  }
}
