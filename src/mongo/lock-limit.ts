// How long a command that needs a collection for itself may wait for it.
import { setTimeout as sleep } from "node:timers/promises";
import type { MongoClient } from "mongodb";
import { KeepError } from "../errors.ts";
import { formatDuration } from "../util/units.ts";
import { describeHolder, isBlocked } from "./obstacles.ts";

export interface LockLimit {
  readonly client: MongoClient;
  readonly waitMs: number;
  /** Each try ends after so long, with a pause after it, for others wait behind it. Absent: one long wait. */
  readonly tryMs?: number;
  /** For what must be done: told each time that the limit has passed, and tried again. Absent: it is given up. */
  readonly onWait?: (message: string) => void;
}

/** An index build refuses at once what others wait for. */
const PAUSE_MS = 100;

/**
 * Acts, again and again until the limit, with what is left of it; each try must end by then.
 * @throws KeepError server-waits with what holds the namespace, and all that `act` throws
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
  return new KeepError(
    "server-waits",
    `${message}, and has done so for ${formatDuration(waitMs)} by now`,
    { cause },
  );
}
