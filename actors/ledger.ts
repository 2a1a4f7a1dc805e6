// The ledger: every admitted episode ends exactly once, and here is written how.
// Pure counting, plain JSON at rest. Knows neither tokens nor actors; the rollout buffer keeps it.

/** How an episode can end. */
export const ends = ["trained", "filtered", "stale", "failed", "cancelled"] as const;
export type End = (typeof ends)[number];

/** Counts of episodes. `admitted` is the sum of all ends and of what is still open. */
export type LedgerCounts = { readonly admitted: number } & Readonly<Record<End, number>>;

/** The ledger at rest. What was open when it was saved is cancelled when it is restored. */
export interface LedgerState {
  readonly counts: LedgerCounts;
  /** Why episodes failed or were filtered: cause → episodes. */
  readonly causes: Readonly<Record<string, number>>;
}

interface Entry {
  readonly size: number;
  endedCount: number;
}

/** An account a group: opened with its number of episodes, closed when all of them have ended. */
export class Ledger {
  readonly #open = new Map<string, Entry>();
  readonly #counts: Record<End, number> & { admitted: number };
  readonly #causes: Map<string, number>;

  constructor(state?: LedgerState) {
    const zero = { admitted: 0, trained: 0, filtered: 0, stale: 0, failed: 0, cancelled: 0 };
    this.#counts = { ...zero, ...state?.counts };
    this.#causes = new Map(Object.entries(state?.causes ?? {}));
    this.#counts.cancelled += openCountOf(this.#counts); // nobody works on them any more
  }

  /** Episodes that have been admitted and have not ended. */
  get openCount(): number {
    return openCountOf(this.#counts);
  }

  get counts(): LedgerCounts {
    return { ...this.#counts };
  }

  /** @throws RangeError if an account of this name is open already */
  admit(groupId: string, episodeCount: number): void {
    if (this.#open.has(groupId)) throw broken(groupId, "is admitted twice");
    this.#open.set(groupId, { size: episodeCount, endedCount: 0 });
    this.#counts.admitted += episodeCount;
  }

  /**
   * Ends some of a group's episodes.
   * @throws RangeError if the group is not open, or has not that many left
   */
  end(groupId: string, end: End, episodeCount: number, cause?: string): void {
    if (episodeCount === 0) return;
    const entry = this.#open.get(groupId);
    if (!entry) throw broken(groupId, `cannot end ${episodeCount} episodes as ${end}: it is not open`);
    if (entry.endedCount + episodeCount > entry.size) {
      throw broken(
        groupId,
        `cannot end ${episodeCount} more episodes as ${end}: ${entry.endedCount} of ${entry.size} ended`,
      );
    }
    entry.endedCount += episodeCount;
    this.#counts[end] += episodeCount;
    if (cause !== undefined) this.#causes.set(cause, (this.#causes.get(cause) ?? 0) + episodeCount);
    if (entry.endedCount === entry.size) this.#open.delete(groupId);
  }

  /** Ends whatever is left of a group; one that is not open has nothing left. */
  endRest(groupId: string, end: End, cause?: string): void {
    const entry = this.#open.get(groupId);
    if (entry) this.end(groupId, end, entry.size - entry.endedCount, cause);
  }

  /** Ends everything that is open. */
  endAll(end: End, cause?: string): void {
    for (const groupId of [...this.#open.keys()]) this.endRest(groupId, end, cause);
  }

  save(): LedgerState {
    return { counts: this.counts, causes: Object.fromEntries(this.#causes) };
  }
}

function openCountOf(counts: LedgerCounts): number {
  return counts.admitted - ends.reduce((sum, end) => sum + counts[end], 0);
}

function broken(groupId: string, what: string): RangeError {
  return new RangeError(`group ${groupId} ${what} — in the ledger — end every admitted episode exactly once.`);
}
