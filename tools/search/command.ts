// `iterant search`: greedy and other searches on tasks of a world, with a model or a run's newest checkpoint.
// Every node is on disk before it is shown; a search that was broken off goes on at its last node.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Command, Option } from "commander";
import {
  type Finding,
  type RunConfig,
  reportOf,
  SearcherActor,
  type SearchOptions,
  type SearchPolicyName,
  type SearchReport,
  searchPolicies,
  selectionRule,
  worldConfigOf,
} from "../../actors/index.ts";
import type { Task } from "../../envs/index.ts";
import { recordedConfig } from "../config/recorded.ts";
import { resolveConfig } from "../config/resolve.ts";
import { checkpointModel } from "../eval.ts";
import { exitCodes, Failure } from "../failure.ts";
import { withFixedPolicy } from "../fixed-policy.ts";
import { findRun, newFolder, runsFolder, timedName } from "../run-folder.ts";
import { configOf, parseCount } from "../train/command.ts";
import { checkMachine } from "../train/machine.ts";
import { evaluationSampling, findModel } from "../train/model.ts";
import { loadProblems } from "../train/problems.ts";
import { renderReport, SearchProgress } from "./view.ts";

interface SearchFlags {
  preset?: string;
  model?: string;
  problems?: string;
  policy: SearchPolicyName;
  steps?: number;
  samples?: number;
  count?: number;
  seed?: number;
  selection?: SearchOptions["selection"];
  drafts?: number;
  debug?: number;
  ties?: SearchOptions["ties"];
  name?: string;
  resume?: string;
  json?: boolean;
  set: string[];
}

/** What a search was started with; enough to go on with it. */
interface Plan {
  config: RunConfig;
  options: SearchOptions;
  modelFolder: string;
  /** Searches on each task. */
  samples: number;
  tasks: readonly Task[];
}

const files = { plan: "search.json", report: "report.json", journal: "search" } as const;

export function searchCommand(): Command {
  return new Command("search")
    .description("search for the best answer to each task: draft, improve, mend, and keep the best")
    .argument("[run]", "a run's name or folder, whose newest checkpoint searches; leave out with --model")
    .option("--model <folder>", "a Hugging Face causal LM folder, or tiny")
    .option("--preset <name>", "with --model: the world and its settings", "tiny")
    .option("--problems <source>", "tasks; the held-out ones of the run or preset unless given")
    .addOption(
      new Option("--policy <name>", "greedy as in the paper, or AIDE's or AIRA's rules")
        .choices(Object.keys(searchPolicies))
        .default("greedy"),
    )
    .option("--steps <K>", "nodes after the first; the policy's own number unless given", parseCount)
    .option("--drafts <n>", "nodes without a parent, made first", parseCount)
    .option("--debug <p>", "how often a broken leaf is mended while something valid could be improved", Number)
    .addOption(new Option("--ties <which>", "which of two equals is the best").choices(["newer", "older"]))
    .addOption(
      new Option("--selection <whose>", "whose score decides; the grader's are test scores").choices([
        "grader",
        "validation",
      ]),
    )
    .option("--samples <n>", "searches on each task", parseCount, 1)
    .option("--count <n>", "tasks at most, drawn by the seed", parseCount)
    .option("--seed <n>", "of tasks, samples and choices", parseCount)
    .option("--name <name>", "of its folder beside the runs; model and time unless given")
    .option("--resume <name>", "go on with a search where it was broken off; no other flag is needed")
    .option("--json", "one JSON object instead of a table")
    .option(
      "--set <key=value>",
      "any other key of a configuration; repeatable",
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .addHelpText(
      "after",
      `
Examples:
  iterant search --model tiny --steps 4 --count 20          the demo's tasks, each improved four times
  iterant search my-run --policy aide --samples 4           the newest checkpoint of a run, with AIDE's rules
  iterant search --resume 20261125-101500-search            after Ctrl-C, a crash or a full disk`,
    )
    .action(async (run: string | undefined, flags: SearchFlags) => {
      const folder =
        flags.resume === undefined
          ? newFolder(flags.name ?? timedName("search"), "iterant search --resume")
          : oldSearchFolder(flags.resume);
      const plan = flags.resume === undefined ? await planOf(run, flags) : readPlan(folder);
      if (flags.resume === undefined) {
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, files.plan), `${JSON.stringify(plan, null, 2)}\n`);
      }
      const report = await runSearch(plan, folder);
      writeFileSync(join(folder, files.report), `${JSON.stringify(report, null, 2)}\n`);
      console.log(flags.json ? JSON.stringify(report) : renderReport(report, folder));
    });
}

