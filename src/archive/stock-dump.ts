// A folder of stock mongodump, opened by what lies in it.
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { KeepError } from "../errors.ts";
import {
  ACCOUNTS_PREFIX,
  assertDatabaseName,
  BUCKETS_PREFIX,
  escapeName,
  METADATA_FILE,
  mongodumpEscapeName,
  unescapeName,
} from "./layout.ts";
import { readMetadata } from "./metadata-file.ts";
import type { ArchivedCollection, OpenedBackup } from "./opened.ts";
import { findStockOplog } from "./stock-oplog.ts";

const STOCK_DATA = /\.bson(\.gz|\.zst)?$/;

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
