// Indexes as they were, after the data: all of a collection's in one createIndexes, key order kept.
// TTL indexes come last of all: the server deletes expired documents within 60 s of the build.
import { warn } from "../../events.ts";
import type { MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import type { CollectionMetadata } from "../../archive/metadata.ts";
import { toOrdered } from "../../bson/ordered.ts";
import type { Emit } from "../../events.ts";
import { useOfIndexField } from "../../mongo/definition-fields.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { runExactly } from "../../mongo/exact-command.ts";
import { CODES, driverError } from "../../mongo/server-error.ts";
import { BY_PRIMARY, MAJORITY } from "../../mongo/write-concerns.ts";
import { isOlder } from "../../util/series.ts";
import { EXPIRY } from "./create.ts";
import type { HowMade } from "./create.ts";
import { indexRefusal } from "./index-refusal.ts";

export type Definition = Map<string, unknown>;

export interface IndexSets {
  readonly plain: readonly Definition[];
  /** With an expiry: only after the documents are verified. */
  readonly expiring: readonly Definition[];
}

/** What createIndexes gets for a collection: without `_id_` and the clustered index, which `create` made. */
export function splitIndexes(metadata: CollectionMetadata): IndexSets {
  const collated = toOrdered(metadata.options).has("collation");
  const definitions = metadata.indexes
    .map(toOrdered)
    .filter((d) => !isIdIndex(d) && d.get("clustered") !== true)
    .map((d) => cleaned(d, collated));
  return {
    plain: definitions.filter((d) => !d.has(EXPIRY)),
    expiring: definitions.filter((d) => d.has(EXPIRY)),
  };
}

/** Made with the collection. Old servers gave it other names and numbers (`_id_1`, 1.0, true). */
function isIdIndex(definition: Definition): boolean {
  if (definition.get("name") === "_id_") return true;
  const key = buildableKey(definition.get("key"));
  if (!(key instanceof Map) || key.size !== 1) return false;
  const value: unknown = (key as Definition).get("_id");
  return Number(String(value)) > 0;
}

/** The same index without its expiry, which a later collMod can add where the server is 5.1 or newer. */
export function withoutExpiry(definition: Definition): Definition {
  const copy = new Map(definition);
  copy.delete(EXPIRY);
  return copy;
}

function cleaned(definition: Definition, collectionIsCollated: boolean): Definition {
  const copy = new Map(definition);
  for (const name of [...copy.keys()]) if (useOfIndexField(name) === "left-out") copy.delete(name);
  copy.set("key", buildableKey(copy.get("key")));
  if (isOldFormat(copy)) return withoutCollation(copy);
  copy.delete("v");
  // An index without a collation would inherit its collection's, and become another index.
  if (collectionIsCollated && !copy.has("collation"))
    copy.set("collation", new Map([["locale", "simple"]]));
  return copy;
}

/**
 * Before MongoDB 3.4 anything but a negative number meant "ascending"; since then `true`, `0` or `""` are kept,
 * and never built again. As mongorestore does (mongo-tools, bsonutil.ConvertLegacyIndexKeys).
 */
function buildableKey(key: unknown): unknown {
  if (!(key instanceof Map)) return key;
  const fields = [...(key as Definition)];
  if (fields.every(([, value]) => isBuildable(value))) return key;
  return new Map(fields.map(([name, value]) => [name, isBuildable(value) ? value : 1]));
}

function isBuildable(value: unknown): boolean {
  if (typeof value === "string") return value !== "";
  const kind = (value as { readonly _bsontype?: string } | null)?._bsontype ?? "";
  if (!["Int32", "Long", "Double", "Decimal128"].includes(kind)) return false;
  const number = Number(String(value));
  return number < 0 || number > 0;
}

/** An index of the old format stays one. Version 0 is gone since MongoDB 4.2. */
function isOldFormat(definition: Definition): boolean {
  return Number(definition.get("v")) === 1;
}

/** The old format knows none; newer servers report a simple one, and then refuse it (mongo-tools, restore.go). */
function withoutCollation(definition: Definition): Definition {
  const copy = new Map(definition);
  copy.delete("collation");
  return copy;
}

type Builder = Pick<Deployment, "client" | "server" | "isLookalike">;

/** Builds all the given indexes at once. @throws KeepError server-error naming the index and documents, rights-missing */
export async function buildIndexes(
  deployment: Builder,
  target: { readonly database: string; readonly name: string },
  indexes: readonly Definition[],
  { writeConcern = BY_PRIMARY }: Pick<HowMade, "writeConcern"> = {},
): Promise<void> {
  if (indexes.length === 0) return;
  const what = `indexes of ${target.database}.${target.name}`;
  const isStrange = indexes.some((d) =>
    [...d.keys()].some((f) => useOfIndexField(f) === "unknown"),
  );
  const command = new Map<string, unknown>([
    ["createIndexes", target.name],
    ["indexes", indexes],
    // A newer server takes what is its own; what is nobody's never had an effect.
    ...(isStrange ? ([["ignoreUnknownIndexOptions", true]] as const) : []),
    ...quorumFor(deployment),
    ["writeConcern", writeConcern],
  ]);
  try {
    await runExactly(deployment.client, target.database, command, {
      action: "create",
      target: what,
    });
  } catch (error) {
    throw await indexRefusal(deployment.client, target, error);
  }
}

/** By its own default the server waits for every member that votes, without end for one that is down. */
function quorumFor({ server, isLookalike }: Builder) {
  const isKnown =
    server.topology !== "standalone" && !isLookalike && !isOlder(server.version, "4.4");
  return isKnown ? [["commitQuorum", "majority"] as const] : [];
}

/**
 * Waits until all earlier writes are on disk and held by a majority: a createIndexes that finds its index
 * there changes nothing, and its write concern waits for the newest write of the server.
 */
export async function settleWrites(
  client: MongoClient,
  collections: readonly {
    readonly database: string;
    readonly name: string;
    readonly type: string;
  }[],
  emit: Emit,
): Promise<void> {
  const target = collections.find((c) => c.type === "collection" && !c.name.startsWith("system."));
  if (!target) return;
  try {
    await client.db(target.database).command({
      createIndexes: target.name,
      indexes: [{ key: { _id: 1 }, name: "_id_" }],
      writeConcern: { ...MAJORITY, j: true },
    });
  } catch (error) {
    if (error instanceof MongoServerError && error.code === CODES.writeConcernTimeout) {
      const message = "the restored data is not held by a majority of the replica set yet";
      warn(emit, "no-majority", message);
      return;
    }
    throw driverError("create", `indexes of ${target.database}.${target.name}`, error);
  }
}
