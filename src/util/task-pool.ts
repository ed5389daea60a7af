// Runs up to N tasks at a time. The first failure aborts the rest and is thrown.

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
  await runLanes(items, Array.from({ length: width }), signal, run);
}

/** How many run at once: large items, and all items once the next one is small. */
export interface Lanes<T> {
  readonly large: number;
  readonly small: number;
  readonly isSmall: (item: T) => boolean;
}

/**
 * Like runPool, for items in descending size: large ones fill the memory and keep every core busy, small ones mostly
 * wait.
 */
export async function runLargestFirst<T>(
  items: readonly T[],
  { large, small, isSmall }: Lanes<T>,
  signal: AbortSignal,
  run: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const turn = Promise.withResolvers<undefined>();
  function* inTurn() {
    for (const item of items) {
      if (isSmall(item)) turn.resolve(undefined);
      yield item;
    }
    turn.resolve(undefined);
  }
  const lanes = Array.from({ length: small }, (_, n) => (n < large ? undefined : turn.promise));
  await runLanes(inTurn(), lanes, signal, run);
}

/** A lane takes its first item when its promise resolves, or when everything has ended. */
async function runLanes<T>(
  items: Iterable<T>,
  lanes: readonly (Promise<undefined> | undefined)[],
  signal: AbortSignal,
  run: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failure = new AbortController();
  const combined = AbortSignal.any([signal, failure.signal]);
  const queue = items[Symbol.iterator]();
  let first: { error: unknown } | undefined;
  const over = whenAborted(combined);
  const worker = async (turn: Promise<undefined> | undefined) => {
    if (turn) await Promise.race([turn, over]);
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
  await Promise.all(lanes.map(worker));
  // An error thrown because a task was interrupted is not the cause.
  signal.throwIfAborted();
  if (first) throw first.error;
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener(
      "abort",
      () => {
        resolve(undefined);
      },
      { once: true },
    );
  });
}
