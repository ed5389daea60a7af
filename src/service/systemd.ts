// A service that is a systemd unit.
import { KeepError } from "../errors.ts";
import { describeEnd, execute } from "../util/exec.ts";
import type { ExecResult } from "../util/exec.ts";
import { askOnce, untilHealthy } from "./health.ts";
import type { Service, ServiceLimits, SystemdChoice } from "./service.ts";

const ASK_MS = 20_000;
/** Writers may still be at work while it comes or goes. */
const RUNNING = new Set(["active", "reloading", "refreshing", "activating", "deactivating"]);

export function systemdService(choice: SystemdChoice, limits: ServiceLimits): Service {
  const { unit, check } = choice;
  return {
    startHint: `systemctl start ${unit}`,
    async assertExists(signal) {
      refuseUnusable(unit, await showUnit(unit, signal));
    },
    async isRunning(signal) {
      return RUNNING.has((await showUnit(unit, signal)).active);
    },
    async stop(signal) {
      await control("stop", unit, limits.stopMs, signal);
      const { active } = await showUnit(unit, signal);
      if (RUNNING.has(active)) throw failure("stop", unit, `it is ${active} again`);
    },
    async start() {
      await control("start", unit, limits.startMs);
    },
    async check() {
      const ask = () => (check === null ? askState(unit) : askOnce(check, limits));
      await untilHealthy(ask, limits);
    },
  };
}

interface UnitState {
  readonly load: string;
  readonly active: string;
}

async function showUnit(unit: string, signal?: AbortSignal): Promise<UnitState> {
  const result = await systemctl(
    ["show", "--property=LoadState,ActiveState", "--", unit],
    ASK_MS,
    signal,
  );
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(result.stdout)?.[1] ?? "";
  const state = { load: value("LoadState"), active: value("ActiveState") };
  if (result.ok && state.load !== "" && state.active !== "") return state;
  throw new KeepError(
    "bad-setting",
    `cannot ask systemd about ${unit}: systemctl ${describeEnd(result)}`,
    {
      hint: "Where systemd does not run the service, set SERVICE_STOP and SERVICE_START in place of SERVICE_NAME.",
      details: { setting: "SERVICE_NAME" },
    },
  );
}

function refuseUnusable(unit: string, { load }: UnitState): void {
  if (load === "loaded") return;
  const why =
    load === "not-found"
      ? "does not exist"
      : load === "masked"
        ? "is masked"
        : `cannot be loaded (${load})`;
  throw new KeepError("bad-setting", `SERVICE_NAME: the systemd unit ${unit} ${why}`, {
    hint: "systemctl list-units --type=service --all shows the units there are.",
    details: { setting: "SERVICE_NAME" },
  });
}

/**
 * A unit may start and die a moment later: healthy is what is active, or a one-shot that ended well.
 * No answer counts as not yet: systemd may be busy with the very start.
 */
async function askState(unit: string): Promise<string | null> {
  try {
    const { active } = await showUnit(unit);
    return active === "active" || active === "inactive" ? null : `${unit} is ${active}`;
  } catch (error) {
    if (error instanceof KeepError) return error.message;
    throw error;
  }
}

async function control(
  action: "stop" | "start",
  unit: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const result = await systemctl(["--no-ask-password", action, "--", unit], timeoutMs, signal);
  if (!result.ok) throw failure(action, unit, `systemctl ${describeEnd(result)}`);
}

function failure(action: "stop" | "start", unit: string, why: string): KeepError {
  return new KeepError("failed", `cannot ${action} ${unit}: ${why}`, {
    hint: `systemctl status ${unit} shows its state; this user must be allowed to ${action} it.`,
  });
}

async function systemctl(
  args: readonly string[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<ExecResult> {
  return await execute(["systemctl", ...args], {
    timeoutMs,
    env: { LC_ALL: "C", SYSTEMD_COLORS: "0", SYSTEMD_PAGER: "" },
    ...(signal && { signal }),
  });
}
