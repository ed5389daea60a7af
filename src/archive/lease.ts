// A lock that is kept alive. Host names, boot ids and process numbers say nothing across containers, cloned machines and
// network file systems; there a holder proves that it lives by renewing its lock, and one that stops has lost it.
// What must stay true: a holder that was taken for dead notices before it changes anything.
import type { FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { KeepError } from "../errors.ts";
import type { Clock } from "../util/clock.ts";
import type { Holder } from "./lock-holder.ts";
import { readHolder } from "./lock-holder.ts";

const RENEW_MS = 10_000;
/** A lock that shows no renewal for so long, while somebody watches it, is its holder's no longer. */
export const LEASE_MS = 60_000;
/** A holder that could not renew for so long asks again before it goes on: somebody may be watching. */
const DOUBT_MS = 40_000;
/** How often those who wait look at a lock. */
export const POLL_MS = 250;
const DIGITS = 12;

/** The counter of a new lock, in its file: a number of fixed width, so that it can be rewritten where it stands. */
export const NEVER_RENEWED = "0".repeat(DIGITS);

export interface Lease {
  /** Aborts with a KeepError (lock-lost) when the lock is known to be lost. */
  readonly lost: AbortSignal;
  /** @throws KeepError lock-lost; call before an act that only the holder may do */
  assertHeld(): Promise<void>;
  /** Renews no longer. */
  end(): Promise<void>;
}

/**
 * Keeps the lock at `path` alive. `file` is open on it: a renewal writes there, so that it can never touch the lock of
 * another run that took its place. `text` is what was written to it.
 */
export function startLease(
  path: string,
  self: Holder,
  { file, text }: { readonly file: FileHandle; readonly text: string },
  clock: Clock,
): Lease {
  const at = text.indexOf(`"${NEVER_RENEWED}"`) + 1;
  const lost = new AbortController();
  let renewals = 0;
  let renewedMs = clock.now();
  let running: Promise<void> = Promise.resolve();

  const isOurs = async () => {
    const held = await readHolder(path);
    // What cannot be read at this moment (a network that hangs) is not another's: the time limit decides.
    return held === "unknown" || (typeof held === "object" && held.by.token === self.token);
  };
  const renew = async () => {
    if (lost.signal.aborted) return;
    if (!(await isOurs())) {
      lost.abort(lostTo(path));
      return;
    }
    await file.write(String(++renewals).padStart(DIGITS, "0"), at);
    await file.datasync();
    renewedMs = clock.now();
  };
  const timer = setInterval(() => {
    // A disk that takes no renewal is met again by the next one, or by assertHeld.
    running = running.then(renew).catch(() => undefined);
  }, RENEW_MS).unref();
  return {
    lost: lost.signal,
    assertHeld: async () => {
      lost.signal.throwIfAborted();
      // The process may have stood still (a suspended machine). Whoever watched has claimed it by the second look.
      if (clock.now() - renewedMs > DOUBT_MS) {
        await renew();
        await sleep(4 * POLL_MS);
      }
      if (!(await isOurs())) lost.abort(lostTo(path));
      lost.signal.throwIfAborted();
    },
    end: async () => {
      clearInterval(timer);
      await running;
      await file.close();
    },
  };
}

const lostTo = (path: string) =>
  new KeepError("lock-lost", `another run took the lock ${path}: this one showed no sign of life`);

export interface LeaseWatch {
  /** Looks at a lock of which nothing else is known. `dead`: it was not renewed for as long as a lease. */
  judge(holder: Holder): "dead" | "unknown";
  /** Whether a lock was renewed, or another one came, since the first look. */
  sawLife(): boolean;
}

/** Watches locks for renewals, by this process's own clock: other machines' clocks may be wrong. */
export function watchLeases(now: () => number = () => performance.now()): LeaseWatch {
  const seen = new Map<string, { readonly renewals: string; readonly sinceMs: number }>();
  let life = false;
  return {
    sawLife: () => life,
    judge: ({ token, renewals = NEVER_RENEWED }) => {
      const before = seen.get(token);
      if (before?.renewals === renewals)
        return now() - before.sinceMs >= LEASE_MS ? "dead" : "unknown";
      if (before) life = true;
      seen.set(token, { renewals, sinceMs: now() });
      return "unknown";
    },
  };
}
