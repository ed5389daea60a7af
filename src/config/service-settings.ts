// How to stop and start the service that uses the database: a systemd unit, commands, or not at all.
import { KeepError } from "../errors.ts";
import { rememberCommand } from "../util/redact.ts";
import type { SettingName, SettingValues } from "./schema.ts";

const COMMANDS = ["SERVICE_STOP", "SERVICE_START", "SERVICE_CHECK", "SERVICE_STATUS"] as const;

export type ServiceSettings =
  | { readonly kind: "none" }
  | ({ readonly kind: "systemd"; readonly unit: string } & Asked)
  | ({
      readonly kind: "commands";
      readonly stop: string;
      readonly start: string;
      /** The file that contains SERVICE_START, for messages; null: the environment. */
      readonly startFrom: string | null;
    } & Asked);

interface Asked {
  readonly check: string | null;
  readonly status: string | null;
}

/** @throws KeepError bad-setting if both ways are set, or only half of one */
export function readServiceSettings(
  values: SettingValues,
  startFrom: string | null,
): ServiceSettings {
  for (const name of COMMANDS) rememberCommand(values[name] ?? "");
  const { SERVICE_NAME: unit, SERVICE_STOP: stop, SERVICE_START: start } = values;
  const asked = { check: values.SERVICE_CHECK ?? null, status: values.SERVICE_STATUS ?? null };
  if (unit !== undefined) {
    const other = stop === undefined ? "SERVICE_START" : "SERVICE_STOP";
    if (stop !== undefined || start !== undefined) {
      throw wrong(other, `SERVICE_NAME and ${other} are both set`, `Remove one of them.`);
    }
    return { kind: "systemd", unit, ...asked };
  }
  if (stop !== undefined && start !== undefined)
    return { kind: "commands", stop, start, startFrom, ...asked };
  if (stop !== undefined) throw missing("SERVICE_START", "SERVICE_STOP");
  if (start !== undefined) throw missing("SERVICE_STOP", "SERVICE_START");
  if (asked.check !== null) throw missing("SERVICE_NAME", "SERVICE_CHECK");
  if (asked.status !== null) throw missing("SERVICE_NAME", "SERVICE_STATUS");
  return { kind: "none" };
}

function missing(name: SettingName, set: SettingName): KeepError {
  const hint =
    name === "SERVICE_NAME"
      ? "Set SERVICE_NAME, or SERVICE_STOP and SERVICE_START."
      : `Set ${name}, for example ${name}='docker ${name === "SERVICE_STOP" ? "stop" : "start"} surg-api'.`;
  return wrong(name, `${set} is set, but ${name} is not`, hint);
}

function wrong(setting: SettingName, message: string, hint: string): KeepError {
  return new KeepError("bad-setting", message, { hint, details: { setting } });
}
