// A service that is stopped and started by the user's own shell commands.
import { KeepError } from "../errors.ts";
import { describeEnd, execute } from "../util/exec.ts";
import { redactForTerminal } from "../util/redact.ts";
import { askOnce, untilHealthy } from "./health.ts";
import type { CommandChoice, Service, ServiceLimits } from "./service.ts";

export function commandService(choice: CommandChoice, limits: ServiceLimits): Service {
  const { check } = choice;
  return {
    startHint: redactForTerminal(choice.start),
    // A command is only known to work once it has run.
    assertExists: () => Promise.resolve(),
    async isRunning(signal) {
      return check === null ? null : (await askOnce(check, limits, signal)) === null;
    },
    async stop(signal) {
      await runCommand("stop", choice.stop, limits.stopMs, signal);
    },
    async start() {
      await runCommand("start", choice.start, limits.startMs);
    },
    async check() {
      if (check !== null) await untilHealthy(() => askOnce(check, limits), limits);
    },
  };
}

/** The command itself is not shown in errors: it may hold a token. */
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
    hint: `Run the command of ${name} by hand and see what it says.`,
  });
}
