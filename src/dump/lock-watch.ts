// Watches, while a dump runs, whether a command of ours waits for a lock on the server: another
// administrator's command can hold one for hours, and the dump holds the lock of the backups meanwhile.
// What must stay true: the wait is reported after some seconds, and ends after two minutes.
import { setTimeout as sleep } from "node:timers/promises";
import { KeepError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { findBlocker, findOwnWait } from "../mongo/blockers.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { tellWait } from "./waits.ts";

export interface LockLimits {
  readonly sayMs: number;
  readonly serverMs: number;
}

interface WatchContext {
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Runs `work` with a signal that aborts when it is given up. What it asked of the server is left waiting then, until
 * the connection is closed: only reads may run in here.
 * @throws KeepError server-waits, and what `work` throws
 */
export async function withinLockLimits<T>(
  deployment: Pick<Deployment, "client" | "isLookalike">,
  limits: LockLimits,
  { emit, signal }: WatchContext,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (deployment.isLookalike) return await work(signal);
  const over = new AbortController();
  const givenUp = new AbortController();
  const watched = watch(deployment, limits, emit, over.signal).catch((error: unknown) => {
    givenUp.abort(error);
    throw error;
  });
  watched.catch(() => undefined);
  try {
    return await Promise.race([work(AbortSignal.any([signal, givenUp.signal])), watched]);
  } finally {
    over.abort();
  }
}

/** Only ever rejects; after `over` it stays pending. */
async function watch(
  { client }: Pick<Deployment, "client">,
  { sayMs, serverMs }: LockLimits,
  emit: Emit,
  over: AbortSignal,
): Promise<never> {
  let wait = { id: "", sinceMs: 0, told: false };
  for (;;) {
    const isOver = await sleep(sayMs / 2, false, { signal: over }).catch(() => true);
    if (isOver) return await new Promise<never>(() => undefined);
    const found = await findOwnWait(client);
    if (!found) continue;
    const nowMs = performance.now();
    if (found.id !== wait.id) wait = { id: found.id, sinceMs: nowMs - found.waitedMs, told: false };
    const waitedMs = nowMs - wait.sinceMs;
    if (waitedMs < sayMs) continue;
    const blocker = (await findBlocker(client)) ?? { kind: "lock", text: "a lock" };
    if (waitedMs >= serverMs) throw waitsForLock(found.what, waitedMs, blocker.text);
    if (!wait.told && !over.aborted) tellWait(emit, found.what, waitedMs, blocker);
    wait.told = true;
  }
}

function waitsForLock(what: string, waitedMs: number, text: string): KeepError {
  return new KeepError(
    "server-waits",
    `${what} was not done for ${Math.round(waitedMs / 1_000)} s: the server waits for ${text}`,
  );
}
