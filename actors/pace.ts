// How long a run shall be where it has a time to keep: decided once its speed is known.
// Pure. A slow machine gets fewer iterations, never fewer than show something, and is told so.

export interface PaceOptions {
  /** As many iterations as the configuration asks for. */
  planned: number;
  /** Fewer than this show nothing. */
  minimum: number;
  /** For the whole run, in milliseconds. */
  targetMs: number;
}

/** What has been measured so far. */
export interface PaceMeasurement {
  doneCount: number;
  /** Since the first group was admitted. */
  elapsedMs: number;
  /** One iteration, without evaluations. */
  iterationMs: number;
  /** One evaluation; what is left of them is paid for in advance. */
  evaluationMs: number;
  evaluationsLeft: number;
}

export interface PaceDecision {
  iterations: number;
  /** One sentence if the length was changed; null if all is done as planned. */
  notice: string | null;
}

/** How many iterations fit into the time that is left. */
export function decideLength(options: PaceOptions, measured: PaceMeasurement): PaceDecision {
  const { planned, minimum, targetMs } = options;
  const { doneCount, elapsedMs, iterationMs, evaluationMs, evaluationsLeft } = measured;
  const leftMs = targetMs - elapsedMs - evaluationMs * evaluationsLeft;
  const fitting = doneCount + Math.floor(leftMs / iterationMs);
  const iterations = Math.min(planned, Math.max(minimum, fitting, doneCount));
  if (iterations === planned) return { iterations, notice: null };
  const speed = `${(iterationMs / 1000).toFixed(2)} s an iteration`;
  const wanted = `${planned} iterations would take ${Math.round((planned * iterationMs) / 60_000)} min`;
  return {
    iterations,
    notice: `this machine needs ${speed}: ${iterations} iterations instead of ${planned}, because ${wanted}`,
  };
}
