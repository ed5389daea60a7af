// Every setting there is, with its default. docs/settings.md is written from here (scripts/settings-doc.ts).
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
    unset: "the application's: `MONGODB_URI` and the rest",
    looks: "`mongodb://backup:password@host:27017/database?authSource=admin`",
    about:
      "mongokeep's own URI, beside the application's in one .env: a login of its own, with the role `backup`. Nothing of `MONGODB_URI`, its parts and `DATABASE_URL` counts then, right or wrong; `MONGODB_DATABASE` does.",
  }),
  MONGOKEEP_RESTORE_URI: optional({
    group: "Connection",
    secret: true,
    parse: field.text,
    unset: "the same login as for backups",
    looks: "`mongodb://restorer:password@host:27017/?authSource=admin`",
    about:
      "A login for `restore` and `rollback`, with the backup that they make first: the nightly one needs no right to write then. It must lead to the same server; what is backed up it does not say.",
  }),
  MONGODB_URI: optional({
    group: "Connection",
    aliases: ["MONGO_URI", "MONGO_URL"],
    secret: true,
    parse: field.text,
    unset: "from `MONGODB_HOST` and the rest, else `DATABASE_URL` if that is a mongodb URL",
    looks: "`mongodb://user:password@host:27017/database`",
    about:
      "Where MongoDB is. Special characters in user and password are percent-encoded (`@` is `%40`). It may be the application's own: options that do not say where the server is, who logs in and how the connection is secured (pool sizes, time limits of queries, write concern, compressors, forms of answers) are left out.",
  }),
  MONGODB_HOST: optional({
    group: "Connection",
    parse: field.text,
    looks: "`db.example.org`, or `a:27017,b:27017` for a replica set",
    about: "In place of a URI, with the seven below; they need no percent-encoding.",
  }),
  MONGODB_PORT: optional({
    group: "Connection",
    parse: field.wholeNumber(1, 65535),
    unset: "27017",
    looks: "`27017`",
    about: "Port of each host that names none.",
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
    about: "Database that the user is defined in.",
  }),
  MONGODB_DIRECT_CONNECTION: optional({
    group: "Connection",
    parse: field.yesNo,
    unset: "`false`",
    looks: "`true` or `false`",
    about:
      "Whether to use this one member alone, whatever names its replica set gives the members: for a set in containers, whose names mean nothing outside.",
  }),
  MONGODB_TLS: optional({
    group: "Connection",
    parse: field.yesNo,
    unset: "`true` where `MONGODB_TLS_CA_FILE` is set, else `false`",
    looks: "`true` or `false`",
    about: "Whether to speak TLS.",
  }),
  MONGODB_TLS_CA_FILE: optional({
    group: "Connection",
    parse: field.path,
    looks: "`~/ca.pem`",
    about: "Certificate authority that signed the server's certificate (PEM).",
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
      "Folder of the backups, for them alone. A relative path starts at the .env file's folder.",
  }),
  BACKUP_LOG: withDefault("~/.tmp/backup.log", {
    group: "Backups",
    parse: field.path,
    looks: "`~/.tmp/backup.log`",
    about: "File that scheduled runs append their output to.",
  }),
  BACKUP_ENGINE: withDefault("native", {
    group: "Backups",
    parse: field.oneOf(...ENGINES),
    looks: "`native`, `mongodump` or `ejson`",
    about:
      "What moves the documents: our own, or stock `mongodump` (where it is not installed, `native` takes over), or a line of canonical Extended JSON for each document (`ejson`), which people and other programs read.",
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
    about: "Time zone (IANA name) of backup names and of the days, weeks and months of retention.",
  }),
  BACKUP_MAX_RATE: optional({
    group: "Backups",
    parse: field.rate,
    unset: "no limit",
    looks: "`20` (MB/s), `500 KB/s`",
    about: "Reads no faster than this from the server.",
  }),
  BACKUP_READ_PREFERENCE: withDefault("secondaryPreferred", {
    group: "Backups",
    parse: field.oneOf(...READ_PREFERENCES),
    looks: "`primary`, `primaryPreferred`, `secondary`, `secondaryPreferred` or `nearest`",
    about:
      "Which member of a replica set `backup` reads the documents from, whatever the URI says; what collections there are the primary tells.",
  }),
  BACKUP_MAX_LAG: withDefault("10min", {
    group: "Backups",
    parse: parseDuration,
    looks: "`10min`, `1h`, `0` for no limit",
    about:
      "How far the data may be behind the newest write that the replica set is known to have: beyond it a backup fails. Beyond 60 s it warns.",
  }),
  BACKUP_NICE: withDefault("10", {
    group: "Backups",
    parse: field.wholeNumber(0, 19),
    looks: "`0` to `19`",
    about:
      "How much `backup` yields the processor to others, the database beside it above all: `0` not at all, `19` always.",
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
    about: "Below this much free space a backup warns and goes on.",
  }),
  DISK_ABORT_FREE: withDefault("5GB", {
    group: "Disk",
    parse: parseBytes,
    looks: "`5GB`, `0` for never",
    about: "Below this much free space cleanup runs, then the backup is given up.",
  }),
};

