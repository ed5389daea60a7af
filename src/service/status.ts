// What SERVICE_STATUS says about a service: whether it runs, whatever its health.
import { setTimeout as delay } from "node:timers/promises";
import { KeepError } from "../errors.ts";
import { describeEnd, execute } from "../util/exec.ts";
import type { ServiceLimits, ServiceState } from "./service.ts";

/** The exit code of `systemctl status` and LSB init scripts for a stopped service. */
const STOPPED = 3;

/** Anything but a clear answer is unknown: a command that is missing or hangs must not count as a stopped service. */
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

/** For a stopped service, while it is down: only for a moment. */
export async function cameBack(command: string, limits: ServiceLimits): Promise<boolean> {
  const quick = { ...limits, oneCheckMs: Math.min(limits.oneCheckMs, QUICK_MS) };
  return (await askStatus(command, quick)).is === "running";
}

const QUICK_MS = 2_000;

/** A stop may return before the service has ended. @throws KeepError failed if it keeps running */
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
        `cannot stop the service: according to SERVICE_STATUS it still runs ${limits.checkMs / 1000} s after it was stopped`,
        {
          hint: "Find out what starts it again, or what SERVICE_STATUS checks: it must exit with 3 once the service is stopped.",
        },
      );
    await delay(limits.pauseMs, undefined, { signal }).catch(() => {
      signal.throwIfAborted();
    });
  }
}
