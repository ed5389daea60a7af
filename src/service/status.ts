// What SERVICE_STATUS says of a service: whether it runs, whatever its health.
import { setTimeout as delay } from "node:timers/promises";
import { KeepError } from "../errors.ts";
import { describeEnd, execute } from "../util/exec.ts";
import type { ServiceLimits, ServiceState } from "./service.ts";

/** As `systemctl status` and the init scripts of the LSB answer for what does not run. */
const STOPPED = 3;

/** Anything but a clear answer is none: a command that is missing, or hangs, must not pass for a stopped service. */
export async function askStatus(
  command: string,
  limits: ServiceLimits,
  signal?: AbortSignal,
): Promise<ServiceState> {
  const result = await execute(["sh", "-c", command], {
    timeoutMs: limits.oneCheckMs,
    ofTheUser: true,
    env: { MONGOKEEP_SERVICE_ACTION: "status" },
    ...(signal && { signal }),
  });
  if (result.ok) return { is: "running" };
  if (result.end.kind === "exit" && result.end.code === STOPPED) return { is: "stopped" };
  return { is: "unknown", because: `SERVICE_STATUS ${describeEnd(result)}` };
}

/** Of a service that was stopped, while it is down: no longer than a moment. */
export async function cameBack(command: string, limits: ServiceLimits): Promise<boolean> {
  const quick = { ...limits, oneCheckMs: Math.min(limits.oneCheckMs, QUICK_MS) };
  return (await askStatus(command, quick)).is === "running";
}

const QUICK_MS = 2_000;

/** A stop may return before the service has ended. @throws KeepError failed where it goes on running */
export async function untilStopped(
  command: string,
  limits: ServiceLimits,
  signal: AbortSignal,
): Promise<void> {
  const end = performance.now() + limits.checkMs;
  while ((await askStatus(command, limits, signal)).is === "running") {
    if (performance.now() + limits.pauseMs > end)
      throw new KeepError(
        "failed",
        `cannot stop the service: by SERVICE_STATUS it still runs ${limits.checkMs / 1000} s after it was stopped`,
        {
          hint: "See what starts it again, or what SERVICE_STATUS asks: it must exit with 3 once the service is stopped.",
        },
      );
    await delay(limits.pauseMs, undefined, { signal }).catch(() => {
      signal.throwIfAborted();
    });
  }
}
