// The content of a database: collections with options, UUIDs and index definitions, kept as raw BSON, because the order
// of keys in validators, pipelines and indexes matters (TOOLS-3411).
import type { MongoClient } from "mongodb";
import { findElement, findString, TYPE_DOCUMENT } from "../bson/element.ts";
import { isTrue } from "../bson/fields.ts";
import { KeepError } from "../errors.ts";
import { OWN_PREFIX, ownNames, readMarkers } from "./own-collections.ts";
import { asBuffer, readIndexesOf } from "./read-indexes.ts";
import { ownerOf } from "./servers-own.ts";
import { driverError } from "./server-error.ts";

export type NamespaceType = "collection" | "timeseries" | "view";

export interface NamespaceInfo {
  readonly database: string;
  readonly name: string;
  readonly type: NamespaceType;
  /** Hex without dashes, as mongodump writes it; null for a view and a time series. */
  readonly uuid: string | null;
  /** The UUID of the collection with the documents: for a time series that of its buckets. */
  readonly dataUuid: string | null;
  /** Raw BSON of the options that `create` takes. */
  readonly options: Uint8Array;
  /** Raw BSON of each index definition, in the server's order; empty for a view. */
  readonly indexes: readonly Uint8Array[];
}

const EMPTY_DOCUMENT = Buffer.from([5, 0, 0, 0, 0]);
const BUCKETS = "system.buckets.";

/** Where the documents of a namespace are: a time series keeps them in buckets. */
export function dataCollection(type: NamespaceType, name: string): string {
  return type === "timeseries" ? BUCKETS + name : name;
}

/** Whether documents may violate a validator, which is then bypassed: the server's own collections have none. */
export function mayHaveValidator(type: NamespaceType, name: string): boolean {
  return type === "collection" && !name.startsWith("system.");
}

/** Lists all databases. @throws KeepError rights-missing if this user may not see all of them */
export async function listDatabaseNames(client: MongoClient): Promise<string[]> {
  try {
    const { databases } = await client
      .db("admin")
      .command({ listDatabases: 1, nameOnly: true, authorizedDatabases: false });
    return (databases as { name: string }[]).map((d) => d.name).sort();
  } catch (error) {
    throw driverError("list", "all databases", error);
  }
}

export interface ListedDatabase {
  /** Sorted by name. */
  readonly namespaces: readonly NamespaceInfo[];
  /** Collections not known to be the server's, in a database that only the server should write to. */
  readonly strays: readonly string[];
  /** Names of buckets without a time series. */
  readonly orphans: readonly string[];
}

/** The namespaces of a database that a backup holds, sorted by name (see listDatabase). */
export async function listNamespaces(
  client: MongoClient,
  database: string,
  signal: AbortSignal,
): Promise<readonly NamespaceInfo[]> {
  return (await listDatabase(client, database, signal)).namespaces;
}

/**
 * All except the server's own (servers-own.ts), and those that restores keep beside the live collections. Without
 * `withIndexes`, index definitions are not read and the lists are empty.
 */
export async function listDatabase(
  client: MongoClient,
  database: string,
  signal: AbortSignal,
  { withIndexes = true }: { readonly withIndexes?: boolean } = {},
): Promise<ListedDatabase> {
  const db = client.db(database);
  const found: NamespaceInfo[] = [];
  const strays: string[] = [];
  const buckets = new Map<string, string | null>();
  try {
    const cursor = db.listCollections({}, { nameOnly: false, raw: true });
    for await (const raw of cursor as unknown as AsyncIterable<Uint8Array>) {
      signal.throwIfAborted();
      const described = describe(database, asBuffer(raw));
      const owner = ownerOf(database, described.name);
      if (described.name.startsWith(BUCKETS)) buckets.set(described.name, described.uuid);
      else if (owner === "stray") strays.push(described.name);
      else if (owner !== "server") found.push(described);
    }
  } catch (error) {
    throw driverError("list", database, error);
  }
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  const series = new Set(found.filter((n) => n.type === "timeseries").map((n) => BUCKETS + n.name));
  const orphans = [...buckets.keys()].filter(
    (name) => !series.has(name) && ownerOf(database, name) === "data",
  );
  const own = (await withoutOwn(client, database, found)).map((info) => ({
    ...info,
    dataUuid: buckets.get(BUCKETS + info.name) ?? info.uuid,
  }));
  const indexes = withIndexes ? await readIndexesOf(client, database, own, signal) : [];
  const namespaces = own.map((info, n) => ({ ...info, indexes: indexes[n] ?? [] }));
  return { namespaces, strays: strays.sort(), orphans: orphans.sort() };
}

/** Markers are read only if a name requires it. */
async function withoutOwn(
  client: MongoClient,
  database: string,
  found: readonly NamespaceInfo[],
): Promise<readonly NamespaceInfo[]> {
  if (!found.some((n) => n.name.startsWith(OWN_PREFIX))) return found;
  const isOwn = ownNames(await readMarkers(client, database));
  return found.filter((n) => !isOwn(n.name));
}

/** A copy of the bytes of an embedded document. */
function subDocument(b: Buffer, start: number, name: string): Buffer | null {
  const found = findElement(b, start, name);
  if (found?.type !== TYPE_DOCUMENT) return null;
  return Buffer.from(b.subarray(found.at, found.at + b.readInt32LE(found.at)));
}

/** From an entry of listCollections: hex without dashes; null for a view and a time series. */
export function uuidOf(b: Buffer): string | null {
  const info = findElement(b, 0, "info");
  const uuid = info?.type === TYPE_DOCUMENT ? findElement(b, info.at, "uuid") : null;
  // A binary: length, subtype, 16 bytes.
  return uuid ? b.toString("hex", uuid.at + 5, uuid.at + 21) : null;
}

/** From an entry of listCollections, without indexes. */
export function describe(database: string, b: Buffer): NamespaceInfo {
  const type = findString(b, 0, "type") ?? "";
  return {
    database,
    name: findString(b, 0, "name") ?? "",
    type: type === "view" || type === "timeseries" ? type : "collection",
    uuid: uuidOf(b),
    dataUuid: null,
    options: subDocument(b, 0, "options") ?? EMPTY_DOCUMENT,
    indexes: [],
  };
}

/**
 * Whether the server drops the collection at its next start or election: working collections of $out, mapReduce and
 * convertToCapped, and those created as temporary. Only the option counts, not the name.
 */
export function isTemporary({ options }: Pick<NamespaceInfo, "options">): boolean {
  return isTrue(asBuffer(options), "temp");
}

/** @throws KeepError database-empty for a database without anything to back up */
export function assertNotEmpty(database: string, namespaces: readonly NamespaceInfo[]): void {
  if (namespaces.length > 0) return;
  throw new KeepError(
    "database-empty",
    `the database ${database} does not exist, or has no collections`,
  );
}
