// Every hostile program there is, by what it is after.
import { files } from "./files.ts";
import { kernel } from "./kernel.ts";
import { network } from "./network.ts";
import { output } from "./output.ts";
import { processes } from "./processes.ts";
import type { HostileProgram } from "./program.ts";
import { secrets } from "./secrets.ts";
import { submission } from "./submission.ts";

export const hostilePrograms: Readonly<Record<string, readonly HostileProgram[]>> = {
  files,
  secrets,
  network,
  kernel,
  processes,
  output,
  submission,
};
