// Watches, while a dump runs, whether the server keeps it waiting: another administrator's command can hold a lock for
// hours, a prepared transaction has no end of its own, and the dump holds the lock of the backups meanwhile.
// What must stay true: such a wait is reported after some seconds, and ends after two minutes.
import { setTimeout as sleep } from "node:timers/promises";
import type { MongoClient } from "mongodb";
import { KeepError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { findBlocker, findOwnWait } from "../mongo/blockers.ts";
import { tellWait } from "./waits.ts";

export interface WaitLimits {
  readonly sayMs: number;
  readonly serverMs: number;
}

/** What waits, and for what. */
export interface Wait {
  /** The same as long as it is the same wait. */
  readonly id: string;
  readonly what: string;
  /** Completes "waits for …". */
  readonly blocker: string;
}

/** Work that a server may keep waiting. */
export interface Watched {
  /** Asked again and again; null while nothing keeps it waiting. */
  readonly look: () => Promise<Wait | null>;
  /** Whether the work ends by its signal; what it asked of the server is left waiting else. */
  readonly endsBySignal: boolean;
}

interface WatchContext {
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Runs `work` with a signal that aborts when it is given up. Only reads may run in here: they may be left behind.
 * @throws KeepError server-waits, and what `work` throws
 */
export async function withinWaitLimits<T>(
  limits: WaitLimits,
  { emit, signal }: WatchContext,
  { look, endsBySignal }: Watched,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const givenUp = new AbortController();
  const watched = watch(limits, emit, look, over.signal).catch((error: unknown) => {
    givenUp.abort(error);
    throw error;
  });
  watched.catch(() => undefined);
  try {
    const working = work(AbortSignal.any([signal, givenUp.signal]));
    return await (endsBySignal ? working : Promise.race([working, watched]));
  } finally {
    over.abort();
  }
}

/** Only ever rejects; after `over` it stays pending. */
async function watch(
  { sayMs, serverMs }: WaitLimits,
  emit: Emit,
  look: () => Promise<Wait | null>,
  over: AbortSignal,
): Promise<never> {
  let seen = { id: "", sinceMs: 0, told: false };
  for (;;) {
    const isOver = await sleep(sayMs / 2, false, { signal: over }).catch(() => true);
    if (isOver) return await new Promise<never>(() => undefined);
    const wait = await look();
    const nowMs = performance.now();
    if (!wait) seen = { id: "", sinceMs: nowMs, told: false };
    else if (wait.id !== seen.id) seen = { id: wait.id, sinceMs: nowMs, told: false };
    if (!wait || nowMs - seen.sinceMs < sayMs / 2) continue;
    const { what, blocker } = wait;
    if (nowMs - seen.sinceMs >= serverMs) throw waited(wait, nowMs - seen.sinceMs);
    if (!seen.told) tellWait(emit, what, nowMs - seen.sinceMs, blocker);
    seen.told = true;
  }
}

function waited({ what, blocker }: Wait, waitedMs: number): KeepError {
  return new KeepError(
    "server-waits",
    `waited ${Math.round(waitedMs / 1_000)} s for ${what}: the server waits for ${blocker}`,
  );
}

/** One of our own commands waits for a lock. The driver's commands know no signal. */
export function watchLocks(client: MongoClient): Watched {
  const look = async () => {
    const found = await findOwnWait(client);
    return found && { ...found, blocker: (await findBlocker(client))?.text ?? "a lock" };
  };
  return { look, endsBySignal: false };
}

/** A tool that tells how far it is gets no further. */
export function watchTool(client: MongoClient, tool: string, progress: () => number): Watched {
  let last = -1;
  const look = async () => {
    const now = progress();
    const stands = now === last;
    last = now;
    const blocker = stands ? await findBlocker(client) : null;
    return blocker && { id: String(now), what: tool, blocker: blocker.text };
  };
  return { look, endsBySignal: true };
}
