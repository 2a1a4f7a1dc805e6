// Competitions as tasks: what the policy is told of each, and a check of each before a run.
// Knows no program; where files are on this machine is asked of the grader when an episode opens.
import { contentHash } from "../digest.ts";
import { InfrastructureError } from "../errors.ts";
import { type Task, type TaskSet, taskSetOf } from "../task.ts";
import type { Competition, CompetitionCheck, CompetitionGrader } from "./grader.ts";

/** A competition: its id is mlebench's, or begins with `synth-`. */
export interface CompetitionTask extends Task {
  readonly source: "synthetic" | "mlebench";
  readonly description: string;
  readonly previews: string;
  readonly sampleName: string;
}

/** Which competitions a policy learns on, and which it is tested on. */
export type CompetitionSplit = { readonly train: readonly string[]; readonly heldOut: readonly string[] };

/** The paper's three and three. */
export const mlebenchSplit: CompetitionSplit = {
  train: ["detecting-insults-in-social-commentary", "spooky-author-identification", "random-acts-of-pizza"],
  heldOut: [
    "nomad2018-predict-transparent-conductors",
    "jigsaw-toxic-comment-classification-challenge",
    "aerial-cactus-identification",
  ],
};

/** The synthetic ones that take after them, in the same order. */
export const syntheticSplit: CompetitionSplit = {
  train: ["synth-insults", "synth-authors", "synth-pizza"],
  heldOut: ["synth-conductors", "synth-toxic", "synth-glyphs"],
};

/** One competition as a task; its files are made or found. @throws InfrastructureError as the grader's `open` */
export async function competitionTaskOf(
  grader: Pick<CompetitionGrader, "open">,
  id: string,
  options: { signal?: AbortSignal } = {},
): Promise<CompetitionTask> {
  const competition = await grader.open(id, options);
  const { source, description, previews, sampleName } = competition;
  return { id, hash: taskHashOf(competition), source, description, previews, sampleName };
}

/** A competition with other public files is another task. */
export function taskHashOf({ id, hash }: Pick<Competition, "id" | "hash">): string {
  return contentHash([id, hash]);
}

/** The competitions of a split as a set. @throws InfrastructureError as the grader's `open` */
export async function competitionTaskSet(
  grader: Pick<CompetitionGrader, "open">,
  split: CompetitionSplit = syntheticSplit,
): Promise<TaskSet<CompetitionTask>> {
  const ids = [...split.train, ...split.heldOut];
  const tasks = await Promise.all(ids.map((id) => competitionTaskOf(grader, id)));
  return taskSetOf("competitions", tasks, ({ id }) => split.heldOut.includes(id));
}

/** What the check of one competition found: its reports, or why there are none. */
export type CheckedCompetition = { readonly id: string; readonly problem: string | null } & Partial<
  Pick<CompetitionCheck, "gold" | "sample">
>;

/**
 * Grades the gold and the sample submission of competitions: both must be valid, and gold must beat sample. To be
 * done before a run: a leaderboard that was never fetched, or data of another version, is found here rather than in it.
 * @param ids all that this machine has, unless said
 */
export async function checkCompetitions(
  grader: Pick<CompetitionGrader, "ids" | "check">,
  ids?: readonly string[],
): Promise<CheckedCompetition[]> {
  return Promise.all((ids ?? (await grader.ids())).map((id) => checkOne(grader, id)));
}

async function checkOne(grader: Pick<CompetitionGrader, "check">, id: string): Promise<CheckedCompetition> {
  try {
    return { id, ...(await grader.check(id)) };
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    return { id, problem: error.message };
  }
}
