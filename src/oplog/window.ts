// How far back a server's oplog reaches.
import type { Document, MongoClient, Timestamp } from "mongodb";
import { driverError } from "../mongo/server-error.ts";
import type { ClusterTime } from "../mongo/server-info.ts";

export interface OplogWindow {
  readonly oldest: ClusterTime;
  readonly newest: ClusterTime;
  readonly seconds: number;
}

/** null if there is no oplog. @throws KeepError rights-missing */
export async function readOplogWindow(client: MongoClient): Promise<OplogWindow | null> {
  try {
    const [oldest, newest] = [await readEnd(client, 1), await readEnd(client, -1)];
    if (oldest === null || newest === null) return null;
    return { oldest, newest, seconds: newest.t - oldest.t };
  } catch (error) {
    throw driverError("read", "local.oplog.rs", error);
  }
}

async function readEnd(client: MongoClient, direction: 1 | -1): Promise<ClusterTime | null> {
  const entry = await client
    .db("local")
    .collection<Document & { ts: Timestamp }>("oplog.rs")
    .findOne({}, { sort: { $natural: direction }, projection: { ts: 1 } });
  return entry ? { t: entry.ts.t, i: entry.ts.i } : null;
}
