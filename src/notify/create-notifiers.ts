// The notifiers of the settings.
import type { Secret } from "../util/secret.ts";
import { commandNotifier } from "./command.ts";
import type { Notifier } from "./notifier.ts";
import { webhookNotifier } from "./webhook.ts";

/** The settings of config/ have this shape. */
export interface AlertChoice {
  readonly alertCommand: Secret | null;
  readonly alertWebhookUrl: Secret | null;
}

/** None, one or two; none is not an error. */
export function createNotifiers({ alertCommand, alertWebhookUrl }: AlertChoice): Notifier[] {
  return [
    ...(alertCommand ? [commandNotifier(alertCommand)] : []),
    ...(alertWebhookUrl ? [webhookNotifier(alertWebhookUrl)] : []),
  ];
}
