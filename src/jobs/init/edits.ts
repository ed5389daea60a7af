// The answers as lines of a .env. Pure.
import type { Edit } from "../../config/env-edit.ts";
import type { InitAnswers } from "./result.ts";

const NAMES: readonly (readonly [keyof InitAnswers, Edit["names"]])[] = [
  ["uri", ["MONGOKEEP_URI"]],
  ["restoreUri", ["MONGOKEEP_RESTORE_URI"]],
  ["database", ["MONGODB_DATABASE", "MONGODB_DB"]],
  ["folder", ["BACKUP_DIR"]],
  ["timezone", ["BACKUP_TIMEZONE"]],
  ["service", ["SERVICE_NAME"]],
  ["alertCommand", ["ALERT_COMMAND"]],
  ["alertWebhookUrl", ["ALERT_WEBHOOK_URL"]],
  ["alertPingUrl", ["ALERT_PING_URL"]],
];

export function editsOf(answers: InitAnswers): Edit[] {
  return NAMES.flatMap(([key, names]) => {
    const value = answers[key];
    return value === null ? [] : [{ names, value }];
  });
}
