// A service that is a systemd unit.
import { KeepError } from "../errors.ts";
import { describeEnd, execute } from "../util/exec.ts";
import type { ExecResult } from "../util/exec.ts";
import { askOnce, untilHealthy } from "./health.ts";
import type { Service, ServiceLimits, ServiceState, SystemdChoice } from "./service.ts";
import { askStatus, cameBack, untilStopped } from "./status.ts";

const ASK_MS = 20_000;
/** In any other state writers may be active: while it starts or stops, or waits for a restart. */
const STOPPED: readonly string[] = ["inactive", "failed"];

export function systemdService(choice: SystemdChoice, limits: ServiceLimits): Service {
  const { unit, check, status } = choice;
  return {
    name: unit,
    startHint: `systemctl start ${unit}`,
    async assertExists(signal) {
      refuseUnusable(unit, await showUnit(unit, signal));
    },
    // A unit may have ended while processes that it started still run; SERVICE_STATUS can say so.
    state: async (signal): Promise<ServiceState> =>
      status === null
        ? { is: isStopped(await showUnit(unit, signal)) ? "stopped" : "running" }
        : await askStatus(status, limits, signal),
    cameBack: async () =>
      status === null
        ? await showUnit(unit).then(
            (state) => !isStopped(state),
            () => false,
          )
        : await cameBack(status, limits),
    problem: (signal) => (check === null ? Promise.resolve(null) : askOnce(check, limits, signal)),
    async stop(signal) {
      await control("stop", unit, limits.stopMs, signal);
      refuseRunning(unit, await showUnit(unit, signal));
      if (status !== null) await untilStopped(status, limits, signal);
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
  /** Processes that it still has, whatever its state. */
  readonly processes: number;
}

async function showUnit(unit: string, signal?: AbortSignal): Promise<UnitState> {
  const result = await systemctl(
    ["show", "--property=LoadState,ActiveState,MainPID,TasksCurrent", "--", unit],
    ASK_MS,
    signal,
  );
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(result.stdout)?.[1] ?? "";
  const state = {
    ...{ load: value("LoadState"), active: value("ActiveState") },
    processes: Math.max(countOf(value("TasksCurrent")), countOf(value("MainPID")) > 0 ? 1 : 0),
  };
  if (result.ok && state.load !== "" && state.active !== "") return state;
  throw new KeepError(
    "bad-setting",
    `cannot ask systemd about ${unit}: systemctl ${describeEnd(result)}`,
    {
      hint: "If systemd does not run the service, set SERVICE_STOP and SERVICE_START instead of SERVICE_NAME.",
      details: { setting: "SERVICE_NAME" },
    },
  );
}

/** "[not set]", or the largest number, if systemd does not count them. */
const countOf = (text: string) => (/^\d{1,9}$/.test(text) ? Number(text) : 0);

/** A unit that failed, or with another KillMode, may leave processes behind, and they write. */
const isStopped = ({ active, processes }: UnitState) => STOPPED.includes(active) && processes === 0;

function refuseRunning(unit: string, state: UnitState): void {
  if (isStopped(state)) return;
  const { active, processes } = state;
  if (!STOPPED.includes(active)) throw failure("stop", unit, `it is ${active} again`);
  throw new KeepError(
    "failed",
    `cannot stop ${unit}: ${processes === 1 ? "one of its processes" : `${processes} of its processes`} still ${processes === 1 ? "runs" : "run"}`,
    { hint: `systemctl status ${unit} shows them, systemctl kill ${unit} ends them.` },
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
    hint: "systemctl list-units --type=service --all shows the existing units.",
    details: { setting: "SERVICE_NAME" },
  });
}

/**
 * A unit may start and fail a moment later: it is healthy if active, or if a one-shot unit ended well. No answer counts
 * as not yet, because systemd may be busy with the start itself.
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
