// Whether a collection still stands under its name, and when that was so.
import type { Document, MongoClient, Timestamp, UUID } from "mongodb";
import type { ClusterTime } from "./server-info.ts";
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
    const reply = await client
      .db(database)
      .command({ listCollections: 1, filter: { name }, cursor: {} });
    const at = reply.operationTime as Timestamp | undefined;
    const [found] = (reply.cursor as { firstBatch: Document[] }).firstBatch;
    const uuid = (found?.info as { uuid?: UUID } | undefined)?.uuid;
    return at
      ? { uuid: uuid?.toString("hex").replaceAll("-", "") ?? null, at: { t: at.t, i: at.i } }
      : null;
  } catch (error) {
    throw driverError("list", database, error);
  }
}