async function planOf(run: string | undefined, flags: SearchFlags): Promise<Plan> {
  const from = flags.model === undefined ? findRun(run) : undefined;
  const { model, preset, set } = flags;
  const config =
    from === undefined
      ? configOf({ set, ...(model ? { model } : {}), ...(preset ? { preset } : {}) })
      : recordedConfig(from);
  if (flags.seed !== undefined) config.seed = flags.seed;
  if (flags.count !== undefined) config.evaluation.problems = flags.count;
  if (flags.problems !== undefined) {
    config.problems = { ...config.problems, train: flags.problems, heldOut: null, heldOutShare: 1 };
  }
  checkMachine(config);
  const { heldOut } = await loadProblems(config, { isTrainingNeeded: false });
  const modelFolder = from === undefined ? findModel(config.model) : checkpointModel(from, config.model);
  return { config, options: optionsOf(flags), modelFolder, samples: flags.samples ?? 1, tasks: heldOut };
}

/** @throws Failure `usage` */
function optionsOf({ policy, steps, drafts, debug, ties, selection }: SearchFlags): SearchOptions {
  if (debug !== undefined && !(debug >= 0 && debug <= 1)) {
    throw new Failure(exitCodes.usage, `--debug ${debug} is no probability: give a number from 0 to 1.`);
  }
  return {
    ...searchPolicies[policy],
    ...(steps === undefined ? {} : { steps }),
    ...(drafts === undefined ? {} : { draftCount: Math.max(1, drafts) }),
    ...(debug === undefined ? {} : { debugProbability: debug }),
    ...(ties === undefined ? {} : { ties }),
    ...(selection === undefined ? {} : { selection }),
  };
}

async function runSearch(
  { config, options, modelFolder, samples, tasks }: Plan,
  folder: string,
): Promise<SearchReport> {
  const progress = new SearchProgress(process.stderr, { tasks: tasks.length, samples, options });
  process.stderr.write(
    `  ${tasks.length} tasks, ${samples} searches each, ${options.steps} steps after the first node\n`,
  );
  process.stderr.write(`  ${selectionRule(options)}\n  model ${modelFolder}\n`);
  return withFixedPolicy(
    { name: "search", modelFolder, config, afterInterrupt: `go on with: iterant search --resume ${basename(folder)}` },
    (program, inference) => {
      const sampling = evaluationSampling(modelFolder, config);
      const journal = join(folder, files.journal);
      const { seed } = config;
      const asked = { world: worldConfigOf(config), tasks, options, samples, sampling, seed, folder: journal };
      return program.add(SearcherActor, [asked, inference], { name: "searcher", placement: "thread" });
    },
    async (actor) => {
      const searcher = actor.with({ deadlineMs: null });
      const findings: Finding[] = [];
      try {
        for await (const finding of searcher.run(0)) {
          findings.push(finding as Finding);
          progress.tell(finding as Finding);
        }
        return reportOf(findings, options, await searcher.sampleScores());
      } finally {
        progress.end();
      }
    },
  );
}

function oldSearchFolder(name: string): string {
  const folder = [name, join(runsFolder(), name)].find((one) => existsSync(join(one, files.plan)));
  if (folder !== undefined) return folder;
  throw new Failure(exitCodes.usage, `no search '${name}' in ${runsFolder()}: give the name it was started with.`);
}

function readPlan(folder: string): Plan {
  const plan = JSON.parse(readFileSync(join(folder, files.plan), "utf8")) as Plan;
  return { ...plan, config: resolveConfig([plan.config]) };
}
