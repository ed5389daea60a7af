// All namespaces of a listing, several at a time, the largest first: data, then metadata.
import { availableParallelism } from "node:os";
import { gzip, gzipSync } from "node:zlib";
import { promisify } from "node:util";
import { dataPath, metadataPath, timeseriesMetadataName } from "../archive/layout.ts";
import type { DataFile } from "../archive/data-file.ts";
import type { Encoding } from "../archive/layout.ts";
import type { ConsistencyMode, ManifestCollection, ManifestFile } from "../archive/manifest.ts";
import { formatMetadata } from "../archive/metadata.ts";
import type { PartialBackup } from "../archive/writer.ts";
import { isCapped } from "../bson/element.ts";
import { SHORT_BYTES, tablesFor } from "../codec/gzip-members.ts";
import { createEncoder, suffixOf } from "../codec/create.ts";
import type { Compression } from "../codec/codec.ts";
import type { Emit } from "../events.ts";
import type { RawBatch, ReadOptions } from "../mongo/bulk-read.ts";
import { estimateContents, estimateSize } from "../mongo/collection-size.ts";
import type { ContentSize } from "../mongo/collection-size.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { dataCollection } from "../mongo/namespaces.ts";
import { indexName } from "../mongo/read-indexes.ts";
import type { NamespaceInfo } from "../mongo/namespaces.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import type { RateLimit } from "../util/rate-limit.ts";
import { runLargestFirst } from "../util/task-pool.ts";
import type { Lanes } from "../util/task-pool.ts";
import { writeBatches } from "./collection.ts";
import type { CollectionData } from "./collection.ts";
import type { DumpConnections } from "./connections.ts";
import { classifyReadFailure } from "./consistency.ts";
import { toLines } from "./lines-file.ts";
import { ReadAhead } from "./read-ahead.ts";
import { readOnward } from "./resume.ts";
import { startingOver } from "./start-over.ts";
import type { DumpTail } from "./tail.ts";

export interface DumpRun {
  readonly deployment: Deployment;
  readonly connections: DumpConnections;
  readonly partial: PartialBackup;
  readonly at: ClusterTime | null;
  readonly compression: Compression;
  readonly encoding: Encoding;
  readonly rate: RateLimit;
  readonly tail: DumpTail;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Chunks are about so long: enough for the compressor, little enough for flat memory. */
export const PIECE_BYTES = 2 * 1024 * 1024;
/** Replies of about this size keep the stream full; the server's own 16 MB would cost memory. */
const BATCH_BYTES = 1.9 * 1024 * 1024;
/**
 * More than two large ones at a time gain nothing: compression is what takes the time, and it uses every core. Small
 * ones wait most of the time for the disk, which flushes many files as soon as one.
 */
const LANES: Lanes<Sized> = {
  large: Math.min(2, availableParallelism()),
  small: 16,
  isSmall: ({ size }) => size !== null && size.bytes <= SMALL_BYTES,
};
const SMALL_BYTES = 256 * 1024;
/** Chunks being compressed at once in one collection. */
export const SLOTS = Math.min(4, availableParallelism());
const gzipLong = promisify(gzip);

async function gzipText(text: Buffer): Promise<Buffer> {
  if (text.length > SHORT_BYTES) return await gzipLong(text);
  return gzipSync(text, tablesFor(text.length));
}

/** The collection that has the documents by now, and since when it has. */
interface Standing {
  readonly now: string;
  readonly after: ClusterTime;
}

interface Sized {
  readonly info: NamespaceInfo;
  readonly size: ContentSize | null;
  readonly standing?: Standing;
}

/** What the dump of many namespaces shares. `at` turns null when the server gives the instant up. */
interface Shared {
  at: ClusterTime | null;
  /** null: nothing is read before its turn. */
  readonly ahead: ReadAhead | null;
  readonly onRead: (namespace: string, documents: number, bytes: number) => void;
}

export interface DumpedNamespaces {
  readonly collections: ManifestCollection[];
  readonly files: ManifestFile[];
  /** Whether all (capped collections aside) were read at the run's instant. */
  readonly atInstant: boolean;
}

export async function dumpNamespaces(
  run: DumpRun,
  namespaces: readonly NamespaceInfo[],
): Promise<DumpedNamespaces> {
  const sized = await withSizes(run, namespaces);
  await using ahead = readAhead(run, sized);
  const shared: Shared = { at: run.at, ahead, onRead: createProgress(run, sized) };
  const collections: ManifestCollection[] = [];
  const files: ManifestFile[] = [];
  await runLargestFirst(sized, LANES, run.signal, async (one, signal) => {
    // Each waits for the disk.
    const [data, metadata] = await both(
      dumpData({ ...run, signal }, shared, one),
      writeMetadata(run, one.info),
    );
    collections.push(entryOf(one.info, data, metadata));
    files.push(metadata, ...(data ? [data.file] : []));
  });
  await run.tail.settleRest();
  collections.sort((a, b) => order(a.database, b.database) || order(a.name, b.name));
  files.sort((a, b) => order(a.path, b.path));
  return { collections, files, atInstant: shared.at !== null };
}

/** The results of two works, once neither goes on. */
async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}

