// Every setting with its default. scripts/settings-doc.ts generates docs/settings.md from this schema.
import { z } from "zod";
import { parseBytes, parseDuration } from "../util/units.ts";
import { ENGINES } from "./engines.ts";
import { READ_PREFERENCES } from "./read-preferences.ts";
import * as field from "./fields.ts";
import { optional, withDefault } from "./setting.ts";

const connection = {
  MONGOKEEP_URI: optional({
    group: "Connection",
    secret: true,
    parse: field.text,
    unset: "the application's settings: `MONGODB_URI` and the others below",
    looks: "`mongodb://backup:password@host:27017/database?authSource=admin`",
    about:
      "A URI for mongokeep alone, in the same .env as the application's: a separate login with the role `backup`. mongokeep then ignores `MONGODB_URI`, `MONGODB_HOST` and the settings below it, and `DATABASE_URL`, even if they are malformed; it still reads `MONGODB_DATABASE`.",
  }),
  MONGOKEEP_RESTORE_URI: optional({
    group: "Connection",
    secret: true,
    parse: field.text,
    unset: "the same login as for backups",
    looks: "`mongodb://restorer:password@host:27017/?authSource=admin`",
    about:
      "A login for `restore` and `rollback`, and for the safety backup that they make, so that the nightly login needs no right to write. It must lead to the same server. It does not choose what is backed up.",
  }),
  MONGODB_URI: optional({
    group: "Connection",
    aliases: ["MONGO_URI", "MONGO_URL"],
    secret: true,
    parse: field.text,
    unset:
      "built from `MONGODB_HOST` and the settings below it, else `DATABASE_URL` if it is a mongodb URL",
    looks: "`mongodb://user:password@host:27017/database`",
    about:
      "The address of MongoDB. Percent-encode special characters in user and password (`@` is `%40`). It may be the application's URI: mongokeep uses only the options for address, login and TLS, and ignores the others (pool sizes, query timeouts, write concern, compressors).",
  }),
  MONGODB_HOST: optional({
    group: "Connection",
    parse: field.text,
    looks: "`db.example.org`, or `a:27017,b:27017` for a replica set",
    about:
      "Replaces the URI, together with the seven settings below. They need no percent-encoding.",
  }),
  MONGODB_PORT: optional({
    group: "Connection",
    parse: field.wholeNumber(1, 65535),
    unset: "27017",
    looks: "`27017`",
    about: "Port for hosts without one.",
  }),
  MONGODB_USERNAME: optional({
    group: "Connection",
    aliases: ["MONGODB_USER"],
    parse: field.verbatim,
    looks: "`backup`",
    about: "User to log in as.",
  }),
  MONGODB_PASSWORD: optional({
    group: "Connection",
    aliases: ["MONGODB_PASS"],
    secret: true,
    parse: field.verbatim,
    looks: "`'any text in single quotes'`",
    about: "Its password.",
  }),
  MONGODB_AUTH_SOURCE: optional({
    group: "Connection",
    parse: field.text,
    unset: "`admin`",
    looks: "`admin`",
    about: "Database in which the user is defined.",
  }),
  MONGODB_DIRECT_CONNECTION: optional({
    group: "Connection",
    parse: field.yesNo,
    unset: "`false`",
    looks: "`true` or `false`",
    about:
      "Connect to this member only, without the other members of its replica set. Needed for a set in containers whose member names are unknown outside.",
  }),
  MONGODB_TLS: optional({
    group: "Connection",
    parse: field.yesNo,
    unset: "`true` if `MONGODB_TLS_CA_FILE` is set, else `false`",
    looks: "`true` or `false`",
    about: "Use TLS.",
  }),
  MONGODB_TLS_CA_FILE: optional({
    group: "Connection",
    parse: field.path,
    looks: "`~/ca.pem`",
    about: "Certificate (PEM) of the authority that signed the server's certificate.",
  }),
  MONGODB_DATABASE: optional({
    group: "Connection",
    aliases: ["MONGODB_DB"],
    parse: field.databaseNames,
    unset: "the URI's path (`admin` names none), else `DB_NAME`, else all databases",
    looks: "`surg`, or several: `surg,billing`",
    about: "What to back up.",
  }),
};

