// Turns what mongodump left in the folder into a backup of ours: only what belongs, private, on disk, counted by
// our own reading. What must stay true: counts and checksums are ours; those that mongodump reports are only compared.
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { readChunks } from "../archive/chunk-reader.ts";
import type { ConsistencyMode, ManifestCollection, ManifestFile } from "../archive/manifest.ts";
import { createStoredSum } from "../archive/data-file.ts";
import { onDisk, ON_DISK, openArchived } from "../archive/place.ts";
import { openStockDump } from "../archive/stock-dump.ts";
import { readMetadata } from "../archive/metadata-file.ts";
import type { ArchivedCollection } from "../archive/opened.ts";
import type { PartialBackup } from "../archive/writer.ts";
import { createEncoder } from "../codec/create.ts";
import type { Compression } from "../codec/codec.ts";
import { KeepError } from "../errors.ts";
import { dataCollection } from "../mongo/namespaces.ts";
import { indexName } from "../mongo/read-indexes.ts";
import { flushFile, makeFilePrivate, makeFolderPrivate } from "../storage/foreign-writer.ts";
import { localDisk } from "../storage/local-disk.ts";
import { runPool } from "../util/task-pool.ts";
import { SLOTS } from "./namespaces.ts";
import { isForeignName } from "../util/foreign-files.ts";

export interface Settling {
  readonly partial: PartialBackup;
  /** Whether a namespace belongs into the backup. */
  readonly belongs: (database: string, name: string) => boolean;
  /** Other files that stay, by their paths in the folder: accounts, the oplog. */
  readonly keeps: (path: string) => boolean;
  /** Documents by `database.collection`, as mongodump reported them. */
  readonly reported: ReadonlyMap<string, number>;
  /** mongodump knows no zstd: its plain files are compressed while they are counted. */
  readonly compression: Compression;
  readonly consistency: ConsistencyMode;
  readonly signal: AbortSignal;
}

export interface Settled {
  readonly collections: ManifestCollection[];
  readonly files: ManifestFile[];
}

const WIDTH = 2;
/** Chunks inflated ahead. */
const AHEAD = 2;

