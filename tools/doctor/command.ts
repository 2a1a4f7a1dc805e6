// `iterant doctor`: what this machine can do and what it lacks, with the cure for each.
import { Command } from "commander";
import { exitCodes } from "../failure.ts";
import { type Finding, lackingIn, renderFindings } from "./finding.ts";
import { examineMachine } from "./machine.ts";
import { examinePrograms } from "./programs.ts";
import { examinePython } from "./python.ts";
import { examineSandboxes } from "./sandbox.ts";

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("say what this machine can and cannot do, and the cure for what it lacks")
    .option("--deep", "import torch and the others too, and measure arithmetic and memory (up to minutes)")
    .option("--json", "one JSON object instead of a page")
    .addHelpText("after", `\nExit code ${exitCodes.machine} if something is missing that every run needs.`)
    .action(async ({ deep = false, json = false }: { deep?: boolean; json?: boolean }) => {
      const findings = await examine({ isDeep: deep });
      const isFit = lackingIn(findings).length === 0;
      console.log(json ? JSON.stringify({ isFit, findings }) : renderFindings(findings));
      if (!isFit) process.exitCode = exitCodes.machine;
    });
}

/** What is measured is measured alone, once the other programs have ended. */
async function examine({ isDeep }: { isDeep: boolean }): Promise<Finding[]> {
  const [machine, programs] = await Promise.all([examineMachine(), examinePrograms()]);
  const python = await examinePython({ isDeep });
  return [...machine, ...python, ...programs, ...(await examineSandboxes())];
}
