// Whether collections still have their names, or where they are now, and at which time that was so.
import { UUID } from "mongodb";
import type { ClientSession, MongoClient } from "mongodb";
import { findString } from "../bson/element.ts";
import type { ClusterTime } from "./server-info.ts";
import { describe, uuidOf } from "./namespaces.ts";
import type { NamespaceInfo } from "./namespaces.ts";
import { asBuffer } from "./read-indexes.ts";
import { driverError } from "./server-error.ts";

export interface Standings {
  /** UUIDs of the collections with these names, hex without dashes; missing ones are left out. */
  readonly uuids: ReadonlyMap<string, string | null>;
  /** The server's newest entry when it was asked. */
  readonly at: ClusterTime;
}

/** Asks the primary. null if the server does not tell the time of its reply (no replica set). */
export async function readStandings(
  client: MongoClient,
  database: string,
  names: readonly string[],
): Promise<Standings | null> {
  try {
    return await client.withSession(async (session) => {
      const filter = { name: names.length === 1 ? names[0] : { $in: [...names] } };
      // Raw, because the driver reads no options that are not UTF-8.
      const found = (await client
        .db(database)
        .listCollections(filter, { nameOnly: false, raw: true, session })
        .toArray()) as unknown as readonly Uint8Array[];
      const at = timeOf(session);
      if (!at) return null;
      const uuids = found
        .map(asBuffer)
        .map((b) => [findString(b, 0, "name") ?? "", uuidOf(b)] as const);
      return { uuids: new Map(uuids), at };
    });
  } catch (error) {
    throw driverError("list", database, error);
  }
}

function timeOf({ operationTime }: ClientSession): ClusterTime | null {
  return operationTime ? { t: operationTime.t, i: operationTime.i } : null;
}

export interface Whereabouts {
  /** The collection's current definition, without indexes; null if it was dropped. */
  readonly info: NamespaceInfo | null;
  /** The server's newest entry before it was asked, and afterwards. */
  readonly since: ClusterTime;
  readonly until: ClusterTime;
}

/** The current name of a collection in its database. Asks the primary; null as for readStandings. */
export async function locateCollection(
  client: MongoClient,
  database: string,
  uuid: string,
): Promise<Whereabouts | null> {
  try {
    return await client.withSession(async (session) => {
      const db = client.db(database);
      await db.command({ ping: 1 }, { session });
      const since = timeOf(session);
      const wanted = { "info.uuid": new UUID(uuid) };
      const [found] = (await db
        .listCollections(wanted, { nameOnly: false, raw: true, session })
        .toArray()) as unknown as readonly Uint8Array[];
      const until = timeOf(session);
      const info = found ? describe(database, asBuffer(found)) : null;
      return since && until && { info, since, until };
    });
  } catch (error) {
    throw driverError("list", database, error);
  }
}
