// Work that can be broken off from several sides.
// Listeners are removed when the work settles: AbortSignal.any would keep one on a run-long signal for every call.

/**
 * Runs the work with a signal that aborts when any of the sources does.
 * Settles as the work does; an abort rejects at once with that source's reason, even if the work does not listen.
 * Work is not begun if a source has already aborted.
 */
export function abortable<R>(
  sources: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => Promise<R> | R,
): Promise<R> {
  const signals = sources.filter((source) => source !== undefined);
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const listeners = signals.map((source) => ({ source, stop: () => stop(source) }));
    const settle = () => {
      for (const { source, stop } of listeners) source.removeEventListener("abort", stop);
    };
    const stop = (source: AbortSignal) => {
      settle();
      controller.abort(source.reason);
      reject(source.reason);
    };
    const aborted = signals.find((source) => source.aborted);
    if (aborted) return reject(aborted.reason);
    for (const { source, stop } of listeners) source.addEventListener("abort", stop);
    Promise.resolve(controller.signal).then(work).finally(settle).then(resolve, reject);
  });
}
