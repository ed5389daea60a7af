// A backup opened for reading: ours by its manifest, or a folder of stock mongodump by what lies in it.
import { lstat, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { KeepError } from "../errors.ts";
import {
  ACCOUNTS_PREFIX,
  assertDatabaseName,
  BUCKETS_PREFIX,
  DAMAGED_SUFFIX,
  escapeName,
  isBackupId,
  isInnerPath,
  isOplog,
  MANIFEST_FILE,
  mongodumpEscapeName,
  PARTIAL_SUFFIX,
  unescapeName,
  VERIFICATION_FILE,
} from "./layout.ts";
import type { CollectionType, Manifest } from "./manifest.ts";
import { parseManifest } from "./manifest-check.ts";
import { hasFewValues, parseMetadata } from "./metadata.ts";
import type { CollectionMetadata } from "./metadata.ts";
import { openPlainFile, readExactly } from "./open-file.ts";
import { findStockOplog } from "./stock-oplog.ts";
import type { ArchivedOplog } from "./stock-oplog.ts";

export interface ArchivedCollection {
  readonly database: string;
  readonly name: string;
  readonly type: CollectionType;
  /** Absolute; null for a view. */
  readonly dataFile: string | null;
  readonly metadataFile: string | null;
  /** What the manifest promises; null in a stock dump, which promises nothing. */
  readonly expected: {
    readonly documents: number;
    readonly rawBytes: number;
    readonly contentHash: string | null;
    readonly newestId?: string | null;
  } | null;
}

export interface OpenedBackup {
  /** Absolute. */
  readonly path: string;
  /** The file of `mongodump --archive` that `path` was unpacked from. */
  readonly archive?: string;
  /** The name of the folder or the file. */
  readonly id: string;
  /** null: a stock dump. */
  readonly manifest: Manifest | null;
  readonly collections: readonly ArchivedCollection[];
  /** It comes with an oplog, which must be replayed to make it one state. */
  readonly hasOplog: boolean;
  readonly oplog: ArchivedOplog | null;
}

export const DATA_FILE = /\.(bson|ejson)(\.gz|\.zst)?$/;
const STOCK_DATA = /\.bson(\.gz|\.zst)?$/;
export const METADATA_FILE = /\.metadata\.json(\.gz)?$/;
/** Metadata of a collection is text of some kilobytes; a bomb is not. */
const LONGEST_METADATA = 32 * 1024 * 1024;
/** Some hundred bytes a collection. */
const LONGEST_MANIFEST = 256 * 1024 * 1024;

/**
 * @param path absolute path of the backup's folder
 * @throws KeepError backup-not-found (no such folder), damaged (empty, or a manifest that cannot be read)
 */
export async function openBackup(path: string): Promise<OpenedBackup> {
  await assertFolder(path);
  const text = await readManifestText(path);
  if (text === null) return await openStockDump(path);
  const parsed = parseManifest(text);
  if ("problem" in parsed)
    throw new KeepError("damaged", `${MANIFEST_FILE} of ${basename(path)} ${parsed.problem}`, {
      details: { file: MANIFEST_FILE },
    });
  const { manifest } = parsed;
  const collections = manifest.collections.map((c): ArchivedCollection => {
    const find = (pattern: RegExp) => {
      const relative = c.files.find((file) => pattern.test(file));
      return relative !== undefined && isInnerPath(relative) ? join(path, relative) : null;
    };
    const { documents, rawBytes, contentHash, newestId = null } = c;
    return {
      database: c.database,
      name: c.name,
      type: c.type,
      dataFile: find(DATA_FILE),
      metadataFile: find(METADATA_FILE),
      expected: { documents, rawBytes, contentHash, newestId },
    };
  });
  const { algorithm } = manifest.compression;
  const log = manifest.files.find((file) => isOplog(file.path));
  const oplog = log ? { file: join(path, log.path), algorithm } : null;
  return { path, id: basename(path), manifest, collections, hasOplog: oplog !== null, oplog };
}

async function assertFolder(path: string): Promise<void> {
  const stat = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  });
  if (stat?.isDirectory() === true) return;
  throw new KeepError(
    "backup-not-found",
    stat === null ? `there is no folder ${path}` : `${path} is not a folder`,
  );
}

async function readManifestText(path: string): Promise<string | null> {
  const names = await readdir(path);
  if (names.length === 0) throw new KeepError("damaged", `${path} is empty`);
  if (!names.includes(MANIFEST_FILE)) {
    assertNeverOurs(path, names);
    return null;
  }
  try {
    return (await readWhole(join(path, MANIFEST_FILE), LONGEST_MANIFEST)).toString("utf8");
  } catch (error) {
    if (!(error instanceof KeepError)) throw error;
    throw new KeepError("damaged", `${MANIFEST_FILE}: ${error.message}`, {
      details: { file: MANIFEST_FILE },
      cause: error,
    });
  }
}

/** A backup of ours without its manifest must not pass for a stock dump, which promises nothing. */
function assertNeverOurs(path: string, names: readonly string[]): void {
  const name = basename(path);
  const unfinished = name.startsWith(".") && name.endsWith(PARTIAL_SUFFIX);
  const named = isBackupId(name) || name.endsWith(DAMAGED_SUFFIX);
  if (!unfinished && !named && !names.includes(VERIFICATION_FILE)) return;
  const problem = unfinished ? `${name} was never finished` : `${MANIFEST_FILE} is missing`;
  throw new KeepError("damaged", problem, { details: { file: MANIFEST_FILE } });
}

