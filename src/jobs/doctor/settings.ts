// What the settings name, and what in them a person should look at.
import type { Examine } from "./check.ts";
import { ok, warn } from "./check.ts";

// eslint-disable-next-line @typescript-eslint/require-await -- one shape for all checks
export const settings: Examine = async ({ job }) => {
  const { envFile, warnings, databases, hosts } = job.settings;
  const what = databases?.join(", ") ?? "all databases";
  const where = envFile ?? "the environment alone (there is no .env here)";
  const named = hosts.length === 0 ? "no MongoDB is named" : `${what} on ${hosts.join(",")}`;
  return [
    ok("settings", `read from ${where}: ${named}`),
    ...warnings.map((message) => warn("settings", message, "See docs/settings.md.")),
  ];
};
