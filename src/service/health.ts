// Asks repeatedly whether the service works: directly after its start it is not ready yet.
import { setTimeout as delay } from "node:timers/promises";
import { KeepError } from "../errors.ts";
import { describeEnd, execute } from "../util/exec.ts";
import type { ServiceLimits } from "./service.ts";

/** Runs SERVICE_CHECK once; null: it works, otherwise the reason. */
export async function askOnce(
  command: string,
  limits: ServiceLimits,
  signal?: AbortSignal,
): Promise<string | null> {
  const result = await execute(["sh", "-c", command], {
    timeoutMs: limits.oneCheckMs,
    ofTheUser: true,
    env: { MONGOKEEP_SERVICE_ACTION: "check" },
    ...(signal && { signal }),
  });
  return result.ok ? null : `SERVICE_CHECK ${describeEnd(result)}`;
}

/** Repeats `ask` until it returns null. @throws KeepError failed with the last answer */
export async function untilHealthy(
  ask: () => Promise<string | null>,
  limits: ServiceLimits,
): Promise<void> {
  const end = performance.now() + limits.checkMs;
  for (;;) {
    const problem = await ask();
    if (problem === null) return;
    if (performance.now() + limits.pauseMs > end) {
      throw new KeepError(
        "failed",
        `the service does not work ${limits.checkMs / 1000} s after its start: ${problem}`,
        { hint: "See the service's own log." },
      );
    }
    await delay(limits.pauseMs);
  }
}
