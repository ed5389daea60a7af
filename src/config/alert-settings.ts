// Who receives alerts. These settings are also read separately, ignoring everything else in the .env, so that an alert
// about a wrong setting still gets out.
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { rememberCommand, rememberSecret } from "../util/redact.ts";
import { Secret } from "../util/secret.ts";
import { MOST_BYTES } from "./env-file.ts";
import { findTrap, listAssignments, normalizeEnvText, parseEnvText } from "./env-text.ts";
import { settingsSchema } from "./schema.ts";
import type { SettingValues } from "./schema.ts";

export interface AlertSettings {
  /** Secret, because such commands contain tokens. */
  readonly alertCommand: Secret | null;
  readonly alertWebhookUrl: Secret | null;
  readonly alertPingUrl: Secret | null;
}

export type AlertSource = Readonly<{
  envFile: string | undefined;
  /** null if the working folder no longer exists: a relative path then leads nowhere. */
  cwd: string | null;
  env: Readonly<Record<string, string | undefined>>;
}>;

const NAMES = ["ALERT_COMMAND", "ALERT_WEBHOOK_URL", "ALERT_PING_URL"] as const;
type AlertName = (typeof NAMES)[number];
const NAME_FIRST = new RegExp(`^[ \\t]*(?:${NAMES.join("|")})[ \\t]*=`);
const isAlert = (name: string) => (NAMES as readonly string[]).includes(name);
type AlertValues = Pick<SettingValues, AlertName>;

/** The values as secrets, registered so that no message shows them. */
export function toAlertSettings(values: AlertValues): AlertSettings {
  rememberCommand(values.ALERT_COMMAND ?? "");
  const secret = (value: string | undefined) => (value === undefined ? null : new Secret(value));
  for (const url of [values.ALERT_WEBHOOK_URL, values.ALERT_PING_URL]) {
    if (url === undefined) continue;
    rememberSecret(url);
    const { pathname, search } = new URL(url);
    // The path is the key of such addresses, and network errors may show the path alone.
    if (pathname.length > 8) rememberSecret(pathname + search);
  }
  return {
    alertCommand: secret(values.ALERT_COMMAND),
    alertWebhookUrl: secret(values.ALERT_WEBHOOK_URL),
    alertPingUrl: secret(values.ALERT_PING_URL),
  };
}

/** Every valid alert setting, whatever else is wrong. Never throws. */
export async function readAlertSettings(source: AlertSource): Promise<AlertSettings> {
  const inFile = alertTexts(await readLeniently(source));
  const values: Partial<Record<AlertName, string>> = {};
  for (const name of NAMES) {
    // As everywhere: the environment overrides the file, and an empty variable unsets it.
    const text = source.env[name] ?? inFile.get(name) ?? "";
    const read = settingsSchema.shape[name].safeParse(text);
    if (text.trim() !== "" && read.success && read.data !== undefined) values[name] = read.data;
  }
  return toAlertSettings(values);
}

/**
 * The alert settings of a .env. It leaves out a setting that node would read differently from what is meant. A setting
 * inside a quote that is opened earlier and never closed is found on its own line.
 */
function alertTexts(written: string): ReadonlyMap<string, string> {
  const text = normalizeEnvText(written);
  const alone = text.split("\n").filter((line) => NAME_FIRST.test(line));
  return new Map([...alone.flatMap(rightOnes), ...rightOnes(text)]);
}

function rightOnes(text: string): [string, string][] {
  const trapped = listAssignments(text).filter((one) => findTrap(one, true) !== null);
  const isRight = (name: string) => !trapped.some((one) => one.name === name);
  return [...parseEnvText(text)].filter(([name]) => isAlert(name) && isRight(name));
}

/** The first megabyte of the file, whatever its encoding; empty if it cannot be read. */
async function readLeniently({ envFile, cwd }: AlertSource): Promise<string> {
  try {
    const path = cwd === null ? (envFile ?? "") : resolve(cwd, envFile ?? ".env");
    await using file = await open(path);
    // A pipe was already read to its end; reading it again would wait.
    if (!(await file.stat()).isFile()) return "";
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0);
    return decode(buffer.subarray(0, bytesRead));
  } catch {
    return ""; // the settings error reports the reason
  }
}

/** UTF-16 as written by some editors on Windows; otherwise UTF-8, otherwise Latin-1, which accepts every byte. */
function decode(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString("utf16le");
  const text = bytes.toString("utf8");
  return text.includes("\ufffd") ? bytes.toString("latin1") : text;
}
