// Sizes of collections, for planning only: the figures are estimates, and missing without the right to read them.
import type { Document, MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import { numberAt } from "../bson/batch.ts";
import { runPool } from "../util/task-pool.ts";
import { askAll, MANY } from "./ask-all.ts";
import type { Answer, Question } from "./ask-all.ts";
import { driverError } from "./server-error.ts";

export interface CollectionSize {
  readonly documents: number;
  /** Uncompressed BSON bytes. */
  readonly bytes: number;
  /** On the server's disk, compressed, including indexes. */
  readonly diskBytes: number;
}

/** Content of a collection, without its size on disk: the server answers much faster. */
export type ContentSize = Omit<CollectionSize, "diskBytes">;

export interface Collection {
  readonly database: string;
  readonly name: string;
}

/** Concurrent requests through the driver. */
const WIDTH = 8;

/**
 * Number of documents in the server's metadata; null if unknown. For a time series the number of buckets, under their
 * collection.
 */
export async function estimateCount(
  client: MongoClient,
  database: string,
  collection: string,
): Promise<number | null> {
  try {
    const { n } = await client.db(database).command({ count: collection });
    return Number(n);
  } catch (error) {
    if (error instanceof MongoServerError) return null;
    throw driverError("list", `${database}.${collection}`, error);
  }
}

/** null if the server does not tell (no right to collStats, a view). */
export async function estimateSize(
  client: MongoClient,
  database: string,
  collection: string,
): Promise<CollectionSize | null> {
  try {
    const stats = await client.db(database).command({ collStats: collection });
    return {
      documents: Number(stats.count ?? 0),
      bytes: Number(stats.size ?? 0),
      diskBytes: Number(stats.storageSize ?? 0) + Number(stats.totalIndexSize ?? 0),
    };
  } catch (error) {
    if (error instanceof MongoServerError) return null;
    throw driverError("list", `${database}.${collection}`, error);
  }
}

/** The same for several, in order. */
export async function estimateSizes(
  client: MongoClient,
  collections: readonly Collection[],
  signal: AbortSignal,
): Promise<(CollectionSize | null)[]> {
  const quick = await askMany(
    client,
    collections,
    signal,
    ({ name }) => ({ collStats: name }),
    sizeIn,
  );
  return quick ?? (await oneByOne(client, collections, signal));
}

/** Content of several, in order. */
export async function estimateContents(
  client: MongoClient,
  collections: readonly Collection[],
  signal: AbortSignal,
): Promise<(ContentSize | null)[]> {
  const question = ({ database, name }: Collection) => ({
    dataSize: `${database}.${name}`,
    estimate: true,
  });
  const quick = await askMany(client, collections, signal, question, contentIn);
  return quick ?? (await oneByOne(client, collections, signal));
}

async function oneByOne(
  client: MongoClient,
  collections: readonly Collection[],
  signal: AbortSignal,
): Promise<(CollectionSize | null)[]> {
  const sizes: (CollectionSize | null)[] = [];
  await runPool(collections.entries(), WIDTH, signal, async ([n, { database, name }]) => {
    sizes[n] = await estimateSize(client, database, name);
  });
  return sizes;
}

async function askMany<T>(
  client: MongoClient,
  collections: readonly Collection[],
  signal: AbortSignal,
  commandOf: (one: Collection) => Document,
  read: (answer: Answer) => T,
): Promise<T[] | null> {
  if (collections.length < MANY) return null;
  const questions = collections.map((one): Question => ({
    database: one.database,
    command: commandOf(one),
  }));
  return await askAll(client, questions, signal, read);
}

function sizeIn({ bytes, at, code }: Answer): CollectionSize | null {
  if (code !== 0) return null;
  return {
    documents: numberAt(bytes, at, "count"),
    bytes: numberAt(bytes, at, "size"),
    diskBytes: numberAt(bytes, at, "storageSize") + numberAt(bytes, at, "totalIndexSize"),
  };
}

function contentIn({ bytes, at, code }: Answer): ContentSize | null {
  if (code !== 0) return null;
  return { documents: numberAt(bytes, at, "numObjects"), bytes: numberAt(bytes, at, "size") };
}
