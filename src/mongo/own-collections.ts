// The collections that restores keep beside the live ones: staged, retained, tried. Their names begin with a prefix,
// and a marker document in the same database says what each one is. What must stay true: a collection without a marker
// that only looks like one of these is treated as the user's, and is backed up.
import type { MongoClient } from "mongodb";
import { driverError } from "./server-error.ts";

/** `__mongokeep_<restore id>_<n>` */
export const OWN_PREFIX = "__mongokeep_";
/** Contains one document for each of them. */
export const MARKERS = `${OWN_PREFIX}restores`;
/**
 * In `admin`, while accounts are merged: the server reads them from there. Not a name that users choose, because it is
 * dropped.
 */
export const MERGED_USERS = `${OWN_PREFIX}users`;
export const MERGED_ROLES = `${OWN_PREFIX}roles`;
const UNMARKED: readonly string[] = [MARKERS, MERGED_USERS, MERGED_ROLES];

/**
 * `staged`: being built, or left by an interrupted restore. `aside`: replaced live data, retained. `returned`:
 * restored, live for a while, and undone. `tried`: empty, for the rehearsal.
 */
export type OwnRole = "staged" | "aside" | "returned" | "tried";

export interface Marker {
  readonly database: string;
  /** The current name of the collection. */
  readonly name: string;
  readonly restoreId: string;
  readonly role: OwnRole;
  /** The live namespace that it belongs to. */
  readonly namespace: string;
}

interface StoredMarker {
  readonly _id: string;
  readonly restore: string;
  readonly role: OwnRole;
  readonly namespace: string;
}

export const ownName = (restoreId: string, n: number) => `${OWN_PREFIX}${restoreId}_${n}`;

/** Whether a restore gave this name. */
export const belongsTo = (restoreId: string, name: string) =>
  name.startsWith(`${OWN_PREFIX}${restoreId}_`);

const ROLES: readonly string[] = ["staged", "aside", "returned", "tried"] satisfies OwnRole[];

const SETTLED = { writeConcern: { w: "majority", wtimeoutMS: 60_000 } } as const;
/** A marker that reappears after a fail-over does no harm; waiting for a majority that is gone would never end. */
const BY_PRIMARY = { writeConcern: { w: 1 } } as const;

/** Call it before the collection exists, so that no backup includes it. May be called again. */
export async function addMarkers(client: MongoClient, markers: readonly Marker[]): Promise<void> {
  for (const [database, own] of byDatabase(markers))
    try {
      await client
        .db(database)
        .collection<StoredMarker>(MARKERS)
        .bulkWrite(
          own.map(({ name, restoreId, role, namespace }) => ({
            replaceOne: {
              filter: { _id: name },
              replacement: { restore: restoreId, role, namespace },
              upsert: true,
            },
          })),
          SETTLED,
        );
    } catch (error) {
      throw driverError("write", `${database}.${MARKERS}`, error);
    }
}

/** Call it when the collections are gone. The last one also drops the marker collection. */
export async function removeMarkers(
  client: MongoClient,
  markers: readonly Pick<Marker, "database" | "name">[],
): Promise<void> {
  for (const [database, own] of byDatabase(markers))
    try {
      const collection = client.db(database).collection<StoredMarker>(MARKERS);
      await collection.deleteMany({ _id: { $in: own.map((m) => m.name) } }, BY_PRIMARY);
      if ((await collection.findOne({}, { projection: { _id: 1 } })) === null)
        await collection.drop(BY_PRIMARY);
    } catch (error) {
      throw driverError("write", `${database}.${MARKERS}`, error);
    }
}

/** The markers of a database, whether or not the collections exist. */
export async function readMarkers(client: MongoClient, database: string): Promise<Marker[]> {
  try {
    const stored = await client.db(database).collection<StoredMarker>(MARKERS).find().toArray();
    return stored.filter(isMarker).map(({ _id, restore, role, namespace }) => ({
      ...{ database, name: _id, restoreId: restore, role, namespace },
    }));
  } catch (error) {
    throw driverError("read", `${database}.${MARKERS}`, error);
  }
}

/** Documents of others in it mark nothing: such a collection counts as the user's, and is never dropped. */
function isMarker({ _id, restore, role, namespace }: Partial<StoredMarker>): boolean {
  return (
    [_id, restore, namespace].every((one) => typeof one === "string") && ROLES.includes(role ?? "")
  );
}

/** Which names are ours, given the markers of their database. */
export function ownNames(markers: readonly Marker[]): (name: string) => boolean {
  const marked = new Set(markers.map((m) => m.name));
  return (name) => UNMARKED.includes(name) || (name.startsWith(OWN_PREFIX) && marked.has(name));
}

/** Whether a name has our form, if no marker can be read: for names in a log. */
export const hasOwnForm = (name: string) =>
  UNMARKED.includes(name) || /^__mongokeep_\d{4}-\d\d-\d\d_[\d-]+_\d+$/.test(name);

function byDatabase<T extends { readonly database: string }>(
  items: readonly T[],
): Map<string, T[]> {
  return Map.groupBy(items, (item) => item.database);
}
