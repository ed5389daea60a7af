// One act for all who ask for it while an earlier one runs: many entries, one flush.

/**
 * Gives a function that resolves when an `act` has run whole that began after the call. It rejects with that act's
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

/** Whoever waits for it gets the failure. */
const ignore = () => undefined;