/** @throws KeepError damaged where a file cannot be read, or holds another count than was reported */
export async function settleFiles(settling: Settling): Promise<Settled> {
  const { partial, signal } = settling;
  // mongodump has written its files already: stored as they are.
  assert(partial.place.transform === null, "mongodump cannot write through a transform");
  const there = await openStockDump(partial.path, ON_DISK, signal).catch(emptyFolder);
  const kept = there.collections.filter((c) => settling.belongs(c.database, c.name));
  await removeOthers(settling, kept);
  const collections: ManifestCollection[] = [];
  const files: ManifestFile[] = [];
  await runPool(kept, WIDTH, signal, async (one, own) => {
    const settled = await settleCollection({ ...settling, signal: own }, one);
    collections.push(settled.collection);
    files.push(...settled.files);
  });
  const named = new Set(files.map((f) => f.path));
  // Accounts and the oplog. What is gzip already is not read: the oplog is gzip under a plain name.
  const toCompress = settling.compression.algorithm === "zstd";
  for (const path of await listFiles(partial.path))
    if (!named.has(path)) files.push((await measure(settling, path, toCompress)).file);
  collections.sort((a, b) => order(a.database, b.database) || order(a.name, b.name));
  return { collections, files: files.sort((a, b) => order(a.path, b.path)) };
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** mongodump writes no folder for a database that was dropped since it was listed. */
function emptyFolder(error: unknown): { readonly collections: readonly ArchivedCollection[] } {
  if (error instanceof KeepError && error.code === "damaged" && error.details.file === undefined)
    return { collections: [] };
  throw error;
}

/** Removes what does not belong, and closes what stays to other users. */
async function removeOthers(
  settling: Settling,
  kept: readonly ArchivedCollection[],
): Promise<void> {
  const root = settling.partial.path;
  const stay = new Set(kept.flatMap((c) => [c.dataFile?.path, c.metadataFile?.path]));
  for (const path of await listFiles(root)) {
    const absolute = join(root, path);
    if (!stay.has(absolute) && !settling.keeps(path)) await localDisk.remove(absolute);
    else await makeFilePrivate(absolute);
  }
  for (const { name, kind } of await localDisk.list(root)) {
    if (kind !== "folder") continue;
    const path = join(root, name);
    if ((await localDisk.list(path)).length === 0) await localDisk.remove(path);
    else await makeFolderPrivate(path);
  }
}

/** Relative paths of the files in the folder and its folders. */
async function listFiles(root: string, folder = ""): Promise<string[]> {
  const files: string[] = [];
  for (const { name, kind } of await localDisk.list(join(root, folder))) {
    if (isForeignName(name)) continue;
    const path = join(folder, name);
    if (kind === "folder") files.push(...(await listFiles(root, path)));
    else files.push(path);
  }
  return files;
}

async function settleCollection(settling: Settling, archived: ArchivedCollection) {
  const { database, name, type, dataFile, metadataFile } = archived;
  const root = settling.partial.path;
  const metadata = await readMetadata(archived);
  const data =
    dataFile === null ? null : await measure(settling, relative(root, dataFile.path), true);
  const definitions =
    metadataFile === null
      ? null
      : await measure(settling, relative(root, metadataFile.path), false);
  compare(settling, archived, data?.documents ?? 0);
  const files = [data?.file, definitions?.file].filter((file) => file !== undefined);
  const collection: ManifestCollection = {
    ...{ database, name, type },
    documents: data?.documents ?? 0,
    rawBytes: data?.rawBytes ?? 0,
    storedBytes: data?.file.bytes ?? 0,
    contentHash: null,
    consistency: settling.consistency,
    indexes: metadata?.indexes.map(indexName) ?? [],
    files: files.map((file) => file.path),
  };
  return { collection, files };
}

function compare({ reported }: Settling, collection: ArchivedCollection, documents: number): void {
  const { database, name, type } = collection;
  const told = reported.get(`${database}.${dataCollection(type, name)}`);
  if (told === undefined || told === documents) return;
  throw new KeepError(
    "damaged",
    `mongodump wrote ${told} documents of ${database}.${name}, and its file holds ${documents}`,
    { hint: "Check the disk and the memory of this machine; earlier good backups are untouched." },
  );
}

interface Measured {
  readonly documents: number;
  readonly rawBytes: number;
  readonly file: ManifestFile;
}

/** Reads a file to its end, and flushes it. Data is counted, and compressed where that is still to do. */
async function measure(settling: Settling, path: string, isData: boolean): Promise<Measured> {
  const { compression, signal } = settling;
  if (isData && compression.algorithm === "zstd") return await recode(settling, path);
  const file = onDisk(join(settling.partial.path, path));
  const stored = createStoredSum();
  let documents = 0;
  let rawBytes = 0;
  if (isData) {
    for await (const { raw } of readChunks(file, { width: AHEAD, signal, onStored: stored.add })) {
      documents += countDocuments(raw);
      rawBytes += raw.length;
    }
  } else {
    const opened = await openArchived(file, { signal, onStored: stored.add });
    await opened.finish().finally(() => opened.close());
  }
  await flushFile(file.path);
  return { documents, rawBytes, file: stored.digest(path) };
}

async function recode(settling: Settling, path: string): Promise<Measured> {
  const { partial, signal, compression } = settling;
  const absolute = join(partial.path, path);
  const target = await partial.openDataFile(`${path}.zst`, createEncoder(compression), SLOTS);
  let documents = 0;
  try {
    for await (const { raw } of readChunks(onDisk(absolute), { width: AHEAD, signal })) {
      documents += countDocuments(raw);
      await target.append(raw);
    }
    const { rawBytes, file } = await target.close();
    await partial.removeFile(path);
    return { documents, rawBytes, file };
  } catch (error) {
    await target.abort();
    throw error;
  }
}

/** A chunk is whole documents: their lengths lead from one to the next. */
function countDocuments(raw: Buffer): number {
  let documents = 0;
  for (let at = 0; at < raw.length; at += raw.readInt32LE(at)) documents++;
  return documents;
}
