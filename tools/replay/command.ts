// `iterant replay`: the episodes of a run, one of them in full or its terminal, or all of them scored or executed again.
// From flags to one of these; a recording that is damaged is read as far as it goes, and each damage is said once.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { type EpisodeLine, exitOptionsOf } from "../../actors/index.ts";
import { readDoor } from "../attach/door.ts";
import { parseSetting } from "../config/layer.ts";
import { recordedConfig } from "../config/recorded.ts";
import { exitCodes, Failure } from "../failure.ts";
import { Interruption } from "../interruption.ts";
import { findRun, readConfig, runFiles } from "../run-folder.ts";
import { parseCount } from "../train/command.ts";
import { tinyFolder } from "../train/model.ts";
import { findEpisode } from "./find.ts";
import { type ListFlags, listEpisodes } from "./list.ts";
import { openStage } from "./play.ts";
import { profileNames, settingOf } from "./profile.ts";
import { type OnDamage, tryReadGroup } from "./recording.ts";
import { reportRescore } from "./rescore-report.ts";
import { selectEpisodes } from "./selection.ts";
import { showEpisode } from "./show.ts";
import { openTerminal, type Terminal } from "./terminal.ts";
import { decodeTokens, showTokens } from "./tokens.ts";
import { reportVerify } from "./verify-report.ts";
import { creditOf, type EpisodeView, findRelatives } from "./view.ts";
import { watchTerminal } from "./watch.ts";

interface ReplayFlags extends ListFlags {
  /** The name of a profile, or just so. */
  rescore?: string | true;
  verify?: boolean;
  set: string[];
  tokens?: boolean;
  /** A turn, or just so. */
  terminal?: number | true;
  speed?: number;
  instant?: boolean;
  asciicast?: string;
}

