// What `--verify` prints: how far it is, each divergence with both sides, the counts, and what was compared.
// Knows nothing of how episodes are executed.
import type { EpisodeLine } from "../../actors/index.ts";
import { Progress } from "../live/progress.ts";
import { pairLines } from "./columns.ts";
import { countOf, listCounts } from "./figures.ts";
import type { Terminal } from "./terminal.ts";
import { clip, harmless, oneLine } from "./text.ts";
import { type Divergence, promisesOf, type VerifyOptions, verify } from "./verify.ts";

/** Lines that are shown of a difference of texts. */
const shownLineCount = 6;

/** Verifies and prints; resolves with how many episodes diverged. */
export async function reportVerify(
  folder: string,
  lines: readonly EpisodeLine[],
  options: VerifyOptions,
  terminal: Terminal,
  { isJson }: { isJson: boolean },
): Promise<number> {
  const counts = { same: 0, diverged: 0, unknown: 0 };
  const causes: Record<string, number> = {};
  const progress = new Progress("verifying", lines.length);
  progress.show(0);
  try {
    await verify(folder, lines, options, (verified) => {
      const { outcome, divergence, cause, message, id } = verified;
      counts[outcome] += 1;
      if (isJson || divergence || message) progress.clear();
      if (message && !(cause! in causes))
        console.error(`iterant: ${oneLine(id)} could not be told: ${oneLine(message)}`);
      if (cause !== null) causes[cause] = (causes[cause] ?? 0) + 1;
      if (isJson) terminal.write(JSON.stringify(verified));
      else if (divergence) showDivergence(id, divergence, terminal);
      progress.show(counts.same + counts.diverged + counts.unknown);
    });
  } catch (error) {
    if (!options.signal?.aborted) throw error;
  }
  progress.clear();
  const unknown = counts.unknown === 0 ? "" : ` (${listCounts(causes)})`;
  const sum =
    `${countOf(counts.same + counts.diverged + counts.unknown, "episode")} verified · ${countOf(counts.same)} same · ` +
    `${countOf(counts.diverged)} diverged · ${countOf(counts.unknown)} could not be told${unknown}`;
  const compared = `compared: ${promisesOf(options.config.domain).compared}`;
  if (isJson) process.stderr.write(`${sum}\n${compared}\n`);
  else {
    terminal.write(sum);
    terminal.write(terminal.dim(compared));
  }
  return counts.diverged;
}

function showDivergence(id: string, divergence: Divergence, terminal: Terminal): void {
  const { turn, what, recorded, now } = divergence;
  const place = turn === 0 ? "before the first turn" : `at turn ${turn}`;
  const isShort = [recorded, now].every((text) => !text.includes("\n") && text.length <= 40);
  const head = `${terminal.bold(oneLine(id))}  ${terminal.warn(`diverged ${place}: ${what}`)}`;
  terminal.write(isShort ? `${head} · recorded ${oneLine(recorded)}, now ${oneLine(now)}` : head);
  if (isShort) return;
  const pairs = pairLines(harmless(recorded).split("\n"), harmless(now).split("\n"));
  const changed = pairs.filter(({ kind }) => kind !== "same");
  for (const { kind, left, right } of changed.slice(0, shownLineCount)) {
    if (kind !== "right") terminal.write(terminal.bad(clip(`    - ${left}`, terminal.width)));
    if (kind !== "left") terminal.write(terminal.good(clip(`    + ${right}`, terminal.width)));
  }
  const leftCount = changed.length - shownLineCount;
  if (leftCount > 0) terminal.write(terminal.dim(`    and ${countOf(leftCount, "more line")}`));
}
