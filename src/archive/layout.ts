// Names on disk: backup ids, and mongodump's escaping of collection names (mongo-tools, mongodump/prepare.go).
// What must stay true: no name of a database or collection can lead out of the backup folder.
import { createHash } from "node:crypto";
import { Temporal } from "temporal-polyfill";
import type { CompressionAlgorithm } from "../codec/codec.ts";
import { KeepError } from "../errors.ts";

const ID = /^\d{4}-\d{2}-\d{2}_\d{2}-\d{2}-\d{2}$/;
export const PARTIAL_SUFFIX = ".partial";
export const DAMAGED_SUFFIX = ".damaged";
export const MANIFEST_FILE = "manifest.json";
/** In place of the manifest, in what failed its own verification: no reader takes it for a backup's. */
export const DRAFT_FILE = "manifest.draft.json";
export const VERIFICATION_FILE = "verification.json";
/** mongodump's, beside the databases; with --gzip it is compressed, and called the same. */
export const OPLOG_FILE = "oplog.bson";
/** Before the name of a time series, for the collection that has its data. */
export const BUCKETS_PREFIX = "system.buckets.";

/** The oplog of a backup. mongorestore --gzip knows it by the plain name only. */
export function oplogPath(algorithm: CompressionAlgorithm): string {
  return algorithm === "zstd" ? `${OPLOG_FILE}.zst` : OPLOG_FILE;
}

/** Whether a path of a manifest is that of the backup's oplog. */
export function isOplog(path: string): boolean {
  return path === OPLOG_FILE || path === oplogPath("zstd");
}

/** Before the names of the files that have users and roles of one database. */
export const ACCOUNTS_PREFIX = "$admin.system.";

const ESCAPED_ACCOUNTS = /^%24admin\.system\.(users|roles|version)\.(bson|metadata\.json)(\.gz)?$/;

/** Whether a stock dump's file has users, roles or their version of one database; newer tools escape the `$`. */
export function isStockAccounts(name: string): boolean {
  return name.startsWith(ACCOUNTS_PREFIX) || ESCAPED_ACCOUNTS.test(name);
}

/** Whether a file beside the databases of a stock dump is its oplog. */
export function isStockOplog(name: string): boolean {
  return name === OPLOG_FILE || name === `${OPLOG_FILE}.gz`;
}

/** Whether a path of a manifest is that of users and roles of one database. */
export function isAccounts(path: string): boolean {
  return path.split("/")[1]?.startsWith(ACCOUNTS_PREFIX) === true;
}

export function isBackupId(name: string): boolean {
  return ID.test(name);
}

/** `YYYY-MM-DD_HH-MM-SS` in the zone. */
export function formatBackupId(ms: number, zone: string): string {
  const local = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone);
  return local
    .toPlainDateTime()
    .toString({ smallestUnit: "second" })
    .replace("T", "_")
    .replaceAll(":", "-");
}

/** The moment that an id names; NaN where its digits are no date. */
export function momentOf(id: string, zone: string): number {
  const [date = "", time = ""] = id.split("_");
  const text = `${date}T${time.slice(0, 8).replaceAll("-", ":")}`;
  try {
    return Temporal.PlainDateTime.from(text).toZonedDateTime(zone).epochMilliseconds;
  } catch (error) {
    if (error instanceof RangeError) return Number.NaN;
    throw error;
  }
}

export const partialName = (id: string) => `.${id}${PARTIAL_SUFFIX}`;
export const damagedName = (id: string) => `${id}${DAMAGED_SUFFIX}`;

/** What is never escaped. */
const PLAIN_NAME = /^[A-Za-z0-9_.~-]+$/;
/** Longer escaped names are cut, so that the longest suffix still fits into 255 bytes. */
const LONGEST = 238;
const CUT = 208;

/**
 * The file name of a collection, without suffix. A space is `%20` where mongodump writes `+`: both ways of
 * un-escaping in use, path and query, give the same name back.
 */
export function escapeName(name: string): string {
  return escapeWith(name, "%20");
}

/** The file name that mongodump itself gives the collection. */
export function mongodumpEscapeName(name: string): string {
  return escapeWith(name, "+");
}

function escapeWith(name: string, space: string): string {
  if (PLAIN_NAME.test(name) && name.length <= LONGEST) return name;
  const escape = (byte: number) => (byte === 0x20 ? space : escapeByte(byte));
  const escaped = [...Buffer.from(name, "utf8")].map(escape).join("");
  if (escaped.length <= LONGEST) return escaped;
  const hash = createHash("sha1").update(name).digest("base64url");
  return `${escaped.slice(0, CUT)}%24${hash}`;
}

function escapeByte(byte: number): string {
  const char = String.fromCharCode(byte);
  if (PLAIN_NAME.test(char)) return char;
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/**
 * null where the file is no escaped name, or one that was cut: then metadata.json has the true one.
 * A `+` stands for a space: mongodump's files have it, ours never do.
 */
export function unescapeName(file: string): string | null {
  if (isCutName(file)) return null;
  try {
    return decodeURIComponent(file.replaceAll("+", " "));
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

export function isDatabaseName(name: string): boolean {
  return name !== "" && name.length <= 63 && !/[/\\. "$\0]/.test(name);
}

/** @throws KeepError damaged for a database name that no server takes, and that could lead elsewhere */
export function assertDatabaseName(name: string): void {
  if (isDatabaseName(name)) return;
  throw new KeepError("damaged", `${JSON.stringify(name)} is no name of a database`);
}

export const DATA_FILE = /\.(bson|ejson)(\.gz|\.zst)?$/;
export const METADATA_FILE = /\.metadata\.json(\.gz)?$/;

/** How a data file has its documents: back to back, or a line of canonical Extended JSON each. */
export type Encoding = "bson" | "ejson";

/** The data file of a collection, relative to the backup. */
export function dataPath(
  database: string,
  collection: string,
  suffix: string,
  encoding: Encoding = "bson",
): string {
  assertDatabaseName(database);
  return `${database}/${escapeName(collection)}.${encoding}${suffix}`;
}

export function encodingOf(path: string): Encoding {
  return /\.ejson(\.gz|\.zst)?$/.test(path) ? "ejson" : "bson";
}

/**
 * The metadata file: compressed only where the data is gzip, because mongorestore without --gzip reads
 * plain metadata only.
 */
export function metadataPath(
  database: string,
  collection: string,
  algorithm: CompressionAlgorithm,
): string {
  assertDatabaseName(database);
  const suffix = algorithm === "gzip" ? ".gz" : "";
  return `${database}/${escapeName(collection)}.metadata.json${suffix}`;
}

/**
 * What the metadata of a time series is named after. mongorestore looks for that of a file whose name was cut
 * under the same name, which is that of its buckets (mongodump names it otherwise, and 100.7 fails on that).
 */
export function timeseriesMetadataName(name: string): string {
  const buckets = BUCKETS_PREFIX + name;
  return isCutName(escapeName(buckets)) ? buckets : name;
}

/** Whether the name was too long for a file, so that metadata.json alone has all of it. */
export const isCutName = (file: string) => /%24[\w-]{27}$/.test(file) && file.length > CUT;

/** Whether a path from a manifest names a file in a database's folder or the top one, and nothing else. */
export function isInnerPath(path: string): boolean {
  const parts = path.split("/");
  return (
    parts.length <= 2 &&
    parts.every((p) => p !== "" && p !== "." && p !== ".." && !p.includes("\0"))
  );
}
