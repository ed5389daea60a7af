// A service that the user's own shell commands stop and start.
import { KeepError } from "../errors.ts";
import { describeEnd, execute } from "../util/exec.ts";
import { askOnce, untilHealthy } from "./health.ts";
import type { CommandChoice, Service, ServiceLimits, ServiceState } from "./service.ts";
import { askStatus, cameBack, untilStopped } from "./status.ts";

export function commandService(choice: CommandChoice, limits: ServiceLimits): Service {
  const { check, status, startFrom } = choice;
  return {
    name: "SERVICE_STOP",
    startHint: `the command of SERVICE_START${startFrom === null ? "" : ` in ${startFrom}`}`,
    // A command is known to work only after it has run.
    assertExists: () => Promise.resolve(),
    state: (signal) => stateOf(choice, limits, signal),
    // SERVICE_CHECK may hang if nothing runs, and succeeds if another service answers.
    cameBack: () => (status === null ? Promise.resolve(false) : cameBack(status, limits)),
    problem: (signal) => (check === null ? Promise.resolve(null) : askOnce(check, limits, signal)),
    async stop(signal) {
      await runCommand("stop", choice.stop, limits.stopMs, signal);
      if (status !== null) await untilStopped(status, limits, signal);
    },
    async start() {
      await runCommand("start", choice.start, limits.startMs);
    },
    async check() {
      if (check !== null) await untilHealthy(() => askOnce(check, limits), limits);
    },
  };
}

async function stateOf(
  { check, status }: CommandChoice,
  limits: ServiceLimits,
  signal: AbortSignal,
): Promise<ServiceState> {
  if (status !== null) return await askStatus(status, limits, signal);
  if (check === null)
    return { is: "unknown", because: "neither SERVICE_STATUS nor SERVICE_CHECK is set" };
  const problem = await askOnce(check, limits, signal);
  return problem === null ? { is: "running" } : { is: "unknown", because: problem };
}

/** Errors do not show the command itself, because it may contain a token. */
async function runCommand(
  action: "stop" | "start",
  command: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const name = action === "stop" ? "SERVICE_STOP" : "SERVICE_START";
  const result = await execute(["sh", "-c", command], {
    timeoutMs,
    ofTheUser: true,
    env: { MONGOKEEP_SERVICE_ACTION: action },
    ...(signal && { signal }),
  });
  if (result.ok) return;
  throw new KeepError("failed", `cannot ${action} the service: ${name} ${describeEnd(result)}`, {
    hint:
      action === "stop"
        ? `Run the command of ${name} by hand and read its output. If it fails only because the service does not run, set SERVICE_STATUS to a command that then exits with 3.`
        : `Run the command of ${name} by hand and read its output.`,
  });
}
