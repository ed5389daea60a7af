// Combines calls that arrive while an earlier one runs: many entries, one flush.

/**
 * Returns a function that resolves when an `act` that began after the call has finished. It rejects with that act's
 * failure.
 */
export function together(act: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | null = null;
  const inTurn = async () => {
    await running;
    waiting = null;
    const acting = act();
    running = acting.then(ignore, ignore);
    await acting;
  };
  return async () => {
    waiting ??= inTurn();
    await waiting;
  };
}

/** Its callers receive the failure. */
const ignore = () => undefined;
