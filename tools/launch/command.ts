// `iterant launch`: the same run as `iterant train`, with environment actors on further nodes.
// Engine and learner stay here; everything ends when this command ends, however it ends.
import { Command } from "commander";
import { makeKeys } from "../../runtime/index.ts";
import { exitCodes, Failure } from "../failure.ts";
import { parseCount, type TrainFlags, train, withTrainFlags } from "../train/command.ts";
import { installationFolder, type Place, publicAddress, startMembers } from "./members.ts";

interface LaunchFlags extends TrainFlags {
  nodes?: number;
  hosts?: string;
  address?: string;
  folder?: string;
  sshOption: string[];
}

export function launchCommand(): Command {
  const command = new Command("launch")
    .description("train with environment actors on further nodes: processes on this host, or other hosts over ssh")
    .option("--nodes <n>", "nodes in all, this one included", parseCount)
    .option("--hosts <a,b>", "a further node on each of these hosts, over ssh")
    .option("--address <address>", "where the other hosts reach this one; its first address unless given")
    .option("--folder <path>", "where Iterant lies, built, on the other hosts; the same path as here unless given")
    .option(
      "--ssh-option <option>",
      "given to ssh as -o OPTION; repeatable",
      (value: string, before: string[]) => [...before, value],
      [],
    );
  return withTrainFlags(command)
    .addHelpText(
      "after",
      `
Nodes speak over tcp with CURVE; keys are made for each launch and travel over stdin.
A node that is lost takes its environments with it: they are started again on those that are left.

Examples:
  iterant launch --nodes 2 --preset tiny                 a second node as a process tree of its own
  iterant launch --hosts red,blue --preset tiny          on two other hosts; ssh must work without a password`,
    )
    .action(async (flags: LaunchFlags) => {
      await launch(flags);
    });
}

async function launch(flags: LaunchFlags): Promise<void> {
  const places = placesOf(flags);
  const isLocal = places.every(({ kind }) => kind === "local");
  const keys = makeKeys();
  const address = flags.address ?? (isLocal ? "127.0.0.1" : publicAddress());
  await train(withEnoughEnvironments(flags, places.length), {
    node: { name: "node-a", keys, listen: `tcp://${address}:*` },
    members: (node) => startMembers(node, keys.publicKey, places, (line) => process.stderr.write(`  ${line}\n`)),
  });
}

function placesOf({ nodes, hosts, folder = installationFolder, sshOption }: LaunchFlags): Place[] {
  if (hosts !== undefined && nodes !== undefined) {
    throw new Failure(exitCodes.usage, "--nodes starts nodes on this host, --hosts on others: give one of them.");
  }
  const sshOptions = sshOption.flatMap((option) => ["-o", option]);
  if (hosts !== undefined) {
    const names = hosts
      .split(",")
      .map((host) => host.trim())
      .filter((host) => host !== "");
    if (names.length === 0)
      throw new Failure(exitCodes.usage, "--hosts names no host: write them with commas, as in --hosts red,blue.");
    return names.map((host) => ({ kind: "ssh", host, folder, sshOptions }));
  }
  if (nodes === undefined || nodes < 2) {
    throw new Failure(
      exitCodes.usage,
      "say how many nodes (--nodes 2 or more, this one included), or on which hosts (--hosts a,b).",
    );
  }
  return Array.from({ length: nodes - 1 }, () => ({ kind: "local" }));
}

/** Every further node gets an environment actor at least. */
function withEnoughEnvironments(flags: LaunchFlags, memberCount: number): LaunchFlags {
  const isSaid = flags.set.some((setting) => setting.startsWith("environments.count"));
  return isSaid ? flags : { ...flags, set: [`environments.count=${Math.max(2, memberCount)}`, ...flags.set] };
}
