// Settings that a program passes instead of a .env: checked strictly, because nobody reads a warning there.
import { distance } from "fastest-levenshtein";
import { z } from "zod";
import { KeepError } from "../errors.ts";
import { Secret } from "../util/secret.ts";
import { parseConnectionString } from "./connection-string.ts";
import { ENGINES } from "./engines.ts";
import { resolvePath } from "./paths.ts";
import { READ_PREFERENCES } from "./read-preferences.ts";
import type { Settings } from "./settings.ts";

/** Any of the settings; a secret may be plain text. */
export type PlainSettings = {
  readonly [K in keyof Settings]?: Secret extends Settings[K] ? Settings[K] | string : Settings[K];
};

const secret = z
  .union([z.string().min(1), z.instanceof(Secret)])
  .transform((value) => (value instanceof Secret ? value : new Secret(value)))
  .nullable();
const text = z.string().min(1);
const amount = z.number().nonnegative();
const period = z.object({ count: z.int().positive(), unit: z.enum(["d", "w", "mo", "y"]) });
const zone = text.refine(isZone, "is not a time zone, such as Europe/Berlin");

const FIELDS = {
  envFile: text.nullable(),
  uri: secret,
  uriName: text.nullable(),
  restoreLogin: z.object({ uri: z.instanceof(Secret), uriName: text }).nullable(),
  hosts: z.array(text),
  databases: z.array(text).nullable(),
  backupDir: text,
  logFile: text,
  engine: z.enum(ENGINES),
  compression: z.object({
    algorithm: z.enum(["gzip", "zstd", "none"]),
    level: z.int().nullable(),
  }),
  timezone: zone,
  maxRateBytesPerSecond: z.number().positive().nullable(),
  readPreference: z.enum(READ_PREFERENCES),
  maxLagMs: amount,
  nice: z.int().min(0).max(19),
  retention: z.object({ daily: period, weekly: period, monthly: period }),
  diskWarnFreeBytes: amount,
  diskAbortFreeBytes: amount,
  service: z.looseObject({ kind: z.enum(["none", "systemd", "commands"]) }),
  restoreKeepAsideMs: amount,
  cutoverTimeoutMs: amount,
  drill: z.object({
    uri: secret,
    checksFile: text.nullable(),
    reminderMs: amount,
    mongodBinary: text.nullable(),
  }),
  alertCommand: secret,
  alertWebhookUrl: secret,
  alertPingUrl: secret,
  warnings: z.array(z.string()),
} satisfies Record<keyof Settings, z.ZodType>;

const PATHS = ["envFile", "backupDir", "logFile"] as const;

/**
 * The option `settings` of the library's functions, with absolute paths and wrapped secrets. @throws KeepError
 * bad-setting naming the first wrong field, never its value
 */
export function checkPlainSettings(
  given: unknown,
  place: { readonly cwd: string; readonly home: string },
): Partial<Settings> {
  if (given === undefined) return {};
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw wrong("settings", "is not an object");
  // An undefined value counts as missing.
  const values = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const [name] of values) if (!Object.hasOwn(FIELDS, name)) throw unknown(name);
  const parsed = z.strictObject(FIELDS).partial().safeParse(Object.fromEntries(values));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw wrong(`settings.${issue?.path.join(".") ?? ""}`, issue?.message ?? "is wrong");
  }
  const checked = parsed.data as Partial<Settings>;
  const paths = PATHS.flatMap((name) => {
    const written = checked[name];
    return typeof written === "string"
      ? [[name, resolvePath(written, `settings.${name}`, place.cwd, place.home)]]
      : [];
  });
  const fromUri = checked.uri ? scopeOf(checked.uri) : {};
  return { ...fromUri, ...checked, ...(Object.fromEntries(paths) as Partial<Settings>) };
}

/** The databases to back up come from this URI, not from that of a .env, unless they are given too. */
function scopeOf(uri: Secret): Partial<Settings> {
  const { hosts, database } = parseConnectionString(uri.reveal(), "settings.uri");
  return { hosts, databases: database === null ? null : [database], uriName: "settings.uri" };
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function wrong(name: string, problem: string): KeepError {
  return new KeepError("bad-setting", `${name}: ${problem}`, {
    hint: "The type Settings of mongokeep describes each field; the names contain the units.",
    details: { setting: name },
  });
}

function unknown(name: string): KeepError {
  const [close] = Object.keys(FIELDS).sort((a, b) => distance(a, name) - distance(b, name));
  return wrong(`settings.${name}`, `is not a setting; did you mean ${close ?? "another one"}?`);
}