/** The metadata of a collection; null where the archive has none. @throws KeepError damaged */
export async function readMetadata(
  collection: Pick<ArchivedCollection, "metadataFile">,
): Promise<CollectionMetadata | null> {
  const { metadataFile } = collection;
  if (metadataFile === null) return null;
  try {
    const stored = await readWhole(metadataFile, LONGEST_METADATA);
    const text = metadataFile.endsWith(".gz") ? inflateWhole(stored) : stored;
    if (!hasFewValues(text))
      throw new KeepError("damaged", "it has more values than options and indexes can have");
    return parseMetadata(text.toString("utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new KeepError("damaged", `the metadata in ${basename(metadataFile)}: ${reason}`, {
      details: { file: basename(metadataFile) },
      cause: error,
    });
  }
}

async function readWhole(path: string, mostBytes: number): Promise<Buffer> {
  const { file, bytes } = await openPlainFile(path);
  try {
    if (bytes > mostBytes) throw new KeepError("damaged", "the file is too long");
    return await readExactly(file, 0, bytes);
  } finally {
    await file.close();
  }
}

/** Node's gunzip passes over bytes that follow the compressed ones: told here. */
function inflateWhole(stored: Buffer): Buffer {
  const { buffer, engine } = gunzipSync(stored, {
    maxOutputLength: LONGEST_METADATA,
    info: true,
  }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
  if (engine.bytesWritten !== stored.length) throw new Error("more follows behind its end");
  return buffer;
}

/**
 * A folder with a folder for each database, or one database's folder itself.
 * @throws KeepError damaged where it holds no collection
 */
export async function openStockDump(path: string): Promise<OpenedBackup> {
  const entries = await readdir(path, { withFileTypes: true });
  const direct = entries.filter((e) => e.isFile()).map((e) => e.name);
  const collections: ArchivedCollection[] = [];
  for (const entry of entries)
    if (entry.isDirectory()) {
      const found = await readDatabaseFolder(join(path, entry.name), entry.name);
      if (found.length > 0) assertDatabaseName(entry.name);
      collections.push(...found);
    }
  if (collections.length === 0)
    collections.push(...(await readDatabaseFolder(path, basename(path))));
  if (collections.length === 0)
    throw new KeepError("damaged", `${path} holds no backup: no manifest and no .bson file`);
  const oplog = await findStockOplog(path, direct);
  const hasOplog = oplog !== null;
  return { path, id: basename(path), manifest: null, collections, hasOplog, oplog };
}

interface StockFiles {
  readonly data?: string;
  readonly metadata?: string;
}

async function readDatabaseFolder(folder: string, database: string): Promise<ArchivedCollection[]> {
  const names = (await readdir(folder)).sort();
  const byBase = new Map<string, StockFiles>();
  const put = (base: string, part: StockFiles) =>
    byBase.set(base, { ...byBase.get(base), ...part });
  // mongodump --oplog puts its log beside the databases, without metadata; a collection may bear its name.
  const isLog = (name: string) =>
    /^oplog\.bson(\.gz)?$/.test(name) &&
    !names.some((other) => other.startsWith("oplog.metadata."));
  for (const name of names) {
    if (name.startsWith(ACCOUNTS_PREFIX) || isLog(name)) continue;
    const base = name.replace(METADATA_FILE, "").replace(STOCK_DATA, "");
    const bare = base.startsWith(BUCKETS_PREFIX) ? base.slice(BUCKETS_PREFIX.length) : base;
    // Metadata of cut names of ours is named after the buckets too.
    if (METADATA_FILE.test(name))
      put(unescapeName(base) === null ? bare : base, { metadata: name });
    else if (STOCK_DATA.test(name)) put(bare, { data: name });
  }
  await joinCutBuckets(folder, byBase);
  const found: ArchivedCollection[] = [];
  for (const [base, { data, metadata }] of byBase)
    found.push(await describeStock(folder, database, base, data, metadata));
  return found;
}

/** A long name of a time series is cut in another place than that of its buckets: only the metadata joins them. */
async function joinCutBuckets(folder: string, byBase: Map<string, StockFiles>): Promise<void> {
  const orphans = new Map<string, string>();
  for (const [base, { data, metadata }] of byBase)
    if (metadata === undefined && data?.startsWith(BUCKETS_PREFIX) === true)
      orphans.set(data.replace(STOCK_DATA, ""), base);
  if (orphans.size === 0) return;
  for (const [base, { data, metadata }] of [...byBase]) {
    if (data !== undefined || metadata === undefined) continue;
    const read = await readMetadata({ metadataFile: join(folder, metadata) });
    const buckets = BUCKETS_PREFIX + (read?.collectionName ?? "");
    const orphan = orphans.get(escapeName(buckets)) ?? orphans.get(mongodumpEscapeName(buckets));
    if (orphan === undefined) continue;
    byBase.set(base, { ...byBase.get(orphan), metadata });
    byBase.delete(orphan);
  }
}

async function describeStock(
  folder: string,
  database: string,
  base: string,
  data: string | undefined,
  metadata: string | undefined,
): Promise<ArchivedCollection> {
  const metadataFile = metadata === undefined ? null : join(folder, metadata);
  const read = await readMetadata({ metadataFile });
  const name = read && read.collectionName !== "" ? read.collectionName : unescapeName(base);
  if (name === null)
    throw new KeepError("damaged", `${base}: its true name is in metadata.json, which is missing`);
  const type =
    read?.type === "view" || data === undefined
      ? "view"
      : data.startsWith(BUCKETS_PREFIX) || read?.type === "timeseries"
        ? "timeseries"
        : "collection";
  return {
    database,
    name,
    type,
    dataFile: data === undefined ? null : join(folder, data),
    metadataFile,
    expected: null,
  };
}
