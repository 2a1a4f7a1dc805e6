// `iterant replay`: the episodes of a run, one of them in full, or all of them scored again.
// From flags to one of the three; a recording that is damaged is read as far as it goes, and each damage is said once.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command, Option } from "commander";
import { type EpisodeLine, exitOptionsOf } from "../../actors/index.ts";
import { readDoor } from "../attach/door.ts";
import { parseSetting } from "../config/layer.ts";
import { resolveConfig } from "../config/resolve.ts";
import { exitCodes, Failure } from "../failure.ts";
import { findRun, readConfig, runFiles } from "../run-folder.ts";
import { parseCount } from "../train/command.ts";
import { tinyFolder } from "../train/model.ts";
import { findEpisode } from "./find.ts";
import { type ListFlags, listEpisodes } from "./list.ts";
import { type OnDamage, tryReadGroup } from "./recording.ts";
import { reportRescore } from "./rescore-report.ts";
import { selectEpisodes } from "./selection.ts";
import { showEpisode } from "./show.ts";
import { openTerminal, type Terminal } from "./terminal.ts";
import { decodeTokens, showTokens } from "./tokens.ts";
import { creditOf, type EpisodeView, findRelatives } from "./view.ts";

interface ReplayFlags extends ListFlags {
  rescore?: boolean;
  set: string[];
  tokens?: boolean;
}

