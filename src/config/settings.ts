// Settings from .env and the process environment. The only folder that reads process.env.
import { access, constants } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Compression } from "../codec/codec.ts";
import { KeepError } from "../errors.ts";
import type { RetentionPolicy } from "../retention/policy.ts";
import { withhold } from "../util/child-environment.ts";
import { homeFolder, workingFolder } from "../util/process-folders.ts";
import { rememberSecret } from "../util/redact.ts";
import { Secret } from "../util/secret.ts";
import { toAlertSettings } from "./alert-settings.ts";
import type { AlertSettings, AlertSource } from "./alert-settings.ts";
import { readCompression } from "./compression.ts";
import { readConnection, readRestoreLogin } from "./connection.ts";
import { parseConnectionString } from "./connection-string.ts";
import type { RestoreLogin } from "./connection.ts";
import type { EngineSetting } from "./engines.ts";
import type { ReadPreferenceSetting } from "./read-preferences.ts";
import { readEnvFile } from "./env-file.ts";
import { SECRET_NAMES } from "./names.ts";
import { createLookup } from "./lookup.ts";
import { refuseSharedFolder, resolvePath } from "./paths.ts";
import { readServiceSettings } from "./service-settings.ts";
import type { ServiceSettings } from "./service-settings.ts";
import { systemZone } from "./time-zone.ts";
import type { SettingName, SettingValues } from "./schema.ts";
import type { UriParts } from "./uri-parts.ts";
import { readValues } from "./values.ts";
import type { ReadValues } from "./values.ts";
import { withoutApplicationOptions } from "./uri-options.ts";
import { findWarnings, refuseGraveMiss } from "./warnings.ts";

export type { ServiceSettings } from "./service-settings.ts";

/** Every setting, checked and with defaults. Names contain the units. Printing it shows no secret. */
export interface Settings extends AlertSettings {
  /** Absolute path of the .env that was read; null if there was none. */
  readonly envFile: string | null;
  /** null if none is set: commands that need no server work without it. See `requireUri`. */
  readonly uri: Secret | null;
  /** The setting of `uri`, for messages. */
  readonly uriName: string | null;
  /** The login of `restore` and `rollback`; null: the same. */
  readonly restoreLogin: RestoreLogin | null;
  /** host:port of each seed (or the SRV name), sorted; free of credentials. Empty without a URI. */
  readonly hosts: readonly string[];
  /** null: all databases. */
  readonly databases: readonly string[] | null;
  /** Absolute. */
  readonly backupDir: string;
  readonly logFile: string;
  readonly engine: EngineSetting;
  readonly compression: Compression;
  /** IANA zone. */
  readonly timezone: string;
  readonly maxRateBytesPerSecond: number | null;
  /** For the documents of a backup. */
  readonly readPreference: ReadPreferenceSetting;
  /** 0: no limit. */
  readonly maxLagMs: number;
  /** 0 to 19, for `backup`. */
  readonly nice: number;
  readonly retention: RetentionPolicy;
  readonly diskWarnFreeBytes: number;
  readonly diskAbortFreeBytes: number;
  readonly service: ServiceSettings;
  readonly restoreKeepAsideMs: number;
  /** How long the cutover of a restore may wait for a collection. */
  readonly cutoverTimeoutMs: number;
  readonly drill: DrillSettings;
  /** Warnings for a person; they stop nothing. */
  readonly warnings: readonly string[];
}

export interface DrillSettings {
  /** The test server of drills; null: each drill starts a temporary one. */
  readonly uri: Secret | null;
  /** Absolute path of the file with checks; null: none. */
  readonly checksFile: string | null;
  /** 0: never. */
  readonly reminderMs: number;
  /** The mongod to start; null: the one that is found. */
  readonly mongodBinary: string | null;
}

