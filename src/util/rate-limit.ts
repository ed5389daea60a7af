// Limits the rate of a stream of bytes over its whole lifetime rather than each second.
import { setTimeout as sleep } from "node:timers/promises";

export interface RateLimit {
  /** Waits until `bytes` more are allowed. Shared by concurrent callers. */
  pass(bytes: number, signal: AbortSignal): Promise<void>;
}

/** Unused time is made up for later, up to this much; otherwise every pause of the reader would be lost. */
const CREDIT_MS = 1_000;

/** null: no limit. */
export function createRateLimit(bytesPerSecond: number | null): RateLimit {
  if (bytesPerSecond === null) return { pass: () => Promise.resolve() };
  let freeAt = performance.now();
  return {
    async pass(bytes, signal) {
      const now = performance.now();
      freeAt = Math.max(freeAt, now - CREDIT_MS) + (bytes / bytesPerSecond) * 1000;
      const waitMs = freeAt - now;
      if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    },
  };
}