function readAhead(run: DumpRun, sized: readonly Sized[]): ReadAhead {
  const reads = sized.flatMap((one) => {
    if (one.info.type === "view" || one.size === null || !LANES.isSmall(one)) return [];
    const options = readOptions(run, one, instantOf(one.info, run.at));
    return [{ options, expected: one.size }];
  });
  return new ReadAhead(run, reads);
}

/** Capped collections refuse snapshot reads (tried on 6.0.5: code 246): outside of the instant. */
const instantOf = ({ options }: NamespaceInfo, at: ClusterTime | null) =>
  isCapped(options) ? null : at;

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** The largest first, so that the last ones do not wait for one that began late. */
async function withSizes(run: DumpRun, namespaces: readonly NamespaceInfo[]): Promise<Sized[]> {
  const named = namespaces
    .filter(({ type }) => type !== "view")
    .map((info) => ({ info, database: info.database, name: dataCollection(info.type, info.name) }));
  const sizes = await estimateContents(run.deployment.client, named, run.signal);
  const known = new Map(named.map(({ info }, n) => [info, sizes[n] ?? null]));
  const sized = namespaces.map((info): Sized => ({ info, size: known.get(info) ?? null }));
  return sized.sort((a, b) => (b.size?.bytes ?? 0) - (a.size?.bytes ?? 0));
}

function createProgress(run: DumpRun, sized: readonly Sized[]): Shared["onRead"] {
  const totalBytes = sized.reduce((sum, { size }) => sum + (size?.bytes ?? 0), 0);
  let documents = 0;
  let bytes = 0;
  return (namespace, moreDocuments, moreBytes) => {
    documents += moreDocuments;
    bytes += moreBytes;
    run.emit({ kind: "progress", step: "dump", namespace, documents, bytes, totalBytes });
  };
}

type DumpedData = CollectionData & { readonly consistency: ConsistencyMode };

/** The documents of one namespace; null for a view. */
async function dumpData(run: DumpRun, shared: Shared, one: Sized): Promise<DumpedData | null> {
  const { info } = one;
  if (info.type === "view") return null;
  const at = instantOf(info, shared.at);
  if (at === null) return { ...(await readNow(run, shared, one)), consistency: "none" };
  try {
    const data = await readInto(run, shared, one, at);
    await run.tail.settleSoon(info);
    return { ...data, consistency: "snapshot" };
  } catch (error) {
    const failure = classifyReadFailure(error);
    const isCarried = failure === "moved" && run.tail.holds;
    if (failure !== "too-old" && !isCarried) throw error;
    giveUpInstant(run, shared, isCarried ? info : null);
    return { ...(await readNow(run, shared, one)), consistency: "none" };
  }
}

/**
 * As it is while the cursor passes. A collection that was dropped or renamed meanwhile, or whose cursor died of
 * something else, leaves an empty file: the tail knows whether it must be read again (catch-up.ts).
 */
async function readNow(run: DumpRun, shared: Shared, one: Sized): Promise<CollectionData> {
  if (shared.at === null) run.tail.assertWhole();
  try {
    const data = await readInto(run, shared, one, null);
    if (await run.tail.settle(one.info)) return data;
  } catch (error) {
    if (!run.tail.holds || classifyReadFailure(error) !== "moved") throw error;
  }
  if (shared.at !== null) giveUpInstant(run, shared, one.info);
  return await leaveEmpty(run, one.info);
}

async function leaveEmpty(run: DumpRun, info: NamespaceInfo): Promise<CollectionData> {
  await run.partial.removeFile(dataFileOf(run, info));
  const encoder = createEncoder(run.compression);
  const empty = await run.partial.openDataFile(dataFileOf(run, info), encoder, 1);
  return { documents: 0, ...(await empty.close()) };
}

/**
 * Reads a collection where it is by now into the file of the name that it had at the instant.
 * `isWhole` false: its cursor died, and the file is empty.
 */
export async function dumpMoved(
  run: DumpRun,
  info: NamespaceInfo,
  standing: Standing,
): Promise<{ readonly dumped: DumpedNamespaces; readonly isWhole: boolean }> {
  const size = await estimateSize(run.deployment.client, info.database, standing.now);
  const shared: Shared = { at: null, ahead: null, onRead: () => undefined };
  await run.partial.removeFile(dataFileOf(run, info));
  try {
    const data = await readInto(run, shared, { info, size, standing }, null);
    return { dumped: await withMetadata(run, info, data), isWhole: true };
  } catch (error) {
    if (classifyReadFailure(error) !== "moved") throw error;
    return { dumped: await dumpEmpty(run, info), isWhole: false };
  }
}

/** For a collection of which only the log has anything. */
export async function dumpEmpty(run: DumpRun, info: NamespaceInfo): Promise<DumpedNamespaces> {
  return await withMetadata(run, info, await leaveEmpty(run, info));
}

