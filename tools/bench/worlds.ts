// What worlds cost: verifications, calls of functions, restoring an episode, programs in the sandbox, searching. Floors
// are one Python process of its own.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openToolSuite, selfIterationPrompts } from "../../actors/index.ts";
import {
  MathVerifier,
  replay,
  type Snapshot,
  type ToolSuite,
  type ToolTask,
  toolEnvironment,
} from "../../envs/index.ts";
import { localPython } from "../../runtime/index.ts";
import { type Candidate, interleave, type Measured, quantile, timed } from "./measure.ts";
import { programsBench } from "./programs.ts";
import { searchBench } from "./search.ts";
import { toolCallsBench } from "./tool-calls.ts";

const floors = fileURLToPath(new URL("../../../tools/bench/worlds.py", import.meta.url));
const verifications = 300;

export async function benchWorlds(rounds: number): Promise<Measured[]> {
  const { executable, path } = localPython();
  await using verifier = new MathVerifier({ python: executable, pythonPath: path, processCount: 1, cacheSize: 0 });
  await using suite = await openToolSuite("office:tiny:1");
  const task = await (await suite.tasks()).get(0);
  await verifier.ready;
  const searching = await searchBench();
  const calling = await toolCallsBench();
  const running = await programsBench();
  const candidates: Candidate[] = [
    {
      name: "verifications, one helper",
      unit: "/s",
      sample: () => rateOf(verifications, () => verifyAll(verifier)),
      floor: { name: "verifications, in Python", unit: "/s", sample: () => floor("verify", verifications) },
    },
    { name: "a verification, p99 of 200 in a row", unit: "ms", sample: () => slowVerification(verifier) },
    ...calling.candidates,
    { name: "an episode of ten calls restored", unit: "ms", sample: await restoring(suite, task) },
    ...running.candidates,
    searching.candidate,
  ];
  try {
    return await interleave(candidates, rounds);
  } finally {
    await calling.close();
    await running.close();
    await searching.close();
  }
}

async function rateOf(count: number, work: () => Promise<unknown>): Promise<number> {
  return (1000 * count) / (await timed(work));
}

function verifyAll(verifier: MathVerifier): Promise<unknown> {
  return Promise.all(
    Array.from({ length: verifications }, (_, index) =>
      verifier.verify(String(index), `so it is \\boxed{${index + (index % 2)}}`),
    ),
  );
}

async function slowVerification(verifier: MathVerifier): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < 200; index += 1) {
    times.push(await timed(() => verifier.verify(String(index), `so it is \\boxed{${index + (index % 2)}}`)));
  }
  return quantile(times, 0.99);
}

async function restoring(suite: ToolSuite, task: ToolTask): Promise<() => Promise<number>> {
  const open = () => toolEnvironment({ suite, requests: "all", docs: "none", prompts: selfIterationPrompts });
  await using played = open();
  await played.reset({ task, seed: 0, prefix: [], mode: "base" });
  for (let call = 0; call < 10; call += 1) {
    await played.step('<tool>[{"name": "order_part", "args": {"part": "bolt", "count": 1}}]</tool>');
  }
  const snapshot: Snapshot = played.snapshot();
  return async () => {
    await using again = open();
    return await timed(() => replay(again, snapshot, task));
  };
}

async function floor(what: "verify", count: number): Promise<number> {
  const { executable, path } = localPython();
  const env = { ...process.env, PYTHONPATH: path.join(":"), PYTHONHASHSEED: "0" };
  const { stdout } = await promisify(execFile)(executable, [floors, what, String(count)], { env });
  return Number(stdout);
}
