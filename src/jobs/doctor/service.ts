// Whether the service that a restore would stop exists.
import type { Examine } from "./check.ts";
import { ok, warn } from "./check.ts";

export const service: Examine = async ({ job }) => {
  const { service: known, signal } = job;
  if (!known) {
    const hint =
      "If an application writes to this database, set SERVICE_NAME, or SERVICE_STOP and SERVICE_START.";
    return [warn("service", "no service is set: a restore stops none", hint)];
  }
  await known.assertExists(signal);
  const running = await known.isRunning(signal);
  const state = running === null ? "" : running ? ", and runs" : ", and does not run now";
  return [ok("service", `the service is known${state}`)];
};
