// A walk through episodes, record by record: each record is read once, several are under way, results come in order.
// And the world that recorded responses are played in again. Knows neither scores nor divergences.
import {
  type EpisodeLine,
  type OpenWorld,
  openWorld,
  type RecordedGroup,
  type WorldConfig,
} from "../../actors/index.ts";
import { InfrastructureError } from "../../envs/index.ts";
import { exitCodes, Failure } from "../failure.ts";
import { tryReadGroup } from "./recording.ts";

export interface Walk<R> {
  folder: string;
  lines: readonly EpisodeLine[];
  /** Records under way at a time. */
  atOnce: number;
  /** Results for these lines of one record, in their order; null for a record that cannot be read. */
  work: (group: RecordedGroup | null, lines: readonly EpisodeLine[]) => Promise<R[]>;
  /** Hears of each result when its turn has come. */
  tell: (result: R) => void;
  /** Breaks it off. */
  signal?: AbortSignal;
}

/** Resolves when all were told; rejects with what `work` rejects with, or the signal's reason. */
export async function walk<R>({ folder, lines, atOnce, work, tell, signal }: Walk<R>): Promise<void> {
  const waiting: Promise<R[]>[] = [];
  const tellOldest = async () => {
    for (const result of await waiting.shift()!) tell(result);
  };
  try {
    for (const ofGroup of byGroup(lines)) {
      signal?.throwIfAborted();
      if (waiting.length >= atOnce) await tellOldest();
      waiting.push(tryReadGroup(folder, ofGroup[0]!).then((group) => work(group, ofGroup)));
    }
    while (waiting.length > 0) await tellOldest();
  } finally {
    await Promise.allSettled(waiting); // nothing is under way any more when the world is closed
  }
}

/** Runs of lines that stand in one record. */
function* byGroup(lines: readonly EpisodeLine[]): Generator<EpisodeLine[]> {
  let group: EpisodeLine[] = [];
  for (const line of lines) {
    const first = group[0];
    if (first && (first.segment !== line.segment || first.offset !== line.offset)) {
      yield group;
      group = [];
    }
    group.push(line);
  }
  if (group.length > 0) yield group;
}

/** @throws Failure `machine` if the world cannot be opened here */
export function openAgain(config: WorldConfig): Promise<OpenWorld> {
  return openWorld(config).catch(cannotRun);
}

/** @throws Failure `machine` for what this machine lacks */
export function cannotRun(error: unknown): never {
  if (!(error instanceof InfrastructureError)) throw error;
  throw new Failure(exitCodes.machine, `the reward code cannot run: ${error.message}. See iterant doctor.`);
}
