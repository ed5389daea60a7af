// ALERT_WEBHOOK_URL: a JSON POST with `text` in the format of Slack, Mattermost and others, and details for programs.
import type { Secret } from "../util/secret.ts";
import { requestOnce } from "./http.ts";
import type { HttpLimits } from "./http.ts";
import { redactNotice } from "./notifier.ts";
import type { Notice, Notifier } from "./notifier.ts";

export function webhookNotifier(url: Secret, limits?: HttpLimits): Notifier {
  return {
    name: "ALERT_WEBHOOK_URL",
    async send(notice) {
      await requestOnce("ALERT_WEBHOOK_URL", url, formatBody(redactNotice(notice)), limits);
    },
  };
}

function formatBody({ event, ok, title, text, facts }: Notice): string {
  return JSON.stringify({
    text: `${ok ? "✅" : "🚨"} *${escapeSlack(title)}*\n${escapeSlack(text)}`,
    event,
    ok,
    title,
    message: text,
    facts,
  });
}

/** Slack's three control characters: a collection called "<!channel>" must not notify everybody. */
function escapeSlack(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
