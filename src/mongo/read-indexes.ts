// Index definitions of collections as raw BSON: for many at once over one connection, for a few one by one.
import type { Db, Document, MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import { documentsOf, parseCursorReply } from "../bson/batch.ts";
import { findElement, findString } from "../bson/element.ts";
import { runPool } from "../util/task-pool.ts";
import { askAll, MANY } from "./ask-all.ts";
import type { Answer } from "./ask-all.ts";
import { CODES, driverError } from "./server-error.ts";

interface Named {
  readonly name: string;
  readonly type: string;
}

/** Concurrent requests through the driver. */
const WIDTH = 8;

/** In the order of `collections`, each with its definitions in the server's order; empty for a view. */
export async function readIndexesOf(
  client: MongoClient,
  database: string,
  collections: readonly Named[],
  signal: AbortSignal,
): Promise<readonly Uint8Array[][]> {
  const quick = await readMany(client, database, collections, signal);
  const found: Uint8Array[][] = [];
  const db = client.db(database);
  await runPool(collections.entries(), WIDTH, signal, async ([n, info]) => {
    found[n] = quick?.[n] ?? (await readIndexes(db, info));
  });
  return found;
}

/** null, for all or for single ones: read those the other way. */
async function readMany(
  client: MongoClient,
  database: string,
  collections: readonly Named[],
  signal: AbortSignal,
): Promise<(Uint8Array[] | null)[] | null> {
  if (collections.length < MANY) return null;
  const questions = collections
    .filter(({ type }) => type !== "view")
    .map(({ name }) => ({ database, command: questionOf(name) }));
  const answers = (await askAll(client, questions, signal, finishedIn))?.values();
  if (!answers) return null;
  return collections.map(({ type }) => (type === "view" ? [] : (answers.next().value ?? null)));
}

/**
 * listIndexes returns indexes under construction like finished ones unless asked. If the build of one fails later
 * (duplicate keys), it could never be restored.
 */
const questionOf = (collection: string) => ({
  listIndexes: collection,
  includeBuildUUIDs: true,
  cursor: { batchSize: 1_000 },
});

/** null if the reply is incomplete, or the server refused the request. */
function finishedIn({ bytes, at, code }: Answer): Uint8Array[] | null {
  // Dropped since the listing: the comparison after the dump sees it.
  if (code === CODES.namespaceNotFound) return [];
  const { ok, cursorId, batchAt } = parseCursorReply(bytes, at);
  if (!ok || cursorId !== 0n || batchAt < 0) return null;
  return documentsOf(bytes, batchAt)
    .filter((one) => findElement(one, 0, "buildUUID") === undefined)
    .map((one) => Uint8Array.from(one));
}

export async function readIndexes(db: Db, { name, type }: Named): Promise<Uint8Array[]> {
  if (type === "view") return [];
  try {
    const indexes: Uint8Array[] = [];
    const cursor = db.collection(name).listIndexes({ raw: true });
    for await (const raw of cursor as unknown as AsyncIterable<Uint8Array>)
      indexes.push(Uint8Array.from(raw));
    if (indexes.length < 2) return indexes;
    const building = await readBuilding(db, name);
    return indexes.filter((definition) => !building.includes(indexName(definition)));
  } catch (error) {
    // Dropped since the listing: the comparison after the dump sees it.
    if (error instanceof MongoServerError && error.code === CODES.namespaceNotFound) return [];
    throw driverError("list", `${db.databaseName}.${name}`, error);
  }
}

/** Names of indexes under construction. Empty if the server does not tell. */
async function readBuilding(db: Db, collection: string): Promise<readonly string[]> {
  const reply = await db.command(questionOf(collection)).catch(() => null);
  const { firstBatch = [] } = (reply?.cursor ?? {}) as { firstBatch?: readonly Document[] };
  return firstBatch.flatMap(({ buildUUID, spec }) =>
    buildUUID === undefined ? [] : [String((spec as Document).name)],
  );
}

/** Options for raw results from the driver. */
export const asBuffer = (raw: Uint8Array): Buffer =>
  Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);

/** The name of an index definition. */
export function indexName(definition: Uint8Array): string {
  return findString(asBuffer(definition), 0, "name") ?? "";
}
