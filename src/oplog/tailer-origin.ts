// Where a tail of the oplog begins, and how far it has to go.
// What must stay true: an origin is asked for before the instant is chosen; then whatever was open at the
// instant either is in config.transactions, or wrote its first entry after the origin.
import type { Document, MongoClient, Timestamp } from "mongodb";
import type { ClusterTime } from "../mongo/server-info.ts";
import { driverError } from "../mongo/server-error.ts";
import { compareTimes } from "./cluster-time.ts";

const TRANSACTIONS = "transactions";

/**
 * The entry to begin at: the newest that a majority holds, or the first of the oldest open transaction.
 * null where the server has no oplog. @throws KeepError rights-missing
 */
export async function findOrigin(client: MongoClient): Promise<ClusterTime | null> {
  const write = await lastWrite(client);
  const newest = asTime(write?.majorityOpTime);
  if (newest === null) return null;
  let origin = newest;
  try {
    const open = client
      .db("config")
      .collection(TRANSACTIONS)
      .find(
        { state: { $in: ["inProgress", "prepared"] } },
        { projection: { startOpTime: 1 }, readConcern: { level: "local" } },
      );
    for await (const transaction of open) {
      const start = asTime(transaction.startOpTime);
      if (start !== null && compareTimes(start, origin) < 0) origin = start;
    }
  } catch (error) {
    throw driverError("read", `config.${TRANSACTIONS}`, error);
  }
  return origin;
}

/** The newest entry that the primary wrote: whoever read before this, on any member, saw nothing newer. */
export async function findNewest(client: MongoClient): Promise<ClusterTime | null> {
  try {
    return asTime((await lastWrite(client))?.opTime);
  } catch (error) {
    throw driverError("read", "local.oplog.rs", error);
  }
}

async function lastWrite(client: MongoClient): Promise<Document | undefined> {
  const hello = await client.db("admin").command({ hello: 1 });
  return hello.lastWrite as Document | undefined;
}

function asTime(opTime: unknown): ClusterTime | null {
  const ts = (opTime as { ts?: Timestamp } | undefined)?.ts;
  return ts ? { t: ts.t, i: ts.i } : null;
}
