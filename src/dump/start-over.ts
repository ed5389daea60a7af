// A collection whose read was lost and cannot go on where it was is read into a new file, a few times.
import { setTimeout as sleep } from "node:timers/promises";
import { KeepError } from "../errors.ts";
import { warn } from "../events.ts";
import type { Emit } from "../events.ts";
import { isLost } from "../mongo/lost.ts";
import { isSilent } from "./read-watch.ts";

export interface LossContext {
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Times that a collection is read from its start again. */
const RESTARTS = 3;
const PAUSE_MS = 250;

/** Longer with each loss in a row, counted from 1. */
export async function pauseBefore(losses: number, signal: AbortSignal): Promise<void> {
  await sleep(PAUSE_MS * 2 ** (losses - 1), undefined, { signal });
}

/**
 * Runs `read`, which makes its file anew, again where the connection was lost for good.
 * @throws KeepError what `read` threw; for a server that stays away the first loss
 */
export async function startingOver<T>(
  context: LossContext,
  { database, collection }: { readonly database: string; readonly collection: string },
  read: () => Promise<T>,
): Promise<T> {
  const namespace = `${database}.${collection}`;
  const losses: KeepError[] = [];
  for (;;) {
    try {
      return await read();
    } catch (error) {
      context.signal.throwIfAborted();
      if (!isLost(error)) throw error;
      // Minutes of silence, twice: more of them tell nothing new.
      if (isSilent(error) && losses.some(isSilent)) throw error;
      if (losses.length === RESTARTS) throw givenUp(namespace, losses[0] ?? error);
      losses.push(error);
      await pauseBefore(losses.length, context.signal);
      warn(context.emit, "read-again", `${namespace}: ${error.message}: read again from its start`);
    }
  }
}

function givenUp(namespace: string, { code, message, hint, details, cause }: KeepError): KeepError {
  const text = `${namespace}: ${message}, and it did not come back for good`;
  return new KeepError(code, text, { hint, details, cause });
}
