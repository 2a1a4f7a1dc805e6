// A pseudo-terminal as the three descriptors of a confined program. Bytes come as they do from pipes; what the line
// settings are, and who controls the terminal, the runner inside decides.
import { Pty } from "../terminal/pty.ts";
import type { ProgramStdio } from "./stdio.ts";

/** Whoever still holds the far end when the program is dead may keep us waiting so long. */
const drainMs = 10_000;

/** A terminal for one job. @throws InfrastructureError `terminal_start` if none can be had */
export async function terminal(): Promise<ProgramStdio> {
  const pty = await Pty.open();
  return {
    descriptors: [pty.slave, pty.slave, pty.slave],
    connect: (_streams, hear) => pty.start(hear),
    drained: async () => {
      await pty.drain(drainMs);
    },
    close: () => pty.close(),
  };
}
