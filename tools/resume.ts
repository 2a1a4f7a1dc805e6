// `iterant resume RUN`: goes on where a run stopped, from its newest whole checkpoint.
// Buffer, ledger, optimiser, reference and random streams continue; what was under way at the checkpoint is cancelled.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { type CheckpointExtra, readIndex } from "../actors/index.ts";
import { localPython } from "../runtime/index.ts";
import { parseSetting } from "./config/layer.ts";
import { recordedConfig } from "./config/recorded.ts";
import { exitCodes, Failure } from "./failure.ts";
import { findRun, readSummary, runFiles } from "./run-folder.ts";
import { parseCount } from "./train/command.ts";
import { checkMachine } from "./train/machine.ts";
import { evaluationSampling, findModel } from "./train/model.ts";
import { loadProblems } from "./train/problems.ts";
import { runSession } from "./train/session.ts";

interface ResumeFlags {
  iterations?: number;
  set: string[];
}

export function resumeCommand(): Command {
  return new Command("resume")
    .description("go on with a run that was interrupted or broke off")
    .argument("[run]", "a run's name or folder", "latest")
    .option("--iterations <n>", "so many iterations in all, also for a run that was done", parseCount)
    .option(
      "--set <key=value>",
      "change a key from here on; repeatable",
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .addHelpText(
      "after",
      `
Examples:
  iterant resume                         the newest run
  iterant resume runs/x --iterations 600 a finished run, for longer`,
    )
    .action(async (name: string, flags: ResumeFlags) => {
      await resume(findRun(name), flags);
    });
}

async function resume(folder: string, { iterations, set }: ResumeFlags): Promise<void> {
  const settings = set.map(parseSetting);
  const config = recordedConfig(folder, settings);
  if (iterations !== undefined) config.training = { ...config.training, iterations, targetMinutes: null };
  const summary = readSummary(folder);
  if (summary?.finished && iterations === undefined) {
    throw new Failure(
      exitCodes.usage,
      `${folder} is finished (${summary.steps} iterations). Give --iterations to go on for longer.`,
    );
  }
  checkMachine(config);
  const checkpoint = newestCheckpoint(folder);
  const beganMs = performance.now();
  const modelFolder = findModel(config.model);
  const { train, heldOut } = await loadProblems(config);
  const from =
    checkpoint === null ? "its beginning: there is no checkpoint yet" : `iteration ${checkpoint.extra.iteration}`;
  process.stderr.write(`  going on from ${from}\n`);
  await runSession({
    plan: {
      config,
      folder,
      modelFolder,
      tasks: { train, heldOut },
      evaluationSampling: evaluationSampling(modelFolder, config),
      life: (await lastLife(folder)) + 1,
      resume: checkpoint,
    },
    setup_s: (performance.now() - beganMs) / 1000,
  });
}

/** The newest checkpoint that is whole, every byte of it; those that are not are named. */
function newestCheckpoint(folder: string): { folder: string; extra: CheckpointExtra } | null {
  const { executable, path } = localPython();
  const { status, stdout, stderr } = spawnSync(
    executable,
    ["-m", "iterant.checkpoint", "latest", join(folder, runFiles.checkpoints)],
    { encoding: "utf8", env: { ...process.env, PYTHONPATH: path.join(":") } },
  );
  if (status !== 0)
    throw new Failure(exitCodes.machine, `cannot look for checkpoints: ${stderr.trim().split("\n").at(-1)}`);
  if (stderr.trim() !== "") process.stderr.write(`  ${stderr.trim()}\n`);
  const found = stdout.trim();
  if (found === "") return null;
  const extra = JSON.parse(readFileSync(join(found, "extra.json"), "utf8")) as CheckpointExtra;
  return { folder: found, extra };
}

/** How often the run has lived: the episodes on disk say so, whatever the checkpoint says. */
async function lastLife(folder: string): Promise<number> {
  const episodes = join(folder, runFiles.episodes);
  if (!existsSync(episodes)) return 0;
  return (await readIndex(episodes)).reduce((last, { life }) => Math.max(last, life), 0);
}