export function replayCommand(): Command {
  return new Command("replay")
    .description("look at recorded episodes: list them, read one turn by turn, score or execute them again")
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
    .addOption(
      new Option(
        "--terminal [turn]",
        "of one episode: play what its program's terminal showed; in a pipe, the lines that were on its screen",
      ).argParser(parseCount),
    )
    .addOption(new Option("--speed <factor>", "with --terminal: so many times as fast").argParser(parseSpeed))
    .option("--instant", "with --terminal: all its lines at once")
    .option("--asciicast <file>", "with --terminal: write it there for other players, instead of playing it")
    .option("--verify", "execute again in a fresh world and name each first divergence; exit code 1 if there is one")
    .addOption(rescoreOption())
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
  iterant replay runs/x g12.0.0/3 --terminal       what its program showed, as it happened
  iterant replay runs/x --iteration 0..9 --rescore the rewards of ten iterations, checked
  iterant replay runs/x --rescore bfcl_official    what other rules would have paid
  iterant replay runs/x --last 100 --verify        the last episodes, executed again
  iterant replay --rescore --set environments.requireBoxed=true
                                                   what a stricter reward would have said`,
    )
    .action(async (run: string | undefined, episode: string | undefined, flags: ReplayFlags) => {
      await replay(...namedBy(...withoutProfile(run, episode, flags)), flags);
    });
}

/** What may stand behind it is for completion and help alone: the value may be the run as well, see below. */
function rescoreOption(): Option {
  const says = "run the reward code again and name every difference, or print the table of what a profile changes";
  const option = new Option("--rescore [profile]", `${says}; exit code 1 if there is a difference`);
  option.argChoices = [...profileNames];
  return option;
}

/** `iterant replay g12.0.0/3` means the newest run's: an id is no run's name. */
function namedBy(run: string | undefined, episode: string | undefined): [string | undefined, string | undefined] {
  const isId = episode === undefined && run !== undefined && /^g\d+\./.test(run) && !existsSync(run);
  return isId ? [undefined, run] : [run, episode];
}

/** `--rescore runs/x` is no profile but the run, and the episode is what stood before. */
function withoutProfile(
  run: string | undefined,
  episode: string | undefined,
  flags: ReplayFlags,
): [string | undefined, string | undefined] {
  const { rescore } = flags;
  if (typeof rescore !== "string" || profileNames.includes(rescore) || run !== undefined) return [run, episode];
  flags.rescore = true;
  return [rescore, episode];
}

function parseSpeed(text: string): number {
  const speed = Number(text);
  if (!(speed > 0)) throw new InvalidArgumentError("Give a number above 0, as in 2 or 0.5.");
  return speed;
}

async function replay(name: string | undefined, id: string | undefined, flags: ReplayFlags): Promise<void> {
  const run = findRun(name);
  const folder = join(run, runFiles.episodes);
  const onDamage = sayOnce({ isLive: isLive(run) });
  const terminal = openTerminal();
  refuseMixtures(flags, id);
  if (id !== undefined && !flags.verify) await showOne({ run, folder, id, flags, terminal, onDamage });
  else if (flags.rescore || flags.verify) await goThrough({ run, folder, id, flags, terminal, onDamage });
  else await listEpisodes(folder, flags, terminal, onDamage);
}

/** @throws Failure `usage` for flags that say nothing together */
function refuseMixtures(flags: ReplayFlags, id: string | undefined): void {
  const refuse = (isWrong: boolean, why: string) => {
    if (isWrong) throw new Failure(exitCodes.usage, why);
  };
  const { rescore, verify, tokens, terminal, set } = flags;
  refuse(set.length > 0 && !rescore, "--set changes how rewards come about: it goes with --rescore.");
  refuse(rescore !== undefined && verify === true, "--rescore and --verify are two things: ask for one.");
  refuse(id !== undefined && !!rescore, "--rescore takes filters, not an episode: use --task for one.");
  refuse(id === undefined && !!tokens, "--tokens is about one episode: name it behind the run.");
  refuse(id === undefined && !!terminal, "--terminal is about one episode: name it behind the run.");
  for (const name of ["speed", "instant", "asciicast"] as const) {
    refuse(flags[name] !== undefined && !terminal, `--${name} is about a terminal: it goes with --terminal.`);
  }
}

/** Many episodes scored or executed again; Ctrl-C leaves with what is known by then. */
async function goThrough({ run, folder, id, flags, terminal, onDamage }: GoThroughOptions): Promise<void> {
  const lines: EpisodeLine[] = [];
  if (id !== undefined) lines.push(await findEpisode(run, folder, id, onDamage));
  else await selectEpisodes(folder, flags, onDamage, (line) => lines.push(line));
  const recorded = recordedConfig(run);
  const isJson = flags.json === true;
  using interruption = new Interruption();
  const { signal } = interruption;
  const profile = typeof flags.rescore === "string" ? flags.rescore : undefined;
  const settings = [...(profile === undefined ? [] : [settingOf(profile, recorded)]), ...flags.set];
  const config = recordedConfig(run, settings.map(parseSetting));
  const differenceCount = flags.verify
    ? await reportVerify(folder, lines, { config, signal }, terminal, { isJson })
    : await reportRescore(folder, lines, { recorded, config, isJson, signal, ...(profile && { profile }) }, terminal);
  if (differenceCount > 0) process.exitCode = exitCodes.failed;
  if (signal.aborted) process.exitCode = exitCodes.interrupted;
}

interface GoThroughOptions extends Omit<ShowOptions, "id"> {
  id: string | undefined;
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
  if (flags.terminal) {
    using interruption = new Interruption();
    const { speed, asciicast: file, instant: isInstant = false } = flags;
    const options = { isInstant, signal: interruption.signal, ...(speed && { speed }), ...(file && { file }) };
    const turn = flags.terminal === true ? {} : { turn: flags.terminal };
    await watchTerminal(folder, group.episodes[line.at]!, { ...options, ...turn }, openStage());
    return;
  }
  const config = readConfig(run);
  const options = exitOptionsOf(config);
  const view: EpisodeView = {
    folder,
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