export interface SettingsSource {
  /** `--env-file`; undefined: `.env` in `cwd`, if it exists. */
  readonly envFile: string | undefined;
  readonly cwd: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** This process's environment. */
export function systemSource(envFile?: string): SettingsSource {
  return { envFile, cwd: process.cwd(), home: homeFolder(), env: process.env };
}

/** Facts about this process's environment that are always known. */
export function alertSource(envFile?: string): AlertSource {
  return { envFile, cwd: workingFolder(), env: process.env };
}

/**
 * Reads and checks every setting; does not use the server or the backup folder. @throws KeepError bad-setting (exit 2),
 * not-in-this-version (exit 2)
 */
export async function loadSettings(source: SettingsSource): Promise<Settings> {
  withhold(SECRET_NAMES);
  const file = await readEnvFile(source.envFile, source.cwd, source.env);
  refuseGraveMiss(file);
  const lookup = createLookup(source.env, file);
  const read = readValues(lookup);
  const { values } = read;
  const pathOf = (name: SettingName, written: string) => {
    const base = read.found.get(name)?.level === 2 && file ? file.folder : source.cwd;
    return resolvePath(written, name, base, source.home);
  };
  const parts = await readParts(values, pathOf);
  const { uri, uriName, hosts, databases, warnings } = readConnection(read, parts, lookup);
  const backupDir = pathOf("BACKUP_DIR", values.BACKUP_DIR);
  refuseSharedFolder(backupDir, source.home);
  const settings = {
    envFile: file?.path ?? null,
    uri,
    uriName,
    restoreLogin: readRestoreLogin(read),
    hosts,
    databases,
    backupDir,
    logFile: readLogFile(source, read, backupDir, pathOf),
    service: readServiceSettings(
      values,
      read.found.get("SERVICE_START")?.level === 2 ? (file?.path ?? null) : null,
    ),
    drill: readDrill(values, pathOf),
    ...readRest(values),
    ...toAlertSettings(values),
  };
  const zoneProblem = read.found.has("BACKUP_TIMEZONE") ? null : systemZone().problem;
  return {
    ...settings,
    warnings: [
      ...warnings,
      ...findWarnings(source.env, file, read, uriName),
      ...(zoneProblem === null ? [] : [zoneProblem]),
    ],
  };
}

/**
 * The URI, for commands that need a server.
 * @throws KeepError bad-setting with what to put into .env
 */
export function requireUri(settings: Pick<Settings, "uri" | "envFile">): Secret {
  if (settings.uri) return settings.uri;
  const where = settings.envFile ?? "a file named .env in this folder";
  throw new KeepError("bad-setting", "no MongoDB server is set: MONGODB_URI is missing", {
    hint: [
      `Put this into ${where}, with your own values:`,
      "MONGODB_HOST=localhost",
      "MONGODB_PORT=27017",
      "MONGODB_USERNAME=backup",
      "MONGODB_PASSWORD='…'",
      "MONGODB_DATABASE=surg",
    ].join("\n"),
    details: { setting: "MONGODB_URI" },
  });
}

async function readParts(
  values: SettingValues,
  pathOf: (name: SettingName, written: string) => string,
): Promise<UriParts> {
  const written = values.MONGODB_TLS_CA_FILE;
  const tlsCaFile = written === undefined ? undefined : pathOf("MONGODB_TLS_CA_FILE", written);
  if (tlsCaFile !== undefined) await requireReadable(tlsCaFile);
  return {
    host: values.MONGODB_HOST,
    port: values.MONGODB_PORT,
    username: values.MONGODB_USERNAME,
    password: values.MONGODB_PASSWORD,
    authSource: values.MONGODB_AUTH_SOURCE,
    directConnection: values.MONGODB_DIRECT_CONNECTION,
    tls: values.MONGODB_TLS,
    tlsCaFile,
  };
}

async function requireReadable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (error) {
    throw new KeepError("bad-setting", `MONGODB_TLS_CA_FILE (${path}) cannot be read`, {
      hint: "Name the PEM file of the certificate authority that signed the server's certificate.",
      details: { setting: "MONGODB_TLS_CA_FILE" },
      cause: error,
    });
  }
}

/** Its default is beside the default of BACKUP_DIR; without a home folder it is beside BACKUP_DIR. */
function readLogFile(
  { home }: SettingsSource,
  { values, found }: ReadValues,
  backupDir: string,
  pathOf: (name: SettingName, written: string) => string,
): string {
  if (home === "" && !found.has("BACKUP_LOG")) return join(dirname(backupDir), "backup.log");
  return pathOf("BACKUP_LOG", values.BACKUP_LOG);
}

function readRest(values: SettingValues) {
  const engine = values.BACKUP_ENGINE;
  const { DISK_WARN_FREE: diskWarnFreeBytes, DISK_ABORT_FREE: diskAbortFreeBytes } = values;
  if (diskWarnFreeBytes < diskAbortFreeBytes) {
    throw new KeepError("bad-setting", "DISK_WARN_FREE is less than DISK_ABORT_FREE", {
      hint: "Warn before giving up, for example DISK_WARN_FREE=10GB and DISK_ABORT_FREE=5GB.",
      details: { setting: "DISK_WARN_FREE" },
    });
  }
  return {
    engine,
    compression: readCompression(values.BACKUP_COMPRESSION, values.BACKUP_COMPRESSION_LEVEL),
    timezone: values.BACKUP_TIMEZONE ?? systemZone().zone,
    maxRateBytesPerSecond: values.BACKUP_MAX_RATE ?? null,
    readPreference: values.BACKUP_READ_PREFERENCE,
    maxLagMs: values.BACKUP_MAX_LAG,
    nice: values.BACKUP_NICE,
    retention: {
      daily: values.RETENTION_DAILY,
      weekly: values.RETENTION_WEEKLY,
      monthly: values.RETENTION_MONTHLY,
    },
    diskWarnFreeBytes,
    diskAbortFreeBytes,
    restoreKeepAsideMs: values.RESTORE_KEEP_ASIDE,
    cutoverTimeoutMs: values.RESTORE_CUTOVER_TIMEOUT,
  } satisfies Partial<Settings>;
}

function readDrill(
  values: SettingValues,
  pathOf: (name: SettingName, written: string) => string,
): DrillSettings {
  const { DRILL_MONGODB_URI: uri, DRILL_CHECKS: checks, MONGOD_BINARY: binary } = values;
  // Refuses what the driver would refuse, and registers the password so that no message shows it.
  const password =
    uri === undefined ? null : parseConnectionString(uri, "DRILL_MONGODB_URI").password;
  if (password !== null) rememberSecret(password);
  return {
    uri: uri === undefined ? null : new Secret(withoutApplicationOptions(uri).uri),
    checksFile: checks === undefined ? null : pathOf("DRILL_CHECKS", checks),
    reminderMs: values.DRILL_REMINDER,
    mongodBinary: binary === undefined ? null : pathOf("MONGOD_BINARY", binary),
  };
}