const backups = {
  BACKUP_DIR: withDefault("~/.tmp/backups", {
    group: "Backups",
    parse: field.path,
    looks: "`~/.tmp/backups`, `/srv/backups`",
    about:
      "Folder for the backups and nothing else. A relative path starts at the folder of the .env file.",
  }),
  BACKUP_LOG: withDefault("~/.tmp/backup.log", {
    group: "Backups",
    parse: field.path,
    looks: "`~/.tmp/backup.log`",
    about: "File to which scheduled runs append their output.",
  }),
  BACKUP_ENGINE: withDefault("native", {
    group: "Backups",
    parse: field.oneOf(...ENGINES),
    looks: "`native`, `mongodump` or `ejson`",
    about:
      "What reads the documents: mongokeep itself (`native`), the stock tool `mongodump` (if it is not installed, `native` is used), or `ejson`, which writes one line of canonical Extended JSON for each document, readable by people and other programs.",
  }),
  BACKUP_COMPRESSION: withDefault("gzip", {
    group: "Backups",
    parse: field.oneOf("gzip", "zstd", "none"),
    looks: "`gzip`, `zstd` or `none`",
    about: "`gzip` restores with stock `mongorestore --gzip`; `zstd` is faster and smaller.",
  }),
  BACKUP_COMPRESSION_LEVEL: optional({
    group: "Backups",
    parse: field.wholeNumber(1, 19),
    unset: "5 for gzip, 3 for zstd",
    looks: "`1` to `9` for gzip, `1` to `19` for zstd",
    about: "Higher is smaller and slower.",
  }),
  BACKUP_TIMEZONE: optional({
    group: "Backups",
    parse: field.timeZone,
    unset: "the system's",
    looks: "`Europe/Berlin`",
    about:
      "Time zone (IANA name) for the names of backups and for the days, weeks and months of retention.",
  }),
  BACKUP_MAX_RATE: optional({
    group: "Backups",
    parse: field.rate,
    unset: "no limit",
    looks: "`20` (MB/s), `500 KB/s`",
    about: "Highest rate at which a backup reads from the server.",
  }),
  BACKUP_READ_PREFERENCE: withDefault("secondaryPreferred", {
    group: "Backups",
    parse: field.oneOf(...READ_PREFERENCES),
    looks: "`primary`, `primaryPreferred`, `secondary`, `secondaryPreferred` or `nearest`",
    about:
      "The member of a replica set from which `backup` reads documents; it overrides the URI. The list of collections always comes from the primary.",
  }),
  BACKUP_MAX_LAG: withDefault("10min", {
    group: "Backups",
    parse: parseDuration,
    looks: "`10min`, `1h`, `0` for no limit",
    about:
      "A backup fails if its data is further behind the newest known write of the replica set. Beyond 60 s it warns.",
  }),
  BACKUP_NICE: withDefault("10", {
    group: "Backups",
    parse: field.wholeNumber(0, 19),
    looks: "`0` to `19`",
    about:
      "How much processor time `backup` leaves to other processes, such as the database on the same machine: `0` none, `19` all they need.",
  }),
};

const PERIOD = "`30d`, `2w`, `3mo` or `1y`";
const upkeep = {
  RETENTION_DAILY: withDefault("30d", {
    group: "Retention",
    parse: field.period,
    looks: PERIOD,
    about: "How long every automatic backup is kept.",
  }),
  RETENTION_WEEKLY: withDefault("3mo", {
    group: "Retention",
    parse: field.period,
    looks: PERIOD,
    about: "How long one backup a week is kept.",
  }),
  RETENTION_MONTHLY: withDefault("1y", {
    group: "Retention",
    parse: field.period,
    looks: PERIOD,
    about: "How long one backup a month is kept.",
  }),
  DISK_WARN_FREE: withDefault("10GB", {
    group: "Disk",
    parse: parseBytes,
    looks: "`10GB`, `500 MB`, `8 GiB` (GB is 10⁹ bytes), `0` for never",
    about: "A backup warns if less space is free.",
  }),
  DISK_ABORT_FREE: withDefault("5GB", {
    group: "Disk",
    parse: parseBytes,
    looks: "`5GB`, `0` for never",
    about:
      "If less space is free, mongokeep runs the cleanup; if that does not free enough, the backup fails.",
  }),
};

