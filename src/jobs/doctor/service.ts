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
  const state = await known.state(signal);
  if (state.is === "stopped")
    return [
      ok("service", "the service is known, and does not run now: a restore does not start it"),
    ];
  const problem = await known.problem(signal);
  if (problem !== null) {
    const runs = state.is === "running" ? "runs but its check fails" : "fails its check";
    const hint = "See the service's own log. Where it is stopped on purpose, SERVICE_STATUS can say so."; // prettier-ignore
    return [warn("service", `the service ${runs}: a restore would stop it and start it again (${problem})`, hint)]; // prettier-ignore
  }
  if (state.is !== "unknown") return [ok("service", "the service is known, and runs")];
  return [ok("service", `the service is known; whether it runs is not, because ${state.because}: a restore stops it and starts it again`)]; // prettier-ignore
};
