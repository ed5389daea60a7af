// ALERT_PING_URL: requested after each good backup, so that a monitoring service notices a missing one.
import { warn } from "../events.ts";
import type { Emit } from "../events.ts";
import { messageOf } from "../util/redact.ts";
import type { Secret } from "../util/secret.ts";
import { requestOnce } from "./http.ts";
import type { HttpLimits } from "./http.ts";

/** Does nothing if no address is set. Never throws: a failure is logged and returned; null is success. */
export async function pingHeartbeat(
  settings: { readonly alertPingUrl: Secret | null },
  emit: Emit,
  limits?: HttpLimits,
): Promise<string | null> {
  if (settings.alertPingUrl === null) return null;
  try {
    await requestOnce("ALERT_PING_URL", settings.alertPingUrl, null, limits);
    return null;
  } catch (error) {
    const message = `heartbeat was not sent: ${messageOf(error)}`;
    warn(emit, "heartbeat-not-sent", message);
    return message;
  }
}
