// The two sides of a comparison, seen alike: a backup on disk, a server, or another backup.
import { basename } from "node:path";
import { readChunks } from "../archive/chunk-reader.ts";
import { readMetadata } from "../archive/metadata-file.ts";
import type { ArchivedCollection, OpenedBackup } from "../archive/opened.ts";
import type { CollectionType } from "../archive/manifest.ts";
import { validateDocuments } from "../bson/validate.ts";
import { readDocuments } from "../dump/collection.ts";
import { classifyReadFailure } from "../dump/consistency.ts";
import { KeepError } from "../errors.ts";
import { warn } from "../events.ts";
import type { Emit } from "../events.ts";
import { snapshotAt } from "../mongo/bulk-read.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { dataCollection } from "../mongo/namespaces.ts";
import type { NamespaceInfo } from "../mongo/namespaces.ts";
import { driverError } from "../mongo/server-error.ts";
import { ownerOf } from "../mongo/servers-own.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { isCapped } from "../bson/element.ts";
import { asDamage } from "./as-damage.ts";

/** What one side has under a name. */
export interface SideCollection {
  readonly database: string;
  readonly name: string;
  readonly type: CollectionType;
  /** What is promised without reading; null: nothing is. */
  readonly documents: number | null;
  readonly contentHash: string | null;
  /** Raw BSON; null: a stock dump without metadata. */
  readonly describe: () => Promise<Description | null>;
  /** Whole documents; none for a view. May be called several times. */
  readonly read: (signal: AbortSignal) => AsyncIterable<SideBatch>;
  /** How many documents there are, by the cheapest way. */
  readonly count: (signal: AbortSignal) => Promise<number>;
  /** Whether a read that failed so is worth another try; it will go another way then. */
  readonly retry?: (error: unknown) => boolean;
}

export interface Description {
  readonly options: Uint8Array;
  readonly indexes: readonly Uint8Array[];
  /** Stock tools write the keys of options in any order (TOOLS-3411). */
  readonly lostOrder: boolean;
}

export interface SideBatch {
  /** Whole documents, back to back, that can be walked without checks. */
  readonly bytes: Buffer;
  release(): void;
}

/** Two collections of one name; at least one is there. */
export interface Pair {
  /** As the backup names it. */
  readonly namespace: string;
  readonly backup: SideCollection | null;
  readonly other: SideCollection | null;
}

/** Chunks inflated ahead. */
const AHEAD = 3;
const nothingToRelease = () => undefined;

/** What no restore replaces: accounts, which are merged, and the server's own state in stock dumps. */
const isServersOwn = (c: { readonly database: string; readonly name: string }) =>
  ownerOf(c.database, c.name) !== "data";

export function sideOfBackup(backup: OpenedBackup): SideCollection[] {
  return backup.collections
    .filter((c) => !isServersOwn(c))
    .map((c) => ({
      database: c.database,
      name: c.name,
      type: c.type,
      documents: c.expected?.documents ?? null,
      contentHash: c.expected?.contentHash ?? null,
      describe: () => describeArchived(c, backup.manifest === null),
      read: (signal) => readArchived(c, signal),
      count: async (signal) => c.expected?.documents ?? (await countDocuments(readArchived(c, signal))), // prettier-ignore
    }));
}

async function describeArchived(c: ArchivedCollection, lostOrder: boolean) {
  const metadata = await readMetadata(c);
  return metadata && { options: metadata.options, indexes: metadata.indexes, lostOrder };
}

async function countDocuments(batches: AsyncIterable<SideBatch>): Promise<number> {
  let documents = 0;
  for await (const { bytes } of batches)
    for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at)) documents++;
  return documents;
}

/** @throws KeepError damaged, with the file's name */
export async function* readArchived(
  collection: Pick<ArchivedCollection, "dataFile" | "database" | "name">,
  signal: AbortSignal,
): AsyncGenerator<SideBatch, void, void> {
  const { dataFile } = collection;
  if (dataFile === null) return;
  try {
    for await (const { index, raw } of readChunks(dataFile, { width: AHEAD, signal })) {
      const found = validateDocuments(raw);
      if ("problem" in found)
        throw new KeepError("damaged", `document ${found.document} ${found.problem}`, {
          details: { chunk: index, document: found.document },
        });
      yield { bytes: raw, release: nothingToRelease };
    }
  } catch (error) {
    signal.throwIfAborted();
    const { problem, details } = asDamage(error);
    const { chunk } = details;
    const where = typeof chunk === "number" ? `, chunk ${chunk}` : "";
    const file = `${collection.database}/${basename(dataFile.path)}`;
    throw new KeepError("damaged", `${file}${where}: ${problem}`, {
      details: { file, ...(typeof chunk === "number" ? { chunk } : {}) },
      cause: error,
    });
  }
}

export interface LiveReading {
  readonly deployment: Deployment;
  /** Turns null when the server gives the instant up. */
  at: ClusterTime | null;
  readonly emit: Emit;
}

export function sideOfServer(
  live: LiveReading,
  namespaces: readonly NamespaceInfo[],
): SideCollection[] {
  return namespaces.filter((n) => !isServersOwn(n)).map((n) => sideOfNamespace(live, n));
}

function sideOfNamespace(live: LiveReading, n: NamespaceInfo): SideCollection {
  // Capped collections refuse snapshot reads.
  let now = isCapped(n.options);
  const instant = () => (now ? null : live.at);
  return {
    database: n.database,
    name: n.name,
    type: n.type,
    documents: null,
    contentHash: null,
    describe: () => Promise.resolve({ options: n.options, indexes: n.indexes, lostOrder: false }),
    read: (signal) => readLive(live.deployment, n, instant(), signal),
    count: () => countLive(live.deployment, n, instant()),
    retry: (error) => {
      if (instant() === null) return false;
      const failure = classifyReadFailure(error);
      if (failure === "other") return false;
      if (failure === "too-old") giveUpInstant(live);
      now = true;
      return true;
    },
  };
}

const BATCH_DOCUMENTS = 4_000;
const PIECE_BYTES = 16 * 1024 * 1024;

async function* readLive(
  deployment: Deployment,
  n: NamespaceInfo,
  at: ClusterTime | null,
  signal: AbortSignal,
): AsyncGenerator<SideBatch, void, void> {
  if (n.type === "view") return;
  const options = {
    database: n.database,
    collection: dataCollection(n.type, n.name),
    batchDocuments: BATCH_DOCUMENTS,
    pieceBytes: PIECE_BYTES,
    at,
    secondaryOk: true,
  };
  using raw = await deployment.openReader("primaryPreferred");
  for await (const batch of readDocuments(deployment, raw, options)) {
    signal.throwIfAborted();
    yield batch;
  }
}

async function countLive(
  deployment: Deployment,
  n: NamespaceInfo,
  at: ClusterTime | null,
): Promise<number> {
  if (n.type === "view") return 0;
  try {
    const reply = await deployment.client.db(n.database).command({
      aggregate: dataCollection(n.type, n.name),
      pipeline: [{ $count: "n" }],
      cursor: {},
      ...(at ? { readConcern: snapshotAt(at) } : {}),
    });
    const [first] = (reply.cursor as { firstBatch: { n: number }[] }).firstBatch;
    return first?.n ?? 0;
  } catch (error) {
    throw driverError("read", `${n.database}.${n.name}`, error);
  }
}

function giveUpInstant(live: LiveReading): void {
  if (live.at === null) return;
  live.at = null;
  warn(
    live.emit,
    "instant-lost",
    "the comparison takes longer than the server keeps the instant (minSnapshotHistoryWindowInSeconds): the rest is read as it is now",
  );
}
