// The service in the settings: a systemd unit, shell commands, or none.
import { commandService } from "./command.ts";
import type { Service, ServiceChoice, ServiceLimits } from "./service.ts";
import { systemdService } from "./systemd.ts";

/** systemd gives a unit 90 s to stop and 90 s to start, and must be the first to give up. */
const LIMITS: ServiceLimits = {
  stopMs: 180_000,
  startMs: 180_000,
  checkMs: 60_000,
  oneCheckMs: 15_000,
  pauseMs: 1_000,
};

/** null if no service is set. */
export function createService(
  choice: ServiceChoice,
  limits: Partial<ServiceLimits> = {},
): Service | null {
  const all = { ...LIMITS, ...limits };
  switch (choice.kind) {
    case "none":
      return null;
    case "systemd":
      return systemdService(choice, all);
    case "commands":
      return commandService(choice, all);
  }
}