async function withMetadata(run: DumpRun, info: NamespaceInfo, data: CollectionData) {
  await run.partial.removeFile(metadataFileOf(run, info));
  const metadata = await writeMetadata(run, info);
  const collection = entryOf(info, { ...data, consistency: "oplog" }, metadata);
  return { collections: [collection], files: [metadata, data.file], atInstant: false };
}

/** `moved`: the collection that cannot be read at the instant any more; null where the server gave it up. */
function giveUpInstant(run: DumpRun, shared: Shared, moved: NamespaceInfo | null): void {
  if (shared.at === null) return;
  shared.at = null;
  const { holds, reason } = run.tail;
  const why = moved
    ? `${moved.database}.${moved.name} was dropped, renamed or altered`
    : "the dump takes longer than the server keeps the instant (minSnapshotHistoryWindowInSeconds)";
  run.emit({
    kind: "log",
    level: holds ? "info" : "warn",
    code: holds ? "instant-by-oplog" : "instant-lost",
    message: holds
      ? `${why}: the rest is read as it is now, and the oplog makes it one instant`
      : `${why}: the rest is read as it is now, and the backup is not one instant${reason ? `, because the oplog cannot be read: ${reason.message} (${reason.hint})` : ""}`,
  });
}

const dataFileOf = (run: DumpRun, info: NamespaceInfo) =>
  dataPath(
    info.database,
    dataCollection(info.type, info.name),
    suffixOf(run.compression.algorithm),
    run.encoding,
  );

function readOptions(
  run: DumpRun,
  { info, size, standing }: Sized,
  at: ClusterTime | null,
): ReadOptions {
  return {
    database: info.database,
    collection: standing?.now ?? dataCollection(info.type, info.name),
    batchDocuments: batchDocuments(size),
    pieceBytes: PIECE_BYTES,
    at,
    // A member that lags behind must not give less than was listed.
    after: standing?.after ?? run.at,
    secondaryOk: true,
  };
}

/** Reads the documents into their file, of which nothing is left on failure. */
async function readInto(
  run: DumpRun,
  shared: Shared,
  one: Sized,
  at: ClusterTime | null,
): Promise<CollectionData> {
  const { info } = one;
  const options = readOptions(run, one, at);
  const path = dataFileOf(run, info);
  return await startingOver(run, options, async () => {
    const ahead = (await shared.ahead?.take(options)) ?? null;
    const file = await openFile(run, info);
    let [allDocuments, allBytes] = [0, 0];
    const onRead = (documents: number, bytes: number) => {
      allDocuments += documents;
      allBytes += bytes;
      shared.onRead(`${info.database}.${info.name}`, documents, bytes);
    };
    try {
      const batches = ahead ? onlyBatch(ahead) : readOnward(run, options);
      return await writeBatches(batches, file, { ...run, onRead });
    } catch (error) {
      onRead(-allDocuments, -allBytes);
      await run.partial.removeFile(path);
      throw error;
    }
  });
}

// eslint-disable-next-line @typescript-eslint/require-await -- an async source like the others
async function* onlyBatch(batch: RawBatch): AsyncGenerator<RawBatch, void, void> {
  yield batch;
}

async function openFile(run: DumpRun, info: NamespaceInfo): Promise<DataFile> {
  const encoder = createEncoder(run.compression);
  const file = await run.partial.openDataFile(dataFileOf(run, info), encoder, SLOTS);
  return run.encoding === "bson" ? file : toLines(file, `${info.database}.${info.name}`);
}

function batchDocuments(size: ContentSize | null): number {
  if (size === null || size.documents === 0) return 1_000;
  const each = Math.max(1, size.bytes / size.documents);
  return Math.max(1, Math.min(100_000, Math.round(BATCH_BYTES / each)));
}

async function writeMetadata(run: DumpRun, info: NamespaceInfo): Promise<ManifestFile> {
  const { algorithm } = run.compression;
  const text = formatMetadata({
    collectionName: info.name,
    type: info.type,
    uuid: info.uuid,
    options: info.options,
    indexes: info.indexes,
  });
  const plain = Buffer.from(text);
  const bytes = algorithm === "gzip" ? await gzipText(plain) : plain;
  return await run.partial.writeFile(metadataFileOf(run, info), bytes);
}

function metadataFileOf({ compression }: DumpRun, { type, name, database }: NamespaceInfo): string {
  const own = type === "timeseries" ? timeseriesMetadataName(name) : name;
  return metadataPath(database, own, compression.algorithm);
}

function entryOf(
  info: NamespaceInfo,
  data: DumpedData | null,
  metadata: ManifestFile,
): ManifestCollection {
  return {
    database: info.database,
    name: info.name,
    type: info.type,
    documents: data?.documents ?? 0,
    rawBytes: data?.rawBytes ?? 0,
    storedBytes: data?.storedBytes ?? 0,
    contentHash: null,
    consistency: data?.consistency ?? "none",
    indexes: info.indexes.map(indexName),
    files: data ? [data.file.path, metadata.path] : [metadata.path],
  };
}
