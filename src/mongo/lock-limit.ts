// How long a command that needs exclusive access to a collection may wait for it.
import { setTimeout as sleep } from "node:timers/promises";
import type { MongoClient } from "mongodb";
import { KeepError } from "../errors.ts";
import { formatDuration } from "../util/units.ts";
import { describeHolder, isBlocked } from "./obstacles.ts";

export interface LockLimit {
  readonly client: MongoClient;
  readonly waitMs: number;
  /** Each try ends after this time, followed by a pause, because others wait behind it. Absent: one long wait. */
  readonly tryMs?: number;
  /**
   * For operations that must succeed: called each time the limit has passed, followed by another try. Absent: give up.
   */
  readonly onWait?: (message: string) => void;
}

/** An index build refuses at once operations that others wait for. */
const PAUSE_MS = 100;

/**
 * Tries `act` repeatedly until the limit, passing the remaining time; each try must end by then. @throws KeepError
 * server-waits naming the holder of the namespace, and everything that `act` throws
 */
export async function withinLimit<T>(
  limit: LockLimit,
  namespace: string,
  act: (maxTimeMS: number) => Promise<T>,
): Promise<T> {
  for (;;) {
    const end = performance.now() + limit.waitMs;
    try {
      return await untilEnd(end, limit.tryMs ?? limit.waitMs, act);
    } catch (error) {
      if (!isBlocked(error)) throw error;
      const message = `${namespace} waits for ${await describeHolder(limit.client, namespace)}`;
      if (!limit.onWait) throw tooLong(limit.waitMs, message, error);
      limit.onWait(message);
    }
  }
}

async function untilEnd<T>(
  end: number,
  tryMs: number,
  act: (maxTimeMS: number) => Promise<T>,
): Promise<T> {
  for (;;)
    try {
      const left = Math.min(tryMs, end - performance.now());
      return await act(Math.max(PAUSE_MS, Math.ceil(left)));
    } catch (error) {
      if (!isBlocked(error) || performance.now() + PAUSE_MS > end) throw error;
      await sleep(PAUSE_MS);
    }
}

export function tooLong(waitMs: number, message: string, cause?: unknown): KeepError {
  return new KeepError("server-waits", `${message}, for ${formatDuration(waitMs)} so far`, {
    cause,
  });
}