export function replayCommand(): Command {
  return new Command("replay")
    .description("look at recorded episodes: list them, read one turn by turn, score them again")
    .argument("[run]", "a run's name or folder; the newest unless given")
    .argument("[episode]", "an episode's id, or the beginning of one")
    .option("--task <id>", "only of this task; the beginning of its id is enough")
    .addOption(new Option("--mode <mode>", "only begun so").choices(["base", "improve", "diverge"]))
    .option("--depth <n|a..b>", "only so many self-iteration steps deep")
    .option("--reward <r>", "only with this reward: 1, >=0.5, 0.2..0.8")
    .option("--iteration <n|a..b>", "only of these iterations")
    .option("--failed", "only those that could not be scored")
    .addOption(new Option("--limit <n>", "the first so many").argParser(parseCount).conflicts("last"))
    .addOption(new Option("--last <n>", "the last so many").argParser(parseCount))
    .option("--all", "the whole table, instead of its last 40 rows")
    .option("--tokens", "of one episode: every token with text, log-probability, version and advantage")
    .option("--rescore", "run the reward code again and name every difference; exit code 1 if there is one")
    .option(
      "--set <key=value>",
      "with --rescore: as it would have been with this, environments.requireBoxed=true for one; repeatable",
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option("--json", "one JSON object a line; all episodes unless limited")
    .addHelpText(
      "after",
      `
Examples:
  iterant replay                                   the newest run's last episodes
  iterant replay runs/x --mode improve --reward 1  improvements that were right
  iterant replay runs/x g12.0.0/3 --tokens         one episode, token by token
  iterant replay runs/x --iteration 0..9 --rescore the rewards of ten iterations, checked
  iterant replay --rescore --set environments.requireBoxed=true
                                                   what a stricter reward would have said`,
    )
    .action(async (run: string | undefined, episode: string | undefined, flags: ReplayFlags) => {
      await replay(...namedBy(run, episode), flags);
    });
}

/** `iterant replay g12.0.0/3` means the newest run's: an id is no run's name. */
function namedBy(run: string | undefined, episode: string | undefined): [string | undefined, string | undefined] {
  const isId = episode === undefined && run !== undefined && /^g\d+\./.test(run) && !existsSync(run);
  return isId ? [undefined, run] : [run, episode];
}

async function replay(name: string | undefined, id: string | undefined, flags: ReplayFlags): Promise<void> {
  const run = findRun(name);
  const folder = join(run, runFiles.episodes);
  const onDamage = sayOnce({ isLive: isLive(run) });
  const terminal = openTerminal();
  if (flags.set.length > 0 && !flags.rescore) {
    throw new Failure(exitCodes.usage, "--set changes how rewards come about: it goes with --rescore.");
  }
  if (id !== undefined) {
    if (flags.rescore)
      throw new Failure(exitCodes.usage, "--rescore takes filters, not an episode: use --task for one.");
    await showOne({ run, folder, id, flags, terminal, onDamage });
  } else if (flags.tokens) {
    throw new Failure(exitCodes.usage, "--tokens is about one episode: name it behind the run.");
  } else if (flags.rescore) {
    const lines: EpisodeLine[] = [];
    await selectEpisodes(folder, flags, onDamage, (line) => lines.push(line));
    const config = resolveConfig([readConfig(run), ...flags.set.map(parseSetting)]);
    const isJson = flags.json === true;
    const differenceCount = await reportRescore(folder, lines, config, terminal, { isJson });
    if (differenceCount > 0) process.exitCode = exitCodes.failed;
  } else await listEpisodes(folder, flags, terminal, onDamage);
}

interface ShowOptions {
  run: string;
  folder: string;
  id: string;
  flags: ReplayFlags;
  terminal: Terminal;
  onDamage: OnDamage;
}

async function showOne({ run, folder, id, flags, terminal, onDamage }: ShowOptions): Promise<void> {
  const line = await findEpisode(run, folder, id, onDamage);
  const group = await tryReadGroup(folder, line);
  if (group === null) {
    throw new Failure(
      exitCodes.failed,
      `the record of ${line.id} cannot be read: ${join(folder, line.segment)} is damaged at byte ${line.offset}. ` +
        `The index knows of it: ${JSON.stringify(line)}`,
    );
  }
  const config = readConfig(run);
  const options = exitOptionsOf(config);
  const view: EpisodeView = {
    line,
    group,
    episode: group.episodes[line.at]!,
    credit: creditOf(group, options),
    ...(await findRelatives(folder, { group, line }, options, onDamage)),
  };
  const texts = flags.tokens ? textsOf(view, config.model) : null;
  if (flags.json) terminal.write(JSON.stringify(asJson(view, texts)));
  else {
    showEpisode(view, terminal);
    if (flags.tokens) showTokens(view.episode, texts, terminal);
  }
}

function textsOf({ episode }: EpisodeView, model: string): string[] | null {
  const decoded = decodeTokens(model === "tiny" ? tinyFolder : resolve(model), episode.ids);
  if ("texts" in decoded) return decoded.texts;
  console.error(`iterant: ids without texts: ${decoded.missing}`);
  return null;
}

/** Everything about the episode; of its siblings what a group is judged by. */
function asJson({ line, group, episode, credit, ancestors, descendants }: EpisodeView, texts: string[] | null): object {
  const { prompts, episodes, ...shared } = group;
  return {
    ...line,
    ...episode,
    promptIds: [...prompts[episode.promptHash]!],
    ids: [...episode.ids],
    mask: [...episode.mask],
    logprobs: [...episode.logprobs],
    versions: [...episode.versions],
    ...(texts ? { texts } : {}),
    group: {
      ...shared,
      score: credit?.score ?? null,
      verdict: credit?.verdict ?? null,
      siblings: episodes.map(({ id, reward, quality, advantage, finish, failure }) => {
        return { id, reward, quality, advantage, finish, failure };
      }),
    },
    ancestors,
    descendants,
  };
}

/** Damage goes to stderr, each sentence once however often the recording is gone through. */
function sayOnce({ isLive }: { isLive: boolean }): OnDamage {
  const said = new Set<string>();
  return (sentence, isOrdinary) => {
    if (said.has(sentence) || (isLive && isOrdinary)) return;
    said.add(sentence);
    console.error(`iterant: ${sentence}`);
  };
}

function isLive(run: string): boolean {
  try {
    readDoor(run);
    return true;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}
