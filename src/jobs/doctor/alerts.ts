// Whether anyone hears of it when a backup fails, or when none runs.
import type { Examine } from "./check.ts";
import { ok, warn } from "./check.ts";

// eslint-disable-next-line @typescript-eslint/require-await -- one shape for all checks
export const alerts: Examine = async ({ job }) => {
  const { alertCommand, alertWebhookUrl, alertPingUrl } = job.settings;
  const set = [
    alertCommand ? "ALERT_COMMAND" : null,
    alertWebhookUrl ? "ALERT_WEBHOOK_URL" : null,
  ].filter((name) => name !== null);
  const alert =
    set.length > 0
      ? ok("alerts", `failures are told through ${set.join(" and ")}`)
      : warn(
          "alerts",
          "nobody is told when a backup fails",
          "Set ALERT_COMMAND or ALERT_WEBHOOK_URL, then try it with mongokeep doctor --test-alert.",
        );
  const ping = alertPingUrl
    ? ok("alerts", "a watcher hears of each good backup (ALERT_PING_URL)")
    : warn(
        "alerts",
        "nobody is told when no backup runs at all",
        "Set ALERT_PING_URL, or run mongokeep schedule install --status-alert.",
      );
  return [alert, ping];
};