const surroundings = {
  SERVICE_NAME: optional({
    group: "Service and restore",
    parse: field.systemdUnit,
    looks: "`surg-backend.service`",
    about:
      "systemd unit of the application that uses the database. A restore stops it while it replaces live data.",
  }),
  SERVICE_STOP: optional({
    group: "Service and restore",
    secret: true,
    parse: field.text,
    looks: "`docker stop surg-api`",
    about: "Shell command that stops the service. Replaces `SERVICE_NAME`.",
  }),
  SERVICE_START: optional({
    group: "Service and restore",
    secret: true,
    parse: field.text,
    looks: "`docker start surg-api`",
    about:
      "Shell command that starts the service. It must return once the service runs; redirect the output of background processes to a file.",
  }),
  SERVICE_CHECK: optional({
    group: "Service and restore",
    secret: true,
    parse: field.text,
    looks: "`curl -fsS localhost:8000/health`",
    about:
      "Shell command that exits 0 if the service works; it is repeated for up to a minute. A failing check does not mean that the service is stopped.",
  }),
  SERVICE_STATUS: optional({
    group: "Service and restore",
    secret: true,
    parse: field.text,
    unset:
      "systemd's answer for `SERVICE_NAME`, else unknown: a restore then stops the service and starts it again",
    looks: "`systemctl --user status surg-api`",
    about:
      "Shell command that exits 0 if the service runs, whether it works or not, and 3 if it is stopped; any other exit code counts as unknown. A restore does not start a service that was stopped before.",
  }),
  RESTORE_KEEP_ASIDE: withDefault("24h", {
    group: "Service and restore",
    parse: parseDuration,
    looks: "`24h`, `90min`, `7d`, `0` for not at all",
    about: "How long a restore retains the collections that it replaced.",
  }),
  RESTORE_CUTOVER_TIMEOUT: withDefault("10s", {
    group: "Service and restore",
    parse: parseDuration,
    looks: "`10s`, `1min`",
    about:
      "How long a restore keeps the service stopped while it waits for an open transaction or index build that blocks a collection; after that it returns to the old state. Before it stops the service it waits up to 5 minutes.",
  }),
  DRILL_MONGODB_URI: optional({
    group: "Drills",
    secret: true,
    parse: field.text,
    unset: "a temporary mongod",
    looks: "`mongodb://user:password@test-host:27017/`",
    about:
      "Test server into which `drill` restores. It must hold no databases; the drill drops everything it created.",
  }),
  DRILL_CHECKS: optional({
    group: "Drills",
    parse: field.path,
    looks: "`drill-checks.txt`",
    about: "File of checks that `drill` runs on the restored data (see docs/cli.md).",
  }),
  DRILL_REMINDER: withDefault("90d", {
    group: "Drills",
    parse: parseDuration,
    looks: "`90d`, `0` for never",
    about: "`status` warns if no restore and no drill succeeded for this long.",
  }),
  MONGOD_BINARY: optional({
    group: "Drills",
    parse: field.path,
    unset: "`mongod` on the `PATH`, else one that is downloaded once (Linux x64)",
    looks: "`/usr/bin/mongod`",
    about: "The mongod that `drill` starts if `DRILL_MONGODB_URI` is not set.",
  }),
  ALERT_COMMAND: optional({
    group: "Alerts",
    secret: true,
    parse: field.text,
    looks: '`mail -s "$MONGOKEEP_TITLE" ops@example.org`',
    about:
      "Shell command that mongokeep runs for an alert, with the message on stdin and details in `MONGOKEEP_…` variables.",
  }),
  ALERT_WEBHOOK_URL: optional({
    group: "Alerts",
    secret: true,
    parse: field.webUrl,
    looks: "`https://hooks.slack.com/services/…`",
    about:
      "URL that receives alerts as a JSON POST with `text` (in the format of Slack) and the details.",
  }),
  ALERT_PING_URL: optional({
    group: "Alerts",
    secret: true,
    parse: field.webUrl,
    looks: "`https://hc-ping.com/…`",
    about:
      "URL requested after each good backup, so that a monitoring service notices a missing one.",
  }),
};

export const settingsSchema = z.object({
  ...connection,
  ...backups,
  ...upkeep,
  ...surroundings,
});

/** Values by setting name; settings.ts assembles the settings from them. */
export type SettingValues = z.output<typeof settingsSchema>;
export type SettingName = keyof SettingValues;
