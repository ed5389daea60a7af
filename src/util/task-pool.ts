// Runs tasks N at a time; the first failure aborts the rest and is the one that is thrown.

/**
 * Calls `run` for each item, at most `width` at once, in the order given.
 * The signal passed to `run` aborts when the caller's does or when another task failed.
 */
export async function runPool<T>(
  items: Iterable<T>,
  width: number,
  signal: AbortSignal,
  run: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failure = new AbortController();
  const combined = AbortSignal.any([signal, failure.signal]);
  const queue = items[Symbol.iterator]();
  let first: { error: unknown } | undefined;
  const worker = async () => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      if (combined.aborted) return;
      try {
        await run(next.value, combined);
      } catch (error) {
        first ??= { error };
        failure.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  // What a task throws because it was interrupted is not the cause.
  signal.throwIfAborted();
  if (first) throw first.error;
}
