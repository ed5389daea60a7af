// Whether a collection still stands under its name, and when that was so.
import type { MongoClient } from "mongodb";
import type { ClusterTime } from "./server-info.ts";
import { asBuffer, uuidOf } from "./namespaces.ts";
import { driverError } from "./server-error.ts";

export interface Standing {
  /** Of the collection that bears the name, hex without dashes; null where there is none. */
  readonly uuid: string | null;
  /** The server's newest entry when it was asked. */
  readonly at: ClusterTime;
}

/** Asks the primary. null where the server does not tell the time of its answer (no replica set). */
export async function readStanding(
  client: MongoClient,
  database: string,
  name: string,
): Promise<Standing | null> {
  try {
    return await client.withSession(async (session) => {
      // Raw: the driver reads no options that are not UTF-8.
      const [found] = (await client
        .db(database)
        .listCollections({ name }, { nameOnly: false, raw: true, session })
        .toArray()) as unknown as readonly Uint8Array[];
      const at = session.operationTime;
      return at ? { uuid: found ? uuidOf(asBuffer(found)) : null, at: { t: at.t, i: at.i } } : null;
    });
  } catch (error) {
    throw driverError("list", database, error);
  }
}
