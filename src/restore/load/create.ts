// Collections and views as they were: options, validators, collations, in the server's own order of keys.
import type { MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import type { CollectionMetadata } from "../../archive/metadata.ts";
import { isCapped } from "../../bson/element.ts";
import { toOrdered } from "../../bson/ordered.ts";
import { ID_INDEX, useOfOption } from "../../mongo/definition-fields.ts";
import { runExactly } from "../../mongo/exact-command.ts";
import { CODES, driverError } from "../../mongo/server-error.ts";
import { BY_PRIMARY, MAJORITY } from "../../mongo/write-concerns.ts";
import type { WriteConcern } from "../../mongo/write-concerns.ts";

/** Expiry begins after the documents are loaded and verified: the server deletes expired ones within 60 s. */
export const EXPIRY = "expireAfterSeconds";

/**
 * The options for `create`. What no server is known to have is sent too, so that a newer server gets its own and any
 * other names it; servers up to 2.4, which kept the whole command, took anything and minded nothing.
 */
export function createOptions(metadata: CollectionMetadata): Map<string, unknown> {
  const options = toOrdered(metadata.options);
  const isOld = options.has("create");
  for (const name of [...options.keys()]) {
    const use = useOfOption(name);
    if (use === "left-out" || (use === "unknown" && isOld)) options.delete(name);
  }
  options.delete(EXPIRY);
  // Old servers kept them of any collection; newer ones refuse them of what is not capped.
  if (!isCapped(metadata.options)) for (const name of ["size", "max"]) options.delete(name);
  const idIndex = idIndexOf(metadata);
  options.delete("idIndex");
  if (idIndex) options.set("idIndex", idIndex);
  return options;
}

/** The `_id` index can only be given at creation; only where it is not the plain one. */
function idIndexOf(metadata: CollectionMetadata): Map<string, unknown> | null {
  for (const raw of metadata.indexes) {
    const definition = toOrdered(raw);
    if (definition.get("name") !== "_id_" || !definition.has("collation")) continue;
    return new Map([...definition].filter(([name]) => ID_INDEX.has(name)));
  }
  return null;
}

/** The collection's own expiry (time series, clustered), or null. */
export function collectionExpiry(metadata: CollectionMetadata): unknown {
  return toOrdered(metadata.options).get(EXPIRY) ?? null;
}

/** Stored functions: the server lets nobody drop them (tried on 6.0.5: code 20), so they are emptied. */
const UNDROPPABLE = "system.js";

/** Servers after 6.0 have changeStreamPreAndPostImages in its place, and no longer keep images in the oplog. */
const GONE = "recordPreImages";
const isUnknownField = (error: unknown) =>
  error instanceof MongoServerError && error.code === CODES.unknownField;

/** How a change of a namespace is made. */
export interface HowMade {
  /** Absent: BY_PRIMARY. The restore waits for a majority once, at its end. */
  readonly writeConcern?: WriteConcern;
  /** Waits no longer for its locks. */
  readonly maxTimeMS?: number;
}

/** Creates a collection or view that must not exist. @throws KeepError server-error, rights-missing */
export async function createNamespace(
  client: MongoClient,
  target: { readonly database: string; readonly name: string },
  metadata: CollectionMetadata | null,
  { writeConcern = BY_PRIMARY, maxTimeMS }: HowMade = {},
): Promise<void> {
  const namespace = `${target.database}.${target.name}`;
  const command = new Map([
    ["create", target.name],
    ...(metadata ? createOptions(metadata) : []),
    ["writeConcern", writeConcern],
    ...(maxTimeMS === undefined ? [] : [["maxTimeMS", maxTimeMS] as const]),
  ] as [string, unknown][]);
  const run = () =>
    runExactly(client, target.database, command, { action: "create", target: namespace });
  try {
    await run().catch(async (error: unknown) => {
      if (!isUnknownField(error) || !command.delete(GONE)) throw error;
      await run();
    });
  } catch (error) {
    const isEmptied = error instanceof MongoServerError && error.code === CODES.namespaceExists;
    if (isEmptied && target.name === UNDROPPABLE) return;
    throw driverError("create", namespace, error);
  }
}

/** Drops a collection or view; one that is not there is no error. `maxTimeMS`: waits no longer for it. */
export async function dropNamespace(
  client: MongoClient,
  target: { readonly database: string; readonly name: string },
  maxTimeMS?: number,
): Promise<void> {
  const limit = { writeConcern: BY_PRIMARY, ...(maxTimeMS !== undefined && { maxTimeMS }) };
  const db = client.db(target.database);
  try {
    if (target.name === UNDROPPABLE)
      await db.command({ delete: target.name, deletes: [{ q: {}, limit: 0 }], ...limit });
    else await db.command({ drop: target.name, ...limit });
  } catch (error) {
    if (error instanceof MongoServerError && error.code === CODES.namespaceNotFound) return;
    const action = target.name === UNDROPPABLE ? "empty" : "drop";
    throw driverError(action, `${target.database}.${target.name}`, error);
  }
}

/** Sets a collection's expiry once its documents are in place: the last step, so that it waits for a majority itself. */
export async function setExpiry(
  client: MongoClient,
  target: { readonly database: string; readonly name: string },
  expireAfterSeconds: unknown,
  maxTimeMS?: number,
): Promise<void> {
  const limit = { writeConcern: MAJORITY, ...(maxTimeMS !== undefined && { maxTimeMS }) };
  try {
    await client
      .db(target.database)
      .command({ collMod: target.name, expireAfterSeconds, ...limit });
  } catch (error) {
    throw driverError("create", `${target.database}.${target.name}`, error);
  }
}

/** Orders views so that each comes after the view or collection it is built on. */
export function orderViews<T extends { readonly name: string; readonly viewOn: string }>(
  views: readonly T[],
): T[] {
  const waiting = new Map(views.map((v) => [v.name, v]));
  const ordered: T[] = [];
  const visit = (view: T) => {
    if (!waiting.delete(view.name)) return;
    const base = waiting.get(view.viewOn);
    if (base) visit(base);
    ordered.push(view);
  };
  for (const view of views) visit(view);
  return ordered;
}
