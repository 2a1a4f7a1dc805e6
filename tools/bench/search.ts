// What searching costs beside running the programs: a greedy search on a synthetic competition, with a policy that needs
// no model. The floor is the same program, as often, in Python without walls, grades and prompts.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  competitionsOf,
  openGrader,
  openWorld,
  type SearchNode,
  search,
  searchPolicies,
  worldPython,
} from "../../actors/index.ts";
import { dataVariable, scriptedPolicy } from "../../envs/index.ts";
import { type Candidate, timed } from "./measure.ts";

const competition = "synth-conductors";
/** Nodes of one search, the first draft included. */
const nodeCount = 4;

/** @throws InfrastructureError `worker_start` where the packages of competitions are missing */
export async function searchBench(): Promise<{ candidate: Candidate; close: () => Promise<void> }> {
  const grader = openGrader("synthetic");
  const { publicFolder } = await grader.open(competition);
  const { baseline } = (await grader.programs(competition))!;
  const tasks = await competitionsOf(grader, "synthetic");
  const task = await tasks.get(competition);
  await grader.close();
  const world = await openWorld({
    domain: "mle",
    source: "synthetic",
    wording: "programs",
    scoreRanges: "full",
    sandbox: "auto",
    allowWeakSandbox: true,
    stdio: "pipe",
    reuse: false,
    wallSeconds: 120,
    memoryMegabytes: 4096,
  });
  const policy = scriptedPolicy([baseline]);
  let seed = 0;
  const searchOnce = async () => {
    seed += 1;
    const nodes: SearchNode[] = [];
    const found = search({
      task,
      sample: 0,
      seed,
      options: { ...searchPolicies.greedy, steps: nodeCount - 1 },
      environment: () => world.environment("evaluate"),
      answer: async (messages) => ({ text: policy(messages), tokenCount: 0, generateMs: 0 }),
    });
    for await (const node of found) nodes.push(node);
    const lost = nodes.find(({ isValid }) => !isValid);
    if (lost) throw new Error(`a program that should work is ${lost.outcome}: ${lost.feedback ?? lost.failure}`);
  };
  const runBare = async () => {
    for (let node = 0; node < nodeCount; node += 1) await bare(baseline, publicFolder);
  };
  return {
    candidate: {
      name: "greedy search, steps",
      unit: "/min",
      sample: () => stepsPerMinute(searchOnce),
      floor: { name: "the same programs in Python", unit: "/min", sample: () => stepsPerMinute(runBare) },
    },
    close: () => world.close(),
  };
}

async function stepsPerMinute(work: () => Promise<unknown>): Promise<number> {
  return (60_000 * nodeCount) / (await timed(work));
}

async function bare(program: string, publicFolder: string): Promise<void> {
  const cwd = await mkdtemp(join(tmpdir(), "iterant-bench-"));
  try {
    const env = { ...process.env, OMP_NUM_THREADS: "1", [dataVariable]: publicFolder };
    await promisify(execFile)(worldPython("code"), ["-c", program], { cwd, env });
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