const surroundings = {
  SERVICE_NAME: optional({
    group: "Service and restore",
    parse: field.systemdUnit,
    looks: "`surg-backend.service`",
    about: "systemd unit that writes to the database: stopped while a restore replaces live data.",
  }),
  SERVICE_STOP: optional({
    group: "Service and restore",
    secret: true,
    parse: field.text,
    looks: "`docker stop surg-api`",
    about: "Shell command that stops it, in place of `SERVICE_NAME`.",
  }),
  SERVICE_START: optional({
    group: "Service and restore",
    secret: true,
    parse: field.text,
    looks: "`docker start surg-api`",
    about:
      "Shell command that starts it. It must come back once the service runs; output of what it leaves in the background belongs into a file.",
  }),
  SERVICE_CHECK: optional({
    group: "Service and restore",
    secret: true,
    parse: field.text,
    looks: "`curl -fsS localhost:8000/health`",
    about:
      "Shell command that exits 0 when the service works; tried again for a minute. A service that does not work is not taken for stopped.",
  }),
  SERVICE_STATUS: optional({
    group: "Service and restore",
    secret: true,
    parse: field.text,
    unset:
      "systemd's answer for `SERVICE_NAME`, else it is not known: then the service is stopped, and started again",
    looks: "`systemctl --user status surg-api`",
    about:
      "Shell command that exits 0 when the service runs, whether it works or not, and 3 when it is stopped; anything else counts as not known. A service that is stopped before a restore is not started by it.",
  }),
  RESTORE_KEEP_ASIDE: withDefault("24h", {
    group: "Service and restore",
    parse: parseDuration,
    looks: "`24h`, `90min`, `7d`, `0` for not at all",
    about: "How long a restore keeps the data that it replaced beside the live data.",
  }),
  RESTORE_CUTOVER_TIMEOUT: withDefault("10s", {
    group: "Service and restore",
    parse: parseDuration,
    looks: "`10s`, `1min`",
    about:
      "How long the service stays stopped for what holds a collection that is replaced (an open transaction, an index build): then the old state is put back. Before the service is stopped it is waited for up to 5 minutes.",
  }),
  DRILL_MONGODB_URI: optional({
    group: "Drills",
    secret: true,
    parse: field.text,
    unset: "a mongod of its own, started for the drill",
    looks: "`mongodb://user:password@test-host:27017/`",
    about:
      "Throw-away server that `drill` restores into. It must hold no databases of its own; what the drill makes there is dropped again.",
  }),
  DRILL_CHECKS: optional({
    group: "Drills",
    parse: field.path,
    looks: "`drill-checks.txt`",
    about: "File of named checks that `drill` puts to the restored data (see docs/cli.md).",
  }),
  DRILL_REMINDER: withDefault("90d", {
    group: "Drills",
    parse: parseDuration,
    looks: "`90d`, `0` for never",
    about: "`status` speaks up when no restore and no drill succeeded for so long.",
  }),
  MONGOD_BINARY: optional({
    group: "Drills",
    parse: field.path,
    unset: "`mongod` on the `PATH`, else one that is fetched once (Linux x64)",
    looks: "`/usr/bin/mongod`",
    about: "The mongod that `drill` starts where `DRILL_MONGODB_URI` is not set.",
  }),
  ALERT_COMMAND: optional({
    group: "Alerts",
    secret: true,
    parse: field.text,
    looks: '`mail -s "$MONGOKEEP_TITLE" ops@example.org`',
    about:
      "Shell command run when a person is needed: the message on stdin, facts in `MONGOKEEP_…` variables.",
  }),
  ALERT_WEBHOOK_URL: optional({
    group: "Alerts",
    secret: true,
    parse: field.webUrl,
    looks: "`https://hooks.slack.com/services/…`",
    about: "Gets a JSON POST with `text` (as Slack reads it) and the facts.",
  }),
  ALERT_PING_URL: optional({
    group: "Alerts",
    secret: true,
    parse: field.webUrl,
    looks: "`https://hc-ping.com/…`",
    about: "Requested after each good backup, so that a watcher notices when none ran.",
  }),
};

export const settingsSchema = z.object({
  ...connection,
  ...backups,
  ...upkeep,
  ...surroundings,
});

/** Values by name, still apart: settings.ts puts them together. */
export type SettingValues = z.output<typeof settingsSchema>;
export type SettingName = keyof SettingValues;
